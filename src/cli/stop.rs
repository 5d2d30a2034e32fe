//! `faultgate stop`: ends what a run has begun, by its state file or by the ids of FIS experiments.

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::recovery::request::{RequestedStop, stop_requested};
use faultgate_config as config;
use faultgate_config::STOP_INPUTS;
use faultgate_core::environment::Environment;

const ID: &str = "experiment-id";

pub(super) fn command() -> Command {
    let inputs = config::flags().into_iter().filter(|flag| STOP_INPUTS.contains(&flag.get_id().as_str()));
    Command::new("stop")
        .about("Stop every experiment that the state file names, and remove its subscription; safe to repeat")
        .after_help(
            "Keys and tokens come from the same variables as those of a run, and go only to control planes that the \
             settings name,\nwhatever the file says. Without a state file there is nothing to stop.\n\nExit codes: \
             0 nothing is left running, 2 mistakes in the settings or no state file of faultgate, \
             3 something could not be stopped\nor removed (each with the command that does it), \
             129/130/143 ended by SIGHUP/SIGINT/SIGTERM.",
        )
        .arg(
            Arg::new(ID)
                .long(ID)
                .value_name("ID")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .help("FIS experiment to stop, whoever has started it; the state file is not read then"),
        )
        .args(inputs)
}

pub(super) async fn stop(matches: &ArgMatches, env: &Environment) -> u8 {
    let ids = matches.get_many::<String>(ID).into_iter().flatten().cloned().collect();
    stop_requested(&RequestedStop { ids, flags: config::read_flags(matches) }, env).await
}
