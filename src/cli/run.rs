//! `faultgate run`: carries out a whole run in one process.

use std::time::Duration;

use clap::{ArgMatches, Command};

use crate::lifecycle::Cancel;
use crate::session::{RunSession, clear_reports, whole};
use crate::terminal::logging;
use crate::terminal::refusal::refuse_run;
use crate::terminal::signals::until_second_signal;
use crate::wiring::settings::load_with_policies;
use faultgate_config as config;
use faultgate_config::Settings;
use faultgate_core::environment::Environment;
use faultgate_policy::Policy;

pub(super) fn command() -> Command {
    Command::new("run")
        .about("Verify, subscribe, launch, monitor, score, report, decide")
        .args(config::flags())
}

pub(super) async fn run(matches: &ArgMatches, env: &Environment) -> u8 {
    match load_with_policies(config::read_flags(matches), env, None).await {
        Ok((settings, policies)) => run_with(settings, policies, env, None).await,
        Err(mistakes) => refuse_run(&mistakes, env),
    }
}

/// Runs until the end, or until a second signal. `fault` is the length of the fault in a rehearsal, if not
/// that of the scenario.
pub(super) async fn run_with(
    settings: Settings,
    policies: Vec<Policy>,
    env: &Environment,
    fault: Option<Duration>,
) -> u8 {
    clear_reports(&settings.plan.report_dir, &[]);
    let cancel = Cancel::new();
    let screen = logging::start(env, settings.log_format, &settings.veil);
    let session = RunSession::new(settings, env, &cancel, screen).under(policies);
    until_second_signal(&cancel, whole::run(session, fault)).await
}
