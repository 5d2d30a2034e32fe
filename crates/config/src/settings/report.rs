//! The settings of commands that run nothing and only write reports.
//!
//! A command of this kind needs no experiment and few inputs, so mistakes in all others must not keep it from
//! its work.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ::config::Value;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::CompareTo;

use super::comparison::{Compared, read_earlier};
use crate::inputs::table::{COMMIT, COMPARE_TO, CONFIG, MAX_SCORE_DROP, REPORT_DIR, REPOSITORY};
use crate::layers::file::{self, Document};
use crate::layers::merge::{self, Layer};
use crate::layers::values::Values;
use crate::suite::content;

/// The `report-dir` that a run with the same settings would use. A suite file is looked for in `dir`.
/// Mistakes in other settings are ignored.
pub fn report_dir(
    env: &Environment,
    flags: &[(String, OsString)],
    dir: &Path,
) -> Result<PathBuf, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let values = some_values(env, flags, dir, &[REPORT_DIR.name()], &mut mistakes)?;
    if mistakes.is_empty() { Ok(values.get(REPORT_DIR)) } else { Err(mistakes) }
}

/// The folder that a run with the same settings would write to, and the earlier result that it would be
/// compared with. Mistakes are ignored: each part is told as far as it can be learned.
pub fn report_places(
    env: &Environment,
    flags: &[(String, OsString)],
    dir: &Path,
) -> (PathBuf, Option<PathBuf>) {
    let unheard = &mut Vec::new();
    let values =
        some_values(env, flags, dir, &[REPORT_DIR.name(), COMPARE_TO.name()], unheard).unwrap_or_default();
    // A run whose `report-dir` is a mistake is taken for one that writes to the usual folder.
    (dir.join(values.get(REPORT_DIR)), values.get(COMPARE_TO).map(|path| dir.join(path)))
}

/// The repository and the commit that the settings name.
pub fn repository_and_commit(
    env: &Environment,
    flags: &[(String, OsString)],
    dir: &Path,
) -> Result<(Option<String>, Option<String>), Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let values = some_values(env, flags, dir, &[REPOSITORY.name(), COMMIT.name()], &mut mistakes)?;
    if mistakes.is_empty() { Ok((values.get(REPOSITORY), values.get(COMMIT))) } else { Err(mistakes) }
}

/// The result that merged results are compared with: the same as for a run with these settings that is not
/// split.
pub fn compare_to(
    env: &Environment,
    flags: &[(String, OsString)],
    dir: &Path,
    now: Compared,
    warnings: &mut Vec<String>,
) -> Result<Option<CompareTo>, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let values = some_values(env, flags, dir, &[COMPARE_TO.name(), MAX_SCORE_DROP.name()], &mut mistakes)?;
    let compare_to = read_earlier(&values, dir, now, &mut mistakes, warnings);
    if mistakes.is_empty() { Ok(compare_to) } else { Err(mistakes) }
}

/// The values of the wanted inputs, from every place that a run takes them from.
pub(crate) fn some_values(
    env: &Environment,
    flags: &[(String, OsString)],
    dir: &Path,
    wanted: &[&str],
    mistakes: &mut Vec<Mistake>,
) -> Result<Values, Vec<Mistake>> {
    let (merged, document) = some_layers(env, flags, dir, wanted, mistakes)?;
    Ok(Values::read(&merged, document.as_ref(), mistakes))
}

/// The values before they are parsed, and the suite file that some of them may come from.
type Layers = (HashMap<String, Value>, Option<Document>);

