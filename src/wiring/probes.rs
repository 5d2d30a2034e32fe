//! The probes of a plan, connected to what they evaluate, in a rehearsal too.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::accounts::AwsAccounts;
use super::places::{AccountPlace, EnginePlace};
use faultgate_config as config;
use faultgate_config::Veil;
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{Check, ExperimentPlan, Plan};
use faultgate_engines::alarms::AlarmFeed;
use faultgate_engines::probe::{Connector, Evaluate};
use faultgate_net::http::{HttpSettings, no_client};

/// Makes the connector of all probes. None if there are no probes: reading certificates takes a while.
pub(super) fn make_connector(
    http: &HttpSettings,
    env: &Environment,
    veil: &Veil,
    clock: Clock,
    plan: &Plan,
) -> Result<Option<Connector>, Mistake> {
    let is_probed =
        |experiment: &ExperimentPlan| !experiment.probes.is_empty() || experiment.spec.proof().is_some();
    if plan.dry_run || !plan.experiments.iter().any(is_probed) {
        return Ok(None);
    }
    Connector::new(http.clone(), clock, config::for_commands(env))
        .map(|connector| Some(connector.hiding(veil)))
        .map_err(|failure| no_client(&failure))
}

/// Connects the checks that tell whether faults are in, by the experiment's name.
pub(super) fn connect_proofs(
    connector: Option<&Connector>,
    plan: &Plan,
) -> Result<BTreeMap<String, Arc<dyn Evaluate>>, Mistake> {
    let Some(connector) = connector else { return Ok(BTreeMap::new()) };
    let checks =
        plan.experiments.iter().filter_map(|experiment| Some((&experiment.name, experiment.spec.proof()?)));
    let connected = checks.map(|(name, check)| {
        let evaluator = connector.connect(check, None);
        evaluator
            .map(|evaluator| (name.clone(), evaluator))
            .map_err(|why| Mistake::new(format!("injected of {name}"), why))
    });
    connected.collect()
}

/// Connects the probes of an experiment; `usual` is the place in which they ask AWS if it is in no account,
/// and `alarms` is the feed of the alarms in its account, if there is one.
pub(super) fn connect_probes(
    connector: Option<&Connector>,
    experiment: &ExperimentPlan,
    usual: &AccountPlace,
    accounts: &mut AwsAccounts<'_>,
    alarms: Option<&AlarmFeed>,
) -> Result<Vec<Arc<dyn Evaluate>>, Mistake> {
    let Some(connector) = connector else { return Ok(Vec::new()) };
    let connected = experiment.probes.iter().map(|probe| {
        let place = find_place(&probe.check, &find_home(experiment, usual));
        let account = place.map(|place| accounts.reach(&place, &experiment.name)).transpose()?;
        let sdk = account.map(|account| &account.sdk);
        let desk = account.map(|account| account.desk.clone()).unwrap_or_default();
        connector.connect_following(&probe.check, sdk, alarms, &desk).map_err(|why| {
            let place = format!("probes of {}", experiment.name);
            Mistake::new(place, format!("{}: {why}", probe.name))
        })
    });
    connected.collect()
}

/// Returns the Regions in which the experiment and its probes ask AWS. None stands for the default Region.
pub(super) fn find_regions(experiment: &ExperimentPlan, usual: &AccountPlace) -> Vec<Option<String>> {
    let home = find_home(experiment, usual);
    let engine = EnginePlace::from_spec(&experiment.spec).aws().cloned();
    let probes = experiment.probes.iter().filter_map(|probe| find_place(&probe.check, &home));
    engine.into_iter().chain(probes).map(|place| place.region).collect()
}

/// Returns the place of an experiment, or the usual one if the experiment is in no account.
fn find_home(experiment: &ExperimentPlan, usual: &AccountPlace) -> AccountPlace {
    EnginePlace::from_spec(&experiment.spec).aws().unwrap_or(usual).clone()
}

/// Returns the place in which a probe asks AWS, if it does. `home` is the place of its experiment.
fn find_place(check: &Check, home: &AccountPlace) -> Option<AccountPlace> {
    match check {
        Check::CloudwatchAlarm { .. } | Check::CloudwatchMetric(_) => Some(home.clone()),
        Check::Prometheus(check) => check.signing.as_ref().map(|signing| AccountPlace {
            region: Some(signing.region.clone()),
            role_arn: signing.role_arn.clone().or_else(|| home.role_arn.clone()),
        }),
        Check::Http(_) | Check::Tcp { .. } | Check::Command { .. } => None,
    }
}
