//! `faultgate report`: renders the reports of a run again, or merges the parts of a suite into one gate.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use crate::session::rendering::{NamedResults, render};
use faultgate_config as config;
use faultgate_core::environment::Environment;

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

/// Renders what the command line names, and returns the exit code of the gate.
pub(super) async fn report(matches: &ArgMatches, env: &Environment) -> u8 {
    render(&find_named_results(matches), &config::read_flags(matches), env).await
}

/// Returns the results that a command line names.
pub(super) fn find_named_results(matches: &ArgMatches) -> NamedResults {
    match matches.get_many::<PathBuf>("merge") {
        Some(paths) => NamedResults::Parts(paths.cloned().collect()),
        None => NamedResults::One(matches.get_one::<PathBuf>("result").cloned()),
    }
}
