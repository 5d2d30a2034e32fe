//! From a plan to connected engines: one for each account and Region.

use std::time::Duration;

use aws_config::SdkConfig;

use crate::clock::Clock;
use crate::config::Mistake;
use crate::engine::Engine;
use crate::engine::fis::{self, FisEngine, FisSettings};
use crate::http::HttpSettings;
use crate::lifecycle::Cancel;
use crate::model::{EngineSpec, Plan, RunIdentity};

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
    clock: Clock,
    cancel: &Cancel,
) -> Result<Connected, Mistake> {
    let mut connected = Connected { engines: Vec::new(), engine_of: Vec::new() };
    let mut places: Vec<Place> = Vec::new();
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
            continue;
        }
        // There are no roles to assume in a rehearsal.
        let role_arn = role_arn.as_deref().filter(|_| matches!(endpoints, Endpoints::Real(_)));
        let sdk = fis::in_place(&base, region, role_arn, &run.id).await;
        let same_region = places.iter().filter(|known| known.region == place.region).count();
        let settings = settings(plan, run, endpoints, same_region);
        connected.engines.push(Box::new(FisEngine::new(&sdk, settings, clock, cancel.token().clone())));
        connected.engine_of.push(places.len());
        places.push(place);
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
