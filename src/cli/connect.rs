//! From a plan to connected engines: one for each account and Region.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;

use crate::clock::Clock;
use crate::config::{Environment, Mistake, is_secret_variable};
use crate::engine::Engine;
use crate::engine::fis::{self, FisEngine, FisSettings};
use crate::http::HttpSettings;
use crate::lifecycle::Cancel;
use crate::model::{EngineSpec, ExperimentPlan, Plan, RunIdentity};
use crate::probe::{Connector, Evaluate};

/// Where the engines' requests go.
pub(super) enum Endpoints {
    /// The SDK's default chain, asked by these certificates and proxies.
    Real(HttpSettings),
    /// The embedded endpoints at this address.
    Embedded(String),
}

pub(super) struct Connected {
    pub(super) engines: Vec<Box<dyn Engine>>,
    /// The engine of each experiment of the plan.
    pub(super) engine_of: Vec<usize>,
    /// What looks, for each probe of each experiment of the plan.
    pub(super) evaluators: Vec<Vec<Arc<dyn Evaluate>>>,
}

/// How probes reach what they look at, also in a rehearsal.
pub(super) struct Probes<'a> {
    pub(super) http: &'a HttpSettings,
    /// Its variables that hold secrets are withheld from commands.
    pub(super) env: &'a Environment,
}

impl Probes<'_> {
    /// None where there are no probes: reading certificates takes a while.
    fn connector(&self, plan: &Plan, clock: Clock) -> Result<Option<Connector>, Mistake> {
        if plan.dry_run || plan.experiments.iter().all(|experiment| experiment.probes.is_empty()) {
            return Ok(None);
        }
        let names = self.env.iter().filter_map(|(name, _)| name.to_str());
        let withheld = names.filter(|name| is_secret_variable(name)).map(str::to_owned).collect();
        Connector::new(self.http.clone(), clock, withheld)
            .map(Some)
            .map_err(|why| Mistake::new("probes", format!("no HTTP client: {why}")))
    }
}

fn evaluators(
    connector: Option<&Connector>,
    experiment: &ExperimentPlan,
    sdk: &SdkConfig,
) -> Result<Vec<Arc<dyn Evaluate>>, Mistake> {
    let Some(connector) = connector else { return Ok(Vec::new()) };
    let connected = experiment.probes.iter().map(|probe| {
        connector.connect(&probe.check, Some(sdk)).map_err(|why| {
            let place = format!("probes of {}", experiment.name);
            Mistake::new(place, format!("{}: {why}", probe.name))
        })
    });
    connected.collect()
}

/// A Region, and the role by which its account is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    region: String,
    role_arn: Option<String>,
}

/// Connects to what the plan needs. The error is a mistake in the settings.
pub(super) async fn connect(
    plan: &Plan,
    run: &RunIdentity,
    endpoints: &Endpoints,
    probes: &Probes<'_>,
    clock: Clock,
    cancel: &Cancel,
) -> Result<Connected, Mistake> {
    let mut connected = Connected { engines: Vec::new(), engine_of: Vec::new(), evaluators: Vec::new() };
    let mut places: Vec<Place> = Vec::new();
    let mut accounts: Vec<SdkConfig> = Vec::new();
    let connector = probes.connector(plan, clock)?;
    let base = base(plan, endpoints).await;
    for experiment in &plan.experiments {
        let EngineSpec::Fis { region, role_arn, .. } = &experiment.spec;
        let Some(region) = region.as_deref().or(base.region().map(AsRef::as_ref)) else {
            let message = format!("no Region is known for the experiment {}", experiment.name);
            return Err(Mistake::new("aws-region and the SDK's default chain", message)
                .hint("set --aws-region, FAULTGATE_AWS_REGION or AWS_REGION"));
        };
        let place = Place { region: region.to_owned(), role_arn: role_arn.clone() };
        if let Some(known) = places.iter().position(|known| *known == place) {
            connected.engine_of.push(known);
            connected.evaluators.push(evaluators(connector.as_ref(), experiment, &accounts[known])?);
            continue;
        }
        // There are no roles to assume in a rehearsal.
        let role_arn = role_arn.as_deref().filter(|_| matches!(endpoints, Endpoints::Real(_)));
        let sdk = fis::in_place(&base, region, role_arn, &run.id).await;
        let same_region = places.iter().filter(|known| known.region == place.region).count();
        let settings = settings(plan, run, endpoints, same_region);
        connected.engines.push(Box::new(FisEngine::new(&sdk, settings, clock, cancel.token().clone())));
        connected.engine_of.push(places.len());
        connected.evaluators.push(evaluators(connector.as_ref(), experiment, &sdk)?);
        places.push(place);
        accounts.push(sdk);
    }
    Ok(connected)
}

/// The default Region is looked for only if an experiment has none of its own.
async fn base(plan: &Plan, endpoints: &Endpoints) -> SdkConfig {
    let mut regions = plan.experiments.iter().map(|experiment| {
        let EngineSpec::Fis { region, .. } = &experiment.spec;
        region.as_deref()
    });
    match endpoints {
        Endpoints::Embedded(url) => fis::connect_embedded(url, None),
        Endpoints::Real(http) => {
            let first = regions.next().flatten();
            fis::connect(first.filter(|_| regions.all(|region| region.is_some())), http).await
        }
    }
}

fn settings(plan: &Plan, run: &RunIdentity, endpoints: &Endpoints, same_region: usize) -> FisSettings {
    // Experiments that share a run may have to wait for each other; a sweep must not come sooner.
    let longest: Duration =
        plan.experiments.iter().map(|experiment| experiment.timeout + experiment.queue_timeout).sum();
    FisSettings {
        run: run.clone(),
        // Two roles may lead to one account, where names must differ.
        subscription: match same_region {
            0 => format!("faultgate-{}", run.id),
            more => format!("faultgate-{}-role{}", run.id, more + 1),
        },
        monitor: plan.monitor,
        event_queue_url: plan.event_queue_url.clone(),
        reconcile_interval: plan.reconcile_interval,
        dry_run: plan.dry_run,
        allow_empty_targets: plan.allow_empty_targets,
        has_console: matches!(endpoints, Endpoints::Real(_)),
        expires_in: longest + Duration::from_secs(3600),
    }
}
