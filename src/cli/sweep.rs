//! `faultgate sweep`: removes what runs have left although its time is up, in many accounts and Regions at
//! once.

use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::recovery::sweep::{SweepRequest, sweep_requested};
use faultgate_config as config;
use faultgate_config::SWEEP_INPUTS;
use faultgate_core::environment::Environment;

const DRY_RUN: &str = "dry-run";
const STOP_EXPERIMENTS: &str = "stop-experiments";
/// Inputs that are lists in a sweep, with their descriptions.
const LISTS: [(&str, &str); 2] = [
    ("aws-region", "AWS Regions to sweep, by commas; in each of them by each role"),
    ("aws-role-arn", "Roles to assume, by commas, one for each account to sweep"),
];

pub(super) fn command() -> Command {
    let inputs = config::flags().into_iter().filter(|flag| SWEEP_INPUTS.contains(&flag.get_id().as_str()));
    let inputs = inputs.map(|flag| match LISTS.iter().find(|(name, _)| flag.get_id() == name) {
        Some((name, help)) => {
            let variable = name.to_uppercase().replace('-', "_");
            let help = format!("{help} [default: the SDK's default chain; env: FAULTGATE_{variable}]");
            flag.action(ArgAction::Append).help(help)
        }
        None => flag,
    });
    Command::new("sweep")
        .about("Remove rules and queues of runs whose time is up, in many accounts and Regions; safe to repeat")
        .after_help(
            "It removes what is called faultgate-* and whose tag faultgate:expires-at has passed, and nothing else. \
             Made for a schedule:\nsee docs/sweep.md.\n\nExit codes: 0 nothing that has expired is left, 2 mistakes in \
             the settings, 3 something could not be removed, stopped or\nread (each with the remedy or the command \
             that does it by hand), 129/130/143 ended by SIGHUP/SIGINT/SIGTERM.",
        )
        .arg(
            Arg::new(STOP_EXPERIMENTS).long(STOP_EXPERIMENTS).action(ArgAction::SetTrue).help(
                "Also stop FIS experiments that go on although their run's subscription or their own tag has expired",
            ),
        )
        .arg(
            Arg::new(DRY_RUN)
                .long(DRY_RUN)
                .action(ArgAction::SetTrue)
                .help("Change nothing: only list what would be done"),
        )
        .args(inputs)
}

pub(super) async fn sweep(matches: &ArgMatches, env: &Environment) -> u8 {
    let request = SweepRequest {
        flags: join_lists(matches),
        stops: matches.get_flag(STOP_EXPERIMENTS),
        dry_run: matches.get_flag(DRY_RUN),
    };
    sweep_requested(&request, env).await
}

/// Returns the flags as the settings take them: the values of a list that is given several times become one.
fn join_lists(matches: &ArgMatches) -> Vec<(String, OsString)> {
    let mut flags = config::read_flags(matches);
    for (name, value) in &mut flags {
        if let (true, Some(values)) =
            (LISTS.iter().any(|(list, _)| list == name), matches.get_many::<OsString>(name))
        {
            *value = values.cloned().collect::<Vec<_>>().join(&OsString::from(","));
        }
    }
    flags
}
