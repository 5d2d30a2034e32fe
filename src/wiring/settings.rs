//! The settings of a run, which the scenario of a rehearsal may give other defaults, and its policies.

use std::ffi::OsString;
use std::path::Path;

use super::queries;
use super::queries::AnsweredQueries;
use faultgate_config as config;
use faultgate_config::{Outside, QueryAnswers, SUITE_DIR, Settings};
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_policy::Policy;
use faultgate_rehearsal::Scenario;
use faultgate_report::ci;

/// Loads the settings of a run and its policies; `scenario` is the one to rehearse, if a command names it. The
/// queries of the suite are asked as soon as nothing else is wrong. The error is all mistakes at once.
pub(crate) async fn load_with_policies(
    flags: Vec<(String, OsString)>,
    env: &Environment,
    scenario: Option<&str>,
) -> Result<(Settings, Vec<Policy>), Vec<Mistake>> {
    let policies = read_policies(&flags, env);
    let (mut settings, mut policies) = match (load_settings(flags.clone(), env, scenario), policies) {
        (Ok(settings), Ok(policies)) => (settings, policies),
        (Ok(_), Err(mistakes)) | (Err(mistakes), Ok(_)) => return Err(mistakes),
        (Err(mistakes), Err(more)) => return Err([mistakes, more].concat()),
    };
    if !settings.queries.is_empty() {
        let AnsweredQueries { found, warnings } = queries::answer(&settings, env).await?;
        settings = load_found(flags, env, scenario, Some(&found))?;
        settings.warnings.extend(warnings);
    }
    let scenario = settings.rehearsal.as_deref().and_then(Scenario::find);
    if let Some(text) = scenario.and_then(|scenario| scenario.policy) {
        policies.push(Policy::parse("the policy of the scenario", text)?);
    }
    Ok((settings, policies))
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
/// if a command names it. What queries of the suite would find is not in them. The error is all mistakes at
/// once.
pub(crate) fn load_settings(
    flags: Vec<(String, OsString)>,
    env: &Environment,
    scenario: Option<&str>,
) -> Result<Settings, Vec<Mistake>> {
    load_found(flags, env, scenario, None)
}

/// Loads the settings of a run, with what the queries of the suite have found.
fn load_found(
    mut flags: Vec<(String, OsString)>,
    env: &Environment,
    scenario: Option<&str>,
    found: Option<&QueryAnswers>,
) -> Result<Settings, Vec<Mistake>> {
    let names: Vec<&str> = Scenario::all().iter().map(|scenario| scenario.name).collect();
    if let Some(scenario) = scenario {
        flags.push(("rehearsal".to_owned(), scenario.into()));
    }
    let dir = Path::new(SUITE_DIR);
    let outside = Outside { scenarios: &names, find_shard: ci::find_shard, found };
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
