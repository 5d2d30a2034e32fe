//! `faultgate lint`: judges FIS experiment templates before anybody launches them. They come from files, or
//! are read from FIS by their ids.

use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::linting::{self, Format, LintRequest};
use crate::terminal::say;
use faultgate_config as config;
use faultgate_config::SWEEP_INPUTS;
use faultgate_core::environment::Environment;
use faultgate_core::model::Level;
use faultgate_lint::{RULES, Rule, reference};

const SUBJECT: &str = "template";
const FORMAT: &str = "format";
const IGNORE: &str = "ignore";
const FAIL_ON: &str = "fail-on";
const TIMEOUT: &str = "timeout";
const LIST_RULES: &str = "list-rules";
const LEVELS: [Level; 3] = [Level::Error, Level::Warning, Level::Note];
/// Longest `--timeout`.
const MAX_TIMEOUT: Duration = Duration::from_hours(24);

pub(super) fn command() -> Command {
    let inputs = config::flags().into_iter().filter(|flag| SWEEP_INPUTS.contains(&flag.get_id().as_str()));
    let levels = LEVELS.map(Level::as_str);
    Command::new("lint")
        .about("Judge FIS experiment templates before anybody launches them: files, or ids that are read")
        .after_help(
            "A file is FIS's own JSON or YAML, a CloudFormation template, or what `terraform show -json` prints; - is \
             standard input.\nNothing of it is run. Each rule is in docs/lint.md.\n\nExit codes: 0 no rule of level \
             error is broken, 1 one is, 2 mistakes (no such file, no template in it, no such rule),\n3 an id could not \
             be read from FIS, or the findings could not be written, 129/130/143 ended by SIGHUP/SIGINT/SIGTERM.",
        )
        .arg(
            Arg::new(SUBJECT)
                .value_name("FILE|ID")
                .num_args(1..)
                .required_unless_present(LIST_RULES)
                .help("Files, or ids of FIS (EXT…)"),
        )
        .arg(
            Arg::new(FORMAT)
                .long(FORMAT)
                .value_parser(PossibleValuesParser::new(Format::WORDS))
                .default_value(Format::Text.as_str())
                .help("text for people, json for programs, github for annotations beside the text"),
        )
        .arg(
            Arg::new(IGNORE)
                .long(IGNORE)
                .value_name("RULE")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .value_parser(PossibleValuesParser::new(RULES.iter().map(|rule| rule.id)))
                .hide_possible_values(true)
                .help("Rules to leave out, by commas or repeated"),
        )
        .arg(
            Arg::new(FAIL_ON)
                .long(FAIL_ON)
                .value_name("LEVEL")
                .value_parser(PossibleValuesParser::new(levels))
                .default_value(Level::Error.as_str())
                .help("The least level at which the exit code is 1"),
        )
        .arg(
            Arg::new(TIMEOUT)
                .long(TIMEOUT)
                .value_name("DURATION")
                .value_parser(|text: &str| {
                    config::flag_duration(text, Duration::from_secs(1), MAX_TIMEOUT)
                })
                .help("The run's timeout, such as 30m: an experiment that lasts longer is an error"),
        )
        .arg(
            Arg::new(LIST_RULES)
                .long(LIST_RULES)
                .action(ArgAction::SetTrue)
                .help("Print the rules as a table, and nothing else"),
        )
        .args(inputs)
}

/// Judges what the command line names, and returns the exit code.
pub(super) async fn lint(matches: &ArgMatches, env: &Environment) -> u8 {
    if matches.get_flag(LIST_RULES) {
        say(reference().trim_end());
        return 0;
    }
    let text = |name: &str| matches.get_one::<String>(name).map_or("", String::as_str);
    let texts = |name: &str| matches.get_many::<String>(name).into_iter().flatten();
    let given = config::read_flags(matches).into_iter();
    let request = LintRequest {
        subjects: texts(SUBJECT).cloned().collect(),
        ignored: texts(IGNORE).filter_map(|id| Rule::find(id)).map(|rule| rule.id).collect(),
        timeout: matches.get_one::<Duration>(TIMEOUT).copied(),
        format: Format::find(text(FORMAT)).unwrap_or(Format::Text),
        fail_on: LEVELS.into_iter().find(|level| level.as_str() == text(FAIL_ON)).unwrap_or(Level::Note),
        flags: given.filter(|(name, _)| SWEEP_INPUTS.contains(&name.as_str())).collect(),
    };
    linting::lint(&request, env).await
}