/// The merged values of the wanted inputs before they are parsed, and the suite file.
pub(crate) fn some_layers(
    env: &Environment,
    flags: &[(String, OsString)],
    dir: &Path,
    wanted: &[&str],
    mistakes: &mut Vec<Mistake>,
) -> Result<Layers, Vec<Mistake>> {
    // Mistakes of the suite file belong to other settings, so nobody hears of them here.
    let unheard = &mut Vec::new();
    let is_wanted = |name: &str| name == CONFIG.name() || wanted.contains(&name);
    let flags = flags.iter().filter(|(name, _)| is_wanted(name)).cloned().collect();
    let (ci, own) = (Layer::ci_of(&is_wanted, env, mistakes), Layer::own_of(&is_wanted, env, mistakes));
    let flags = Layer::flags(flags, mistakes);
    let above_suite =
        merge::merge([ci.clone(), own.clone(), flags.clone()]).map_err(|mistake| vec![mistake])?;
    let named = above_suite.get(CONFIG.name());
    let named = named.and_then(|value| Some((value.clone().into_string().ok()?, value.origin()?)));
    let named = named.as_ref().map(|(name, origin)| (name.as_str(), *origin));
    let document = file::load(named, dir, env, unheard).ok().flatten();
    let suite =
        document.as_ref().map(|document| content::read(document, dir, unheard).layer).unwrap_or_default();
    let mut merged =
        merge::merge([Layer::defaults(&[]), suite, ci, own, flags]).map_err(|mistake| vec![mistake])?;
    // Defaults and the suite bring all inputs, but mistakes in the others must not be told here.
    merged.retain(|name, _| wanted.contains(&name.as_str()));
    Ok((merged, document))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pairs: &[(&str, &str)], flag: Option<&str>, suite: &str) -> Result<PathBuf, Vec<Mistake>> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".faultgate.yml"), suite).unwrap();
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let flags: Vec<_> =
            flag.map(|value| (REPORT_DIR.name().to_owned(), value.into())).into_iter().collect();
        report_dir(&Environment::from_pairs(pairs.collect::<Vec<_>>()), &flags, dir.path())
    }

    #[test]
    fn it_is_where_a_run_would_write() {
        let env = [("FAULTGATE_REPORT_DIR", "own")];
        let suite = "version: 1\nreport-dir: suite\nexperiments: [{ name: a, url: \"${MISSING}\" }]\n";
        assert_eq!(found(&[], None, "").unwrap(), Path::new("faultgate-report"));
        assert_eq!(found(&[], None, suite).unwrap(), Path::new("suite"));
        assert_eq!(found(&env, None, suite).unwrap(), Path::new("own"));
        assert_eq!(found(&env, Some("flag"), suite).unwrap(), Path::new("flag"));
    }

    #[test]
    fn where_reports_are_is_learned_whatever_is_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let suite = |text: &str| std::fs::write(dir.path().join(".faultgate.yml"), text).unwrap();
        let places = |pairs: &[(&str, &str)], flags: &[(&str, &str)]| {
            let flags: Vec<_> =
                flags.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            report_places(&Environment::from_pairs(pairs.collect::<Vec<_>>()), &flags, dir.path())
        };
        let at = |path: &str| dir.path().join(path);
        suite("{ broken");
        assert_eq!(places(&[], &[]), (at("faultgate-report"), None));
        assert_eq!(places(&[("FAULTGATE_REPORT_DIR", "own")], &[]), (at("own"), None));
        assert_eq!(places(&[("FAULTGATE_REPORT_DIR", "a\u{7}b")], &[]), (at("faultgate-report"), None));
        suite(
            "version: 1\nreport-dir: out\ngate: { compare-to: old.json, expected-resilience-score: high }\n",
        );
        assert_eq!(places(&[], &[]), (at("out"), Some(at("old.json"))));
        assert_eq!(places(&[], &[("report-dir", "flag"), ("unheard-of", "x")]).0, at("flag"));
    }

    #[test]
    fn only_mistakes_in_it_are_told() {
        let env = [("FAULTGATE_TIMEOUT", "30 parsecs"), ("FAULTGATE_REPORT_DIR", "a\u{7}b")];
        let mistakes = found(&env, None, "version: 7\n").unwrap_err();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(mistakes[0].to_string().starts_with("report-dir: "), "{}", mistakes[0]);
    }
}
