//! `faultgate stop`: ends what a run has begun, by its state file or by the ids of FIS experiments, or with
//! `--all` whatever runs with faultgate's tags.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::lists::{join_lists, take_list};
use crate::recovery::emergency::{EmergencyRequest, stop_all_requested};
use crate::recovery::request::{RequestedStop, stop_requested};
use faultgate_config as config;
use faultgate_config::{STOP_INPUTS, SWEEP_INPUTS};
use faultgate_core::environment::Environment;

const ID: &str = "experiment-id";
const ALL: &str = "all";
const ENVIRONMENT: &str = "environment";
const LEVER: &str = "engage-safety-lever";
const CONFIRM: &str = "confirm-account";
const DRY_RUN: &str = "dry-run";
/// Heading of the flags that go with `--all`.
const EMERGENCY: &str = "Everything that runs";
/// Help of the flags for Regions and roles.
const LISTS: [&str; 2] = [
    "AWS Region of the experiments; with --all several, by commas, in each of them by each role",
    "Role to assume; with --all several, by commas, one for each account",
];

pub(super) fn command() -> Command {
    let inputs = config::flags().into_iter().filter(|flag| STOP_INPUTS.contains(&flag.get_id().as_str()));
    let inputs = inputs.map(|flag| take_list(flag, LISTS));
    Command::new("stop")
        .about("Stop every experiment that the state file names, and remove its subscription; safe to repeat")
        .after_help(
            "Keys and tokens come from the same variables as those of a run, and go only to control \
             planes that the settings name,\nwhatever the file says. Without a state file there is \
             nothing to stop.\n\nIn an emergency: faultgate stop --all --aws-region eu-west-1,us-east-1 \
             stops every FIS experiment that runs with\n\
             faultgate's tags there, whatever run began it. Rules and queues are left to faultgate sweep. \
             What to do next:\ndocs/runbook.md.\n\nExit codes: \
             0 nothing is left running, 2 mistakes in the settings or no state file of faultgate, \
             3 something could not be stopped\nor removed (each with the command that does it), or with \
             --all not every place could be read,\n129/130/143 ended by SIGHUP/SIGINT/SIGTERM.",
        )
        .arg(
            Arg::new(ID)
                .long(ID)
                .value_name("ID")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .help("FIS experiment to stop, whoever has started it; the state file is not read then"),
        )
        .args(make_emergency_flags())
        .args(inputs)
}

/// Returns the flags of a stop of everything.
fn make_emergency_flags() -> [Arg; 5] {
    let others = STOP_INPUTS.iter().copied().filter(|name| !SWEEP_INPUTS.contains(name));
    let flag = |name: &'static str| Arg::new(name).long(name).help_heading(EMERGENCY);
    [
        flag(ALL)
            .action(ArgAction::SetTrue)
            .conflicts_with(ID)
            .conflicts_with_all(others)
            .help("Stop every FIS experiment that runs with faultgate's tags in these Regions and accounts"),
        flag(ENVIRONMENT)
            .value_name("NAME")
            .requires(ALL)
            .help("Only experiments whose tag faultgate:environment is this; no variable is read for it"),
        flag(LEVER).action(ArgAction::SetTrue).requires(ALL).help(
            "Before that, engage the safety lever of each account and Region: FIS stops all experiments, \
             those of others too, and refuses new ones; the id of each account has to be typed",
        ),
        flag(CONFIRM)
            .value_name("ID")
            .action(ArgAction::Append)
            .value_delimiter(',')
            .requires(LEVER)
            .help("Account whose safety lever may be engaged without a question, by commas or several times"),
        flag(DRY_RUN)
            .action(ArgAction::SetTrue)
            .requires(ALL)
            .help("Change nothing: only list what would be done"),
    ]
}

pub(super) async fn stop(matches: &ArgMatches, env: &Environment) -> u8 {
    let texts = |name| matches.get_many::<String>(name).into_iter().flatten().cloned().collect();
    let flags = join_lists(matches);
    if !matches.get_flag(ALL) {
        return stop_requested(&RequestedStop { ids: texts(ID), flags }, env).await;
    }
    let request = EmergencyRequest {
        // The environment of a run is another input, and no input at all here.
        flags: flags.into_iter().filter(|(name, _)| SWEEP_INPUTS.contains(&name.as_str())).collect(),
        environment: matches.get_one::<String>(ENVIRONMENT).map(|name| name.trim().to_owned()),
        engages_lever: matches.get_flag(LEVER),
        confirmed: texts(CONFIRM),
        dry_run: matches.get_flag(DRY_RUN),
    };
    stop_all_requested(&request, env).await
}
