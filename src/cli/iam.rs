//! `faultgate iam`: prints the policy with the least that a run must be allowed.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::terminal::say;
use faultgate_net::aws::iam::{PolicyTarget, Use, policy, reference};
use faultgate_net::aws::partition_of;

/// Value of `--mode` for runs without FIS experiments.
const NONE: &str = "none";

pub(super) fn command() -> Command {
    let modes = Use::MODES.map(Use::as_str).into_iter().chain([NONE]);
    let others = Use::OTHERS.map(Use::as_str);
    let names = |name: &'static str, placeholder: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(placeholder).value_parser(part).default_value("*").help(help)
    };
    Command::new("iam")
        .about("Print the IAM policy with the least that a run, a sweep, or a stop of all must be allowed")
        .arg(
            Arg::new("mode")
                .long("mode")
                .value_parser(PossibleValuesParser::new(modes))
                .default_value(Use::Events.as_str())
                .help(
                    "How runs monitor FIS experiments, none where there are none; or sweep, for `faultgate \
                     sweep`; or stop-all, for `faultgate stop --all`",
                ),
        )
        .arg(
            Arg::new("also")
                .long("also")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .value_parser(PossibleValuesParser::new(others))
                .help("What else is done, by commas; safety-lever is for `faultgate stop --all`"),
        )
        .arg(names("account", "ID", "Account of the experiments").value_parser(account))
        .arg(names("region", "REGION", "Region of the experiments"))
        .arg(
            Arg::new("template")
                .long("template")
                .value_name("ID")
                .value_delimiter(',')
                .action(ArgAction::Append)
                .value_parser(part)
                .help("FIS templates that may be run, by commas; any if it is not given"),
        )
        .arg(names("queue", "NAME", "Name of the queue that is event-queue-url, for --mode queue"))
        .arg(names("repository", "NAME", "CodeCommit repository, for --also codecommit"))
        .arg(names("bucket", "NAME", "Bucket of the results, for --also results"))
        .arg(names("role", "NAME", "Role that is assumed, with its path, for --also assume-role"))
        .arg(
            Arg::new("format")
                .long("format")
                .value_parser(["json", "markdown"])
                .default_value("json")
                .help("json for the policy, markdown for the list that policies are made of"),
        )
}

pub(super) fn iam(matches: &ArgMatches) -> u8 {
    let text = |name| matches.get_one::<String>(name).map_or("*", String::as_str);
    if text("format") == "markdown" {
        say(reference().trim_end());
        return 0;
    }
    let also = matches.get_many::<String>("also").into_iter().flatten().map(String::as_str);
    let uses: Vec<Use> = also.chain([text("mode")]).filter_map(Use::find).collect();
    let templates = matches.get_many::<String>("template").into_iter().flatten().cloned().collect();
    let region = text("region");
    let target = PolicyTarget {
        templates,
        queue: text("queue").to_owned(),
        repository: text("repository").to_owned(),
        bucket: text("bucket").to_owned(),
        role: text("role").to_owned(),
        ..PolicyTarget::of(partition_of(region), region, text("account"))
    };
    say(policy(&uses, &target).trim_end());
    0
}

/// Parses the id of an account, or a pattern for ids.
fn account(text: &str) -> Result<String, String> {
    let is_id = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_pattern =
        text.contains(['*', '?']) && text.chars().all(|c| c.is_ascii_digit() || "*?".contains(c));
    if is_id || is_pattern {
        return Ok(text.to_owned());
    }
    Err("it is no id of an account, which has 12 digits".to_owned())
}

/// Parses a part of an ARN. Anything else is refused, so that no value can add to the policy more than it
/// names.
fn part(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "*?-_./+=,@".contains(c);
    if text.is_empty() || !text.chars().all(allowed) {
        return Err("it is no part of an ARN".to_owned());
    }
    Ok(text.to_owned())
}
