//! `faultgate monitor`: the second of three steps of a run, which watches until the experiments end.

use clap::{ArgMatches, Command};

use crate::lifecycle::Cancel;
use crate::session::resume::{Resumed, resume};
use crate::session::{RunSession, clear_reports, split};
use crate::terminal::logging;
use crate::terminal::refusal::refuse_run;
use crate::terminal::signals::until_second_signal;
use faultgate_config as config;
use faultgate_core::environment::Environment;
use faultgate_engines::fis::RunStep;

pub(super) fn command() -> Command {
    Command::new("monitor")
        .about("Watch what launch has launched until it ends, on any machine, any time later")
        .after_help(
            "It takes the inputs of launch from the state file, and writes each end into it.\n\nExit codes: 0 all have \
             ended and can be scored, 2 mistakes in the settings, 3 errored, 4 timed out,\n129/130/143 cancelled by \
             SIGHUP/SIGINT/SIGTERM. Other than with 0 and 2, all that was launched is stopped, and reported.",
        )
        .args(config::flags())
}

pub(super) async fn monitor(matches: &ArgMatches, env: &Environment) -> u8 {
    let flags = config::read_flags(matches);
    let Resumed { settings, state, held: _held } = match resume(flags, env, "monitor") {
        Ok(resumed) => resumed,
        Err(mistakes) => return refuse_run(&mistakes, env),
    };
    clear_reports(&settings.plan.report_dir, &[]);
    let cancel = Cancel::new();
    let screen = logging::start(env, settings.log_format, &settings.veil);
    let session =
        RunSession::new(settings, env, &cancel, screen).for_step(RunStep::Monitor).for_run(&state.run);
    until_second_signal(&cancel, split::monitor(session, state)).await
}
