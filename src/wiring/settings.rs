//! The settings of a run, which the scenario of a rehearsal may give other defaults.

use std::ffi::OsString;
use std::path::Path;

use faultgate_config as config;
use faultgate_config::{SUITE_DIR, Settings};
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_rehearsal::Scenario;

/// Loads the settings of a run; `scenario` is the one to rehearse, if a command names it. The error is all
/// mistakes at once.
pub(crate) fn load_settings(
    mut flags: Vec<(String, OsString)>,
    env: &Environment,
    scenario: Option<&str>,
) -> Result<Settings, Vec<Mistake>> {
    let names: Vec<&str> = Scenario::all().iter().map(|scenario| scenario.name).collect();
    if let Some(scenario) = scenario {
        flags.push(("rehearsal".to_owned(), scenario.into()));
    }
    let dir = Path::new(SUITE_DIR);
    let settings = config::load(env, flags.clone(), dir, &names, &[])?;
    // A scenario may want other defaults, so that it takes seconds. Which one it is, only the first loading
    // tells.
    match settings.rehearsal.as_deref().and_then(Scenario::find) {
        Some(scenario) if !scenario.inputs.is_empty() => {
            config::load(env, flags, dir, &names, scenario.inputs)
        }
        _ => Ok(settings),
    }
}
