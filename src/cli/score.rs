//! `faultgate score`: the last of three steps of a run, which decides.

use clap::{ArgMatches, Command};

use crate::lifecycle::Cancel;
use crate::session::resume::{Resumed, resume};
use crate::session::{RunSession, clear_reports, split};
use crate::terminal::logging;
use crate::terminal::refusal::refuse_run;
use crate::terminal::signals::until_second_signal;
use faultgate_config as config;
use faultgate_core::environment::Environment;

pub(super) fn command() -> Command {
    Command::new("score")
        .about("Decide by the ends that monitor has written down: the gate")
        .after_help(
            "It ends what is left, reports, and ends with the exit code of the gate: 0 passed, 1 failed, 2 mistakes in \
             the settings, 3 errored,\n4 timed out, 129/130/143 cancelled by SIGHUP/SIGINT/SIGTERM.",
        )
        .args(config::flags())
}

pub(super) async fn score(matches: &ArgMatches, env: &Environment) -> u8 {
    let flags = config::read_flags(matches);
    let Resumed { settings, state, held: _held } = match resume(flags.clone(), env, "score") {
        Ok(resumed) => resumed,
        Err(mistakes) => return refuse_run(&mistakes, env),
    };
    clear_reports(&settings.plan.report_dir, &[]);
    let cancel = Cancel::new();
    let screen = logging::start(env, settings.log_format, &settings.veil);
    let session = RunSession::new(settings, env, &cancel, screen).for_run(&state.run);
    until_second_signal(&cancel, split::score(session, state, &flags)).await
}
