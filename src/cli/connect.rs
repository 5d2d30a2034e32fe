//! From a plan to connected engines: one for each account and Region, and one for all local commands.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;

use crate::clock::Clock;
use crate::config::{Environment, Mistake};
use crate::engine::Engine;
use crate::engine::command::{CommandEngine, CommandSettings, Limits};
use crate::engine::fis::{self, FisEngine, FisSettings};
use crate::http::HttpSettings;
use crate::lifecycle::Cancel;
use crate::model::{Check, EngineSpec, ExperimentPlan, Plan, RunIdentity};
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
    /// Commands see it without faultgate's own secrets.
    pub(super) env: &'a Environment,
}

impl Probes<'_> {
    /// None where there are no probes: reading certificates takes a while.
    fn connector(&self, plan: &Plan, clock: Clock) -> Result<Option<Connector>, Mistake> {
        if plan.dry_run || plan.experiments.iter().all(|experiment| experiment.probes.is_empty()) {
            return Ok(None);
        }
        Connector::new(self.http.clone(), clock, self.env.without_secrets())
            .map(Some)
            .map_err(|why| Mistake::new("probes", format!("no HTTP client: {why}")))
    }
}

fn evaluators(
    connector: Option<&Connector>,
    experiment: &ExperimentPlan,
    sdk: Option<&SdkConfig>,
) -> Result<Vec<Arc<dyn Evaluate>>, Mistake> {
    let Some(connector) = connector else { return Ok(Vec::new()) };
    let connected = experiment.probes.iter().map(|probe| {
        connector.connect(&probe.check, sdk).map_err(|why| {
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
    // By the engine's number.
    let mut places: Vec<(Place, usize, SdkConfig)> = Vec::new();
    let mut commands = None;
    let connector = probes.connector(plan, clock)?;
    let base = base(plan, endpoints).await;
    for experiment in &plan.experiments {
        let (region, role_arn) = match &experiment.spec {
            EngineSpec::Fis { region, role_arn, .. } => (region, role_arn),
            EngineSpec::Command(_) => {
                let number = *commands.get_or_insert_with(|| {
                    let engine =
                        CommandEngine::new(command_settings(plan, probes.env), clock, cancel.token().clone());
                    connected.add(Box::new(engine))
                });
                connected.engine_of.push(number);
                connected.evaluators.push(evaluators(connector.as_ref(), experiment, base.as_ref())?);
                continue;
            }
        };
        let default_region = base.as_ref().and_then(SdkConfig::region).map(AsRef::as_ref);
        let (Some(base), Some(region)) = (&base, region.as_deref().or(default_region)) else {
            let message = format!("no Region is known for the experiment {}", experiment.name);
            return Err(Mistake::new("aws-region and the SDK's default chain", message)
                .hint("set --aws-region, FAULTGATE_AWS_REGION or AWS_REGION"));
        };
        let place = Place { region: region.to_owned(), role_arn: role_arn.clone() };
        if let Some((_, number, sdk)) = places.iter().find(|(known, ..)| *known == place) {
            connected.engine_of.push(*number);
            connected.evaluators.push(evaluators(connector.as_ref(), experiment, Some(sdk))?);
            continue;
        }
        // There are no roles to assume in a rehearsal.
        let role_arn = role_arn.as_deref().filter(|_| matches!(endpoints, Endpoints::Real(_)));
        let sdk = fis::in_place(base, region, role_arn, &run.id).await;
        let same_region = places.iter().filter(|(known, ..)| known.region == place.region).count();
        let settings = settings(plan, run, endpoints, same_region);
        let engine = FisEngine::new(&sdk, settings, clock, cancel.token().clone());
        let number = connected.add(Box::new(engine));
        connected.engine_of.push(number);
        connected.evaluators.push(evaluators(connector.as_ref(), experiment, Some(&sdk))?);
        places.push((place, number, sdk));
    }
    Ok(connected)
}

impl Connected {
    /// The engine's number.
    fn add(&mut self, engine: Box<dyn Engine>) -> usize {
        self.engines.push(engine);
        self.engines.len() - 1
    }
}

/// None if nothing is to be run or looked at in AWS. The default Region is looked for only if an experiment has none of its own.
async fn base(plan: &Plan, endpoints: &Endpoints) -> Option<SdkConfig> {
    let mut regions = plan
        .experiments
        .iter()
        .filter_map(|experiment| match &experiment.spec {
            EngineSpec::Fis { region, .. } => Some(region.as_deref()),
            EngineSpec::Command(_) => None,
        })
        .peekable();
    let looks = |check: &Check| matches!(check, Check::CloudwatchAlarm { .. } | Check::CloudwatchMetric(_));
    if regions.peek().is_none()
        && !plan.experiments.iter().flat_map(|e| &e.probes).any(|probe| looks(&probe.check))
    {
        return None;
    }
    Some(match endpoints {
        Endpoints::Embedded(url) => fis::connect_embedded(url, None),
        Endpoints::Real(http) => {
            let first = regions.next().flatten();
            fis::connect(first.filter(|_| regions.all(|region| region.is_some())), http).await
        }
    })
}

fn command_settings(plan: &Plan, env: &Environment) -> CommandSettings {
    CommandSettings {
        env: env.without_secrets(),
        // A directory that cannot be made absolute is the one we are in.
        dir: std::path::absolute(".").unwrap_or_else(|_| ".".into()),
        dry_run: plan.dry_run,
        allow_empty_targets: plan.allow_empty_targets,
        limits: Limits::default(),
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
