//! `faultgate report`: renders a run's reports again, or makes one gate of the parts of a suite.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::reporting::{Files, detected};
use super::{complain, random, refuse, say};
use crate::config::{self, Compared, Environment, Mistake, read_result};
use crate::lifecycle::merge;
use crate::model::{CompareTo, Outcome, RunResult, Verdict};
use crate::report::{RESULT_FILE, ResultFile, Sink, Stage, closing};
use crate::text;

/// Longest line told of a report that is missing.
const LONGEST: usize = 1_000;
/// Where a suite file is looked for.
const HERE: &str = ".";

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

pub(super) async fn report(matches: &ArgMatches, env: &Environment) -> u8 {
    let flags = ["report-dir", "compare-to", "max-score-drop"];
    let flags: Vec<_> = flags
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), matches.get_one::<OsString>(name)?.clone())))
        .collect();
    let report_dir = match config::report_dir(env, &flags, Path::new(HERE)) {
        Ok(report_dir) => report_dir,
        Err(mistakes) => return refuse(&mistakes, env),
    };
    let merged =
        matches.get_many::<PathBuf>("merge").map(|paths| merged(&paths.collect::<Vec<_>>(), &flags, env));
    let is_merge = merged.is_some();
    let result = merged.unwrap_or_else(|| {
        let path = matches.get_one::<PathBuf>("result").cloned();
        read_result(&path.unwrap_or_else(|| report_dir.join(RESULT_FILE))).map_err(|mistake| vec![mistake])
    });
    match result {
        Ok(result) => write(result, is_merge, &report_dir, env).await,
        Err(mistakes) => refuse(&mistakes, env),
    }
}

fn merged(
    paths: &[&PathBuf],
    flags: &[(String, OsString)],
    env: &Environment,
) -> Result<RunResult, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut parts = Vec::new();
    for path in paths {
        match read_result(path) {
            Ok(result) => parts.push((path.display().to_string(), result)),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    let compare_to = compare_to(&parts, flags, env).unwrap_or_else(|more| {
        mistakes.extend(more);
        None
    });
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    merge(parts, compare_to.as_ref())
        .map_err(|problems| problems.into_iter().map(|what| Mistake::new("--merge", what)).collect())
}

/// What the whole is compared with. Parts that differ cannot be merged anyway.
fn compare_to(
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
    let compare_to = config::compare_to(env, flags, Path::new(HERE), now, &mut warnings);
    for warning in warnings {
        complain(&text::plain(&format!("warning: {warning}"), LONGEST));
    }
    compare_to
}

async fn write(mut result: RunResult, is_merge: bool, report_dir: &Path, env: &Environment) -> u8 {
    let surroundings = detected(env);
    let random = random();
    let files = Files { report_dir, env, surroundings: &surroundings, random: &random };
    let mut sinks = Vec::new();
    files.files(&mut sinks);
    files.record(&mut sinks);
    if is_merge {
        sinks.push(Box::new(ResultFile::new(report_dir)));
    }
    sinks.sort_by_key(|sink| sink.stage() == Stage::Record);
    let missing = finish(&mut sinks, &mut result).await;
    say(&closing(&result, &report_dir.display().to_string()));
    match result.gate.exit_code {
        // There was nothing else to do than this.
        0 if missing => Verdict::Errored.exit_code(None),
        code => code,
    }
}

/// Lets each sink write. What is known of reports that are not written now stays. True if one could not be written.
async fn finish(sinks: &mut [Box<dyn Sink>], result: &mut RunResult) -> bool {
    let mut missing = false;
    for sink in sinks {
        sink.prepare(result);
        let Some(reported) = sink.finish(result).await else { continue };
        if reported.outcome == Outcome::Failed {
            missing = true;
            let detail = reported.detail.as_deref().unwrap_or_default();
            let what = format!("warning: {} was not written: {detail}", reported.sink);
            complain(&text::plain(&what, LONGEST));
        }
        result.reporting.retain(|earlier| earlier.sink != reported.sink);
        result.reporting.push(reported);
    }
    missing
}
