//! `faultgate report`: renders the reports of a run again, or merges the parts of a suite into one gate.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

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

pub(super) fn command() -> Command {
    Command::new("report")
        .about("Render the reports of a run again, or merge several results into one gate")
        .after_help(
            "The exit code is that of the result, or of the merged gate: 0 passed, 1 failed, 2 a file is no result or \
             the files are not of one run,\n3 errored (also where a report of a run that passed could not be \
             written), 4 timed out, 129/130/143 cancelled.",
        )
        .arg(
            Arg::new("result")
                .value_name("RESULT.json")
                .value_parser(value_parser!(PathBuf))
                .help("The result to render [default: result.json in the report folder]"),
        )
        .arg(
            Arg::new("merge")
                .long("merge")
                .value_name("RESULT.json")
                .num_args(1..)
                .action(ArgAction::Append)
                .conflicts_with("result")
                .value_parser(value_parser!(PathBuf))
                .help("Results to merge: those of all shards of a suite, in any order"),
        )
        .arg(
            Arg::new("report-dir")
                .long("report-dir")
                .value_name("PATH")
                .value_parser(value_parser!(OsString))
                .help("Directory for report files [default: that of a run; env: FAULTGATE_REPORT_DIR]"),
        )
        .arg(
            Arg::new("repository")
                .long("repository")
                .value_name("TEXT")
                .value_parser(value_parser!(OsString))
                .help("Repository that the result has to be of [default: detected; env: FAULTGATE_REPOSITORY]"),
        )
        .arg(
            Arg::new("commit")
                .long("commit")
                .value_name("SHA")
                .value_parser(value_parser!(OsString))
                .help("Commit that the result has to be of [default: detected; env: FAULTGATE_COMMIT]"),
        )
        .arg(
            Arg::new("compare-to")
                .long("compare-to")
                .value_name("RESULT.json")
                .requires("merge")
                .value_parser(value_parser!(OsString))
                .help("Of a merge: the result of an earlier run to compare with [env: FAULTGATE_COMPARE_TO]"),
        )
        .arg(
            Arg::new("max-score-drop")
                .long("max-score-drop")
                .value_name("SCORE")
                .requires("merge")
                .value_parser(value_parser!(OsString))
                .help("Of a merge: how far the score may lie below the earlier one [env: FAULTGATE_MAX_SCORE_DROP]"),
        )
}

/// Reads one or several results, writes the reports, and returns the exit code of the gate.
pub(super) async fn report(matches: &ArgMatches, env: &Environment) -> u8 {
    let flags = config::given(matches);
    let rendered = match read_results(matches, &flags, env) {
        Ok(rendered) => rendered,
        Err(mistakes) => return refuse_run(&mistakes, env),
    };
    write(rendered, env).await
}

/// Returns the results that a command line names. They stay where they are, in the report folder too.
pub(super) fn find_named_results(matches: &ArgMatches, report_dir: &Path) -> Vec<PathBuf> {
    match matches.get_many::<PathBuf>("merge") {
        Some(paths) => paths.cloned().collect(),
        None => vec![find_result(matches, report_dir)],
    }
}

fn find_result(matches: &ArgMatches, report_dir: &Path) -> PathBuf {
    let named = matches.get_one::<PathBuf>("result").cloned();
    named.unwrap_or_else(|| report_dir.join(RESULT_FILE))
}

/// The result that is to be rendered, and the folder for its reports.
struct ResultToRender {
    result: RunResult,
    is_merge: bool,
    report_dir: PathBuf,
}

fn read_results(
    matches: &ArgMatches,
    flags: &[(String, OsString)],
    env: &Environment,
) -> Result<ResultToRender, Vec<Mistake>> {
    let report_dir = config::report_dir(env, flags, Path::new(SUITE_DIR))?;
    let (repository, commit) = config::repository_and_commit(env, flags, Path::new(SUITE_DIR))?;
    let here = find_provenance(env, repository.as_deref(), commit.as_deref()).identity("");
    let (result, is_merge) = match matches.get_many::<PathBuf>("merge") {
        Some(paths) => (read_and_merge(&paths.collect::<Vec<_>>(), &here, flags, env)?, true),
        None => (read_own_result(&find_result(matches, &report_dir), &here)?, false),
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
    paths: &[&PathBuf],
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
