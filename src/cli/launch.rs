//! `faultgate launch`: the first of three steps of a run, which launches and hands over.

use clap::{ArgMatches, Command};

use crate::lifecycle::Cancel;
use crate::session::split::refuse_unsplittable;
use crate::session::{RunSession, clear_reports, split};
use crate::terminal::logging;
use crate::terminal::refusal::refuse_run;
use crate::terminal::signals::until_second_signal;
use crate::wiring::settings::load_with_policies;
use faultgate_config as config;
use faultgate_core::environment::Environment;
use faultgate_engines::fis::RunStep;

pub(super) fn command() -> Command {
    Command::new("launch")
        .about("Verify, subscribe and launch, and leave the rest to monitor and score")
        .after_help(
            "What it begins is in the state file, which the next steps need; so are the inputs it was given.\n\nExit \
             codes: 0 all is launched, 2 mistakes in the settings, 3 something could not be launched: what was is \
             stopped and reported,\n129/130/143 cancelled by SIGHUP/SIGINT/SIGTERM.",
        )
        .args(config::flags())
}

pub(super) async fn launch(matches: &ArgMatches, env: &Environment) -> u8 {
    let loaded = load_with_policies(config::read_flags(matches), env, None).await;
    let splittable = loaded.and_then(|(settings, policies)| Ok((refuse_unsplittable(settings)?, policies)));
    let (settings, policies) = match splittable {
        Ok(loaded) => loaded,
        Err(mistakes) => return refuse_run(&mistakes, env),
    };
    clear_reports(&settings.plan.report_dir, &[]);
    let cancel = Cancel::new();
    let screen = logging::start(env, settings.log_format, &settings.veil);
    let session = RunSession::new(settings, env, &cancel, screen).under(policies).for_step(RunStep::Launch);
    until_second_signal(&cancel, split::launch(session)).await
}
