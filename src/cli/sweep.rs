//! `faultgate sweep`: removes what runs have left although its time is up, in many accounts and Regions at
//! once.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::lists::{join_lists, take_list};
use crate::recovery::sweep::{SweepRequest, sweep_requested};
use faultgate_config as config;
use faultgate_config::SWEEP_INPUTS;
use faultgate_core::environment::Environment;

const DRY_RUN: &str = "dry-run";
const STOP_EXPERIMENTS: &str = "stop-experiments";
/// Help of the flags for Regions and roles.
const LISTS: [&str; 2] = [
    "AWS Regions to sweep, by commas; in each of them by each role",
    "Roles to assume, by commas, one for each account to sweep",
];

pub(super) fn command() -> Command {
    let inputs = config::flags().into_iter().filter(|flag| SWEEP_INPUTS.contains(&flag.get_id().as_str()));
    let inputs = inputs.map(|flag| take_list(flag, LISTS));
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
