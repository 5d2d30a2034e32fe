//! `faultgate report`: renders the reports of a run again, or merges the parts of a suite into one gate.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::session::merging::{MergeOrder, merge};
use crate::session::rendering::{find_result, render};
use faultgate_config as config;
use faultgate_core::environment::Environment;

pub(super) fn command() -> Command {
    Command::new("report")
        .about("Render the reports of a run again, or merge several results into one gate")
        .after_help(
            "The exit code is that of the result, or of the merged gate: 0 passed, 1 failed, 2 a file is no result or \
             the files are not of one run,\n3 errored (also where a report of a result that passed could not be \
             written;\nof a merge only if FAULTGATE_REPORTING is fail), 4 timed out, 129/130/143 cancelled.",
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
                .value_name("RESULTS")
                .num_args(1..)
                .action(ArgAction::Append)
                .conflicts_with("result")
                .value_parser(value_parser!(PathBuf))
                .help(
                    "Results to merge, those of all parts of a suite: files, folders, or s3://bucket/prefix/ as the input \
                     results names it",
                ),
        )
        .arg(
            Arg::new("plan")
                .long("plan")
                .value_name("PLAN.jsonl")
                .requires("merge")
                .value_parser(value_parser!(PathBuf))
                .help(
                    "Of a merge: the plan whose experiments must all be there, by faultgate plan --format jsonl; a file or \
                     s3://bucket/key. What is missing is errored",
                ),
        )
        .arg(
            Arg::new("tolerate")
                .long("tolerate")
                .value_name("PERCENT")
                .requires("plan")
                .value_parser(config::flag_percent)
                .help("Of a merge: share of the plan's experiments that may be errored, but not failed, without failing the gate: 5%"),
        )
        .arg(
            Arg::new("plan-run")
                .long("plan-run")
                .value_name("TEXT")
                .requires("merge")
                .value_parser(value_parser!(OsString))
                .help("Of a merge: the id that all of its results must have [env: FAULTGATE_PLAN_RUN]"),
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

/// Renders or merges what the command line names, and returns the exit code of the gate.
pub(super) async fn report(matches: &ArgMatches, env: &Environment) -> u8 {
    let flags = config::read_flags(matches);
    match find_order(matches) {
        Some(order) => merge(&order, &flags, env).await,
        None => render(matches.get_one::<PathBuf>("result").map(PathBuf::as_path), &flags, env).await,
    }
}

/// Returns the merge that a command line orders.
fn find_order(matches: &ArgMatches) -> Option<MergeOrder> {
    let sources = matches.get_many::<PathBuf>("merge")?.cloned().collect();
    let plan = matches.get_one::<PathBuf>("plan").cloned();
    Some(MergeOrder { sources, plan, tolerate: matches.get_one("tolerate").copied() })
}

/// Lists the files and folders of results that a command line names. They stay where they are, in the report
/// folder too.
pub(super) fn list_named(matches: &ArgMatches, report_dir: &Path) -> Vec<PathBuf> {
    match find_order(matches) {
        Some(order) => order.list_read(report_dir),
        None => vec![find_result(matches.get_one::<PathBuf>("result").map(PathBuf::as_path), report_dir)],
    }
}
