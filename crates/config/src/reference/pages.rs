//! The pages of the documentation that explain the keys of a suite.

use faultgate_core::model::{EngineKind, ProbeKind};

use crate::suite::blocks;
use crate::suite::blocks::fis::FIS;
use crate::suite::content::{ABORT_WHEN_KEY, PROBES_KEY};
use crate::suite::keys::Key;
use crate::suite::links::LINKS_KEY;
use crate::suite::probes::keys::{self as probes, PROBE};
use crate::suite::tables::{ABORT_WHEN, EXPERIMENT, LINK, ROOT};

/// Finds the page that explains a key of the suite file; `None` for a word that is no key. A key of several tables
/// is that of the outermost.
pub fn find_page(word: &str) -> Option<String> {
    let has = |keys: &[Key]| keys.iter().any(|key| key.name == word);
    let is_of_suite = ["version", "gate", "experiments", LINKS_KEY].contains(&word);
    // The page of the suite has the queries for FIS templates.
    if is_of_suite || [EXPERIMENT, LINK, FIS].into_iter().any(has) {
        return Some("docs/suite.md".to_owned());
    }
    if [PROBES_KEY, ABORT_WHEN_KEY].contains(&word) || [ROOT, ABORT_WHEN, PROBE].into_iter().any(has) {
        return Some("docs/probes.md".to_owned());
    }
    let mut engines = EngineKind::ALL.into_iter();
    let engine = engines.find(|engine| engine.as_str() == word || has(blocks::keys(*engine)));
    let is_of_probe = |kind: ProbeKind| kind.as_str() == word || has(probes::keys(kind));
    let of_probe = || ProbeKind::ALL.into_iter().any(is_of_probe).then(|| "docs/probes.md".to_owned());
    engine.map(|engine| format!("docs/{}.md", engine.as_str())).or_else(of_probe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::table::find;

    #[test]
    fn each_key_has_a_page_that_is_there_and_names_it() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
        let tables = EngineKind::ALL.map(blocks::keys).into_iter().chain(ProbeKind::ALL.map(probes::keys));
        let tables = tables.chain([ROOT, EXPERIMENT, LINK, ABORT_WHEN, PROBE]);
        let words = EngineKind::WORDS.iter().chain(ProbeKind::WORDS).copied();
        let words = words.chain(["version", "gate", "experiments", PROBES_KEY, ABORT_WHEN_KEY, LINKS_KEY]);
        // An input of the same name has a page of its own in the help.
        let keys = tables.flatten().map(|key| key.name).filter(|name| find(name).is_none());
        for word in keys.chain(words) {
            let page = find_page(word).unwrap_or_else(|| panic!("{word} has no page"));
            let text = std::fs::read_to_string(format!("{root}{page}")).unwrap();
            assert!(text.contains(word), "{page} does not name {word}");
        }
        assert_eq!(find_page("timeoot"), None);
    }
}
