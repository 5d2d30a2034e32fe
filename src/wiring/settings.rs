//! The settings of a run, which the scenario of a rehearsal may give other defaults, and its policies.

use std::ffi::OsString;
use std::path::Path;

use faultgate_config as config;
use faultgate_config::{Outside, SUITE_DIR, Settings};
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_policy::Policy;
use faultgate_rehearsal::Scenario;
use faultgate_report::ci;

/// Loads the settings of a run and its policies; `scenario` is the one to rehearse, if a command names it. The
/// error is all mistakes at once.
pub(crate) fn load_with_policies(
    flags: Vec<(String, OsString)>,
    env: &Environment,
    scenario: Option<&str>,
) -> Result<(Settings, Vec<Policy>), Vec<Mistake>> {
    let policies = read_policies(&flags, env);
    match (load_settings(flags, env, scenario), policies) {
        (Ok(settings), Ok(mut policies)) => {
            let scenario = settings.rehearsal.as_deref().and_then(Scenario::find);
            if let Some(text) = scenario.and_then(|scenario| scenario.policy) {
                policies.push(Policy::parse("the policy of the scenario", text)?);
            }
            Ok((settings, policies))
        }
        (Ok(_), Err(mistakes)) | (Err(mistakes), Ok(_)) => Err(mistakes),
        (Err(mistakes), Err(more)) => Err([mistakes, more].concat()),
    }
}

/// Reads all policies that the settings name.
fn read_policies(flags: &[(String, OsString)], env: &Environment) -> Result<Vec<Policy>, Vec<Mistake>> {
    // The settings have told whatever keeps a name from being read, and then there is no run.
    let unheard = &mut Vec::new();
    let named = config::named_policies(env, flags, unheard);
    let read = named.iter().map(|named| Policy::read(Path::new(SUITE_DIR), &named.file, &named.named_by));
    let (mut policies, mut mistakes) = (Vec::new(), Vec::new());
    for outcome in read {
        match outcome {
            Ok(policy) => policies.push(policy),
            Err(wrong) => mistakes.extend(wrong),
        }
    }
    if mistakes.is_empty() { Ok(policies) } else { Err(mistakes) }
}

/// Loads the settings of a run alone, for a command that launches nothing; `scenario` is the one to rehearse,
/// if a command names it. The error is all mistakes at once.
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
    let outside = Outside { scenarios: &names, find_shard: ci::find_shard };
    let settings = config::load(env, flags.clone(), dir, outside, &[])?;
    // A scenario may want other defaults, so that it takes seconds. Which one it is, only the first loading
    // tells.
    match settings.rehearsal.as_deref().and_then(Scenario::find) {
        Some(scenario) if !scenario.inputs.is_empty() => {
            config::load(env, flags, dir, outside, scenario.inputs)
        }
        _ => Ok(settings),
    }
}
