//! The reports of results that exist: one result is rendered again, or the parts of a suite are merged into one
//! gate.
//!
//! A result of another run, repository or commit is refused. No experiment is begun or asked for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::ids::make_id;
use crate::lifecycle::merge;
use crate::session::provenance::find_differences;
use crate::terminal::refusal::refuse_run;
use crate::terminal::{complain, say};
use crate::wiring::sinks::FileSinks;
use crate::wiring::surroundings::{detect_surroundings, find_provenance};
use faultgate_config as config;
use faultgate_config::{Compared, SUITE_DIR, read_result};
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{CompareTo, Outcome, RunIdentity, RunResult, Verdict};
use faultgate_core::text;
use faultgate_report::{RESULT_FILE, ResultFile, Sink, Stage, closing};

/// Hint for the result of another run.
const OTHER_RUN_HINT: &str = "take the results of this run alone, with the same repository and commit; outside of a CI any result \
                      can be rendered";
/// Longest warning that is printed, in characters.
const MAX_LINE_CHARS: usize = 1_000;

/// The results that are to be rendered.
pub(crate) enum NamedResults {
    /// One result; `None` stands for the one in the report folder.
    One(Option<PathBuf>),
    /// The parts of a suite, which are merged.
    Parts(Vec<PathBuf>),
}

impl NamedResults {
    /// Lists the files of the results. They stay where they are, in the report folder too.
    pub(crate) fn list_paths(&self, report_dir: &Path) -> Vec<PathBuf> {
        match self {
            Self::One(path) => vec![find_result(path.as_deref(), report_dir)],
            Self::Parts(paths) => paths.clone(),
        }
    }
}

fn find_result(named: Option<&Path>, report_dir: &Path) -> PathBuf {
    named.map_or_else(|| report_dir.join(RESULT_FILE), Path::to_path_buf)
}

/// Reads one or several results, writes the reports, and returns the exit code of the gate.
pub(crate) async fn render(named: &NamedResults, flags: &[(String, OsString)], env: &Environment) -> u8 {
    match read_results(named, flags, env) {
        Ok(rendered) => write(rendered, env).await,
        Err(mistakes) => refuse_run(&mistakes, env),
    }
}

/// The result that is to be rendered, and the folder for its reports.
struct ResultToRender {
    result: RunResult,
    is_merge: bool,
    report_dir: PathBuf,
}

fn read_results(
    named: &NamedResults,
    flags: &[(String, OsString)],
    env: &Environment,
) -> Result<ResultToRender, Vec<Mistake>> {
    let report_dir = config::report_dir(env, flags, Path::new(SUITE_DIR))?;
    let (repository, commit) = config::repository_and_commit(env, flags, Path::new(SUITE_DIR))?;
    let here = find_provenance(env, repository.as_deref(), commit.as_deref()).identity("");
    let (result, is_merge) = match named {
        NamedResults::One(path) => {
            (read_own_result(&find_result(path.as_deref(), &report_dir), &here)?, false)
        }
        NamedResults::Parts(paths) => (read_and_merge(paths, &here, flags, env)?, true),
    };
    Ok(ResultToRender { result, is_merge, report_dir })
}

/// Reads the result in a file, and refuses it if it is not of the run that this process is in.
fn read_own_result(path: &Path, here: &RunIdentity) -> Result<RunResult, Vec<Mistake>> {
    let result = read_result(path).map_err(|mistake| vec![mistake])?;
    let mistakes = find_differences(&path.display().to_string(), &result.run, here, OTHER_RUN_HINT);
    if mistakes.is_empty() { Ok(result) } else { Err(mistakes) }
}

fn read_and_merge(
    paths: &[PathBuf],
    here: &RunIdentity,
    flags: &[(String, OsString)],
    env: &Environment,
) -> Result<RunResult, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut parts = Vec::new();
    for path in paths {
        match read_own_result(path, here) {
            Ok(result) => parts.push((path.display().to_string(), result)),
            Err(more) => mistakes.extend(more),
        }
    }
    // Mistakes of the comparison are told together with those of the parts.
    let compare_to = read_compared(&parts, flags, env).unwrap_or_else(|more| {
        mistakes.extend(more);
        None
    });
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    merge(parts, compare_to.as_ref())
        .map_err(|problems| problems.into_iter().map(|what| Mistake::new("--merge", what)).collect())
}

/// Returns the earlier result that the merged one is compared with. The first part stands for all, since
/// parts that differ cannot be merged anyway.
fn read_compared(
    parts: &[(String, RunResult)],
    flags: &[(String, OsString)],
    env: &Environment,
) -> Result<Option<CompareTo>, Vec<Mistake>> {
    let first = parts.first().map(|(_, part)| part);
    let now = Compared {
        is_rehearsal: first.map(|part| part.rehearsal.is_some()),
        is_dry_run: first.is_some_and(|part| part.dry_run),
        shard: None,
        is_part: false,
    };
    let mut warnings = Vec::new();
    let compare_to = config::compare_to(env, flags, Path::new(SUITE_DIR), now, &mut warnings);
    for warning in warnings {
        complain(&text::plain(&format!("warning: {warning}"), MAX_LINE_CHARS));
    }
    compare_to
}

async fn write(rendered: ResultToRender, env: &Environment) -> u8 {
    let ResultToRender { mut result, is_merge, report_dir } = rendered;
    let report_dir = report_dir.as_path();
    let surroundings = detect_surroundings(env);
    let id = make_id();
    let files = FileSinks { report_dir, env, surroundings: &surroundings, id: &id };
    let mut sinks = Vec::new();
    files.add_files(&mut sinks);
    files.add_records(&mut sinks);
    if is_merge {
        sinks.push(Box::new(ResultFile::new(report_dir)));
    }
    // Records say how the other reports fared, so they are written last.
    sinks.sort_by_key(|sink| sink.stage() == Stage::Record);
    let missing = finish(&mut sinks, &mut result).await;
    say(&closing(&result, &report_dir.display().to_string()));
    match result.gate.verdict.exit_code(result.gate.signal) {
        // The reports were all that this command had to do, so a missing one is a failure.
        0 if missing => Verdict::Errored.exit_code(None),
        code => code,
    }
}

/// Lets each sink write, and returns `true` if a report could not be written. Entries of the result about
/// reports that are not written now stay.
async fn finish(sinks: &mut [Box<dyn Sink>], result: &mut RunResult) -> bool {
    let mut missing = false;
    for sink in sinks {
        sink.prepare(result);
        let Some(reported) = sink.finish(result).await else { continue };
        if reported.outcome == Outcome::Failed {
            missing = true;
            let detail = reported.detail.as_deref().unwrap_or_default();
            let what = format!("warning: {} was not written: {detail}", reported.sink);
            complain(&text::plain(&what, MAX_LINE_CHARS));
        }
        result.reporting.retain(|earlier| earlier.sink != reported.sink);
        result.reporting.push(reported);
    }
    missing
}
