//! `faultgate run`: carries out a whole run in one process.

use std::time::Duration;

use clap::ArgMatches;

use super::{leftovers, settings};
use crate::lifecycle::Cancel;
use crate::session::{Session, cancellable};
use crate::terminal::refuse;
use faultgate_config::Settings;
use faultgate_core::environment::Environment;

pub(super) async fn run(matches: &ArgMatches, env: &Environment) -> u8 {
    match settings(matches, env, None) {
        Ok(settings) => run_with(settings, env, None).await,
        Err(mistakes) => refuse(&mistakes, env),
    }
}

/// Runs until the end, or until a second signal. `fault` is the length of the fault in a rehearsal, if not
/// that of the scenario.
pub(super) async fn run_with(settings: Settings, env: &Environment, fault: Option<Duration>) -> u8 {
    leftovers::clear(&settings.plan.report_dir, &[]);
    let cancel = Cancel::new();
    let session = Session::new(settings, env, &cancel).with_fault(fault);
    cancellable(&cancel, session.run()).await
}
