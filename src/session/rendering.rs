//! The reports of a result that exists, rendered again.
//!
//! A result of another run, repository or commit is refused. No experiment is begun or asked for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::ids::make_id;
use crate::session::provenance::find_differences;
use crate::terminal::medium::find_medium;
use crate::terminal::printing::Output;
use crate::terminal::refusal::refuse_run;
use crate::terminal::{complain, say};
use crate::wiring::sinks::FileSinks;
use crate::wiring::surroundings::{detect_surroundings, find_provenance};
use faultgate_config as config;
use faultgate_config::{SUITE_DIR, read_result};
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{Outcome, RunResult, Verdict};
use faultgate_core::text;
use faultgate_report::{RESULT_FILE, Sink, Stage, closing};

/// Hint for the result of another run.
pub(super) const OTHER_RUN_HINT: &str = "take the results of this run alone, with the same repository and commit; outside of a CI any result \
                      can be rendered";
/// Longest warning that is printed, in characters.
const MAX_LINE_CHARS: usize = 1_000;

/// Returns the file of the result that is rendered: the one that is named, or the one in the report folder.
pub(crate) fn find_result(named: Option<&Path>, report_dir: &Path) -> PathBuf {
    named.map_or_else(|| report_dir.join(RESULT_FILE), Path::to_path_buf)
}

/// Prints a warning.
pub(super) fn warn(warning: &str) {
    complain(&text::plain(&format!("warning: {warning}"), MAX_LINE_CHARS));
}

/// Reads a result, writes the reports, and returns the exit code of the gate.
pub(crate) async fn render(named: Option<&Path>, flags: &[(String, OsString)], env: &Environment) -> u8 {
    match read(named, flags, env) {
        Ok((result, report_dir)) => write(result, &report_dir, env).await,
        Err(mistakes) => refuse_run(&mistakes, env),
    }
}

/// Reads the result, and refuses it if it is not of the run that this process is in. Returns the folder for its
/// reports as well.
fn read(
    named: Option<&Path>,
    flags: &[(String, OsString)],
    env: &Environment,
) -> Result<(RunResult, PathBuf), Vec<Mistake>> {
    let report_dir = config::report_dir(env, flags, Path::new(SUITE_DIR))?;
    let (repository, commit) = config::repository_and_commit(env, flags, Path::new(SUITE_DIR))?;
    let here = find_provenance(env, repository.as_deref(), commit.as_deref()).identity("");
    let path = find_result(named, &report_dir);
    let result = read_result(&path).map_err(|mistake| vec![mistake])?;
    let mistakes = find_differences(&path.display().to_string(), &result.run, &here, OTHER_RUN_HINT);
    if mistakes.is_empty() { Ok((result, report_dir)) } else { Err(mistakes) }
}

async fn write(mut result: RunResult, report_dir: &Path, env: &Environment) -> u8 {
    let surroundings = detect_surroundings(env);
    let id = make_id();
    let files = FileSinks { report_dir, env, surroundings: &surroundings, id: &id };
    let mut sinks = Vec::new();
    files.add_files(&mut sinks);
    files.add_records(&mut sinks);
    // Records say how the other reports fared, so they are written last.
    sinks.sort_by_key(|sink| sink.stage() == Stage::Record);
    let missing = finish(&mut sinks, &mut result).await;
    let medium = find_medium(Output::Stdout, env);
    say(&closing(&result, &report_dir.display().to_string(), medium));
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
            warn(&format!("{} was not written: {detail}", reported.sink));
        }
        result.reporting.retain(|earlier| earlier.sink != reported.sink);
        result.reporting.push(reported);
    }
    missing
}
