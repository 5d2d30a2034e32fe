//! The way from a plan to connected engines: one engine for each account and Region, one for each project of
//! a control plane, and one for all local commands.
//!
//! Here the settings become clients with credentials. A plan that comes from a state file must have been held
//! against the settings before: nothing here asks whether a control plane may be told a secret.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::accounts::{Access, Account, Accounts, Place};
use crate::lifecycle::{Cancel, Equipment, longest_run};
use faultgate_config as config;
use faultgate_config::{Tokens, Veil};
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{
    Check, EngineSpec, ExperimentPlan, HarnessProject, LitmusProject, Plan, RunIdentity,
};
use faultgate_engines::Engine;
use faultgate_engines::command::{CommandEngine, CommandSettings, Limits};
use faultgate_engines::control_plane::harness::Harness;
use faultgate_engines::control_plane::litmus;
use faultgate_engines::control_plane::litmus::Litmus;
use faultgate_engines::control_plane::{CenterSettings, ChaosCenter};
use faultgate_engines::fis::{FisEngine, FisSettings, RunStep};
use faultgate_engines::probe::{Connector, Evaluate};
use faultgate_net::http;
use faultgate_net::http::HttpSettings;

/// The endpoints that the engines send their requests to.
pub(super) enum Endpoints {
    /// The real endpoints, as the SDK's default chain finds them, through these certificates and proxies.
    Real(HttpSettings),
    /// The embedded endpoints at this address.
    Embedded(String),
}

/// The means by which probes reach what they look at, in a rehearsal too.
pub(super) struct Probes<'a> {
    pub(super) http: &'a HttpSettings,
    /// Environment of the process. Commands get those of its variables that they need, and no credentials.
    pub(super) env: &'a Environment,
    pub(super) veil: &'a Veil,
}

impl Probes<'_> {
    /// Makes the connector of all probes. None if there are no probes: reading certificates takes a while.
    fn connector(&self, plan: &Plan, clock: Clock) -> Result<Option<Connector>, Mistake> {
        let looks =
            |experiment: &ExperimentPlan| !experiment.probes.is_empty() || proof(experiment).is_some();
        if plan.dry_run || !plan.experiments.iter().any(looks) {
            return Ok(None);
        }
        Connector::new(self.http.clone(), clock, config::for_commands(self.env))
            .map(|connector| Some(connector.hiding(self.veil)))
            .map_err(|why| Mistake::new("probes", format!("no HTTP client: {why}")))
    }
}

/// Returns the check that tells whether the fault of a command is in.
fn proof(experiment: &ExperimentPlan) -> Option<&Check> {
    match &experiment.spec {
        EngineSpec::Command(spec) => spec.proof.as_ref()?.check.as_ref(),
        _ => None,
    }
}

/// Connects the checks that tell whether faults are in, by the experiment's name.
fn proofs(
    connector: Option<&Connector>,
    plan: &Plan,
) -> Result<BTreeMap<String, Arc<dyn Evaluate>>, Mistake> {
    let Some(connector) = connector else { return Ok(BTreeMap::new()) };
    let checks =
        plan.experiments.iter().filter_map(|experiment| Some((&experiment.name, proof(experiment)?)));
    let connected = checks.map(|(name, check)| {
        let look = connector.connect(check, None);
        look.map(|look| (name.clone(), look)).map_err(|why| Mistake::new(format!("injected of {name}"), why))
    });
    connected.collect()
}

fn evaluators(
    connector: Option<&Connector>,
    experiment: &ExperimentPlan,
    accounts: &mut Accounts<'_>,
) -> Result<Vec<Arc<dyn Evaluate>>, Mistake> {
    let Some(connector) = connector else { return Ok(Vec::new()) };
    let connected = experiment.probes.iter().map(|probe| {
        let sdk = accounts.of_probe(&probe.check, experiment)?;
        connector.connect(&probe.check, sdk).map_err(|why| {
            let place = format!("probes of {}", experiment.name);
            Mistake::new(place, format!("{}: {why}", probe.name))
        })
    });
    connected.collect()
}

/// The credentials of the control planes.
#[derive(Clone, Copy)]
pub(super) struct Secrets<'a> {
    pub(super) tokens: &'a Tokens,
    pub(super) litmus_username: Option<&'a str>,
}

/// The inputs of connecting.
pub(super) struct Wiring<'a> {
    pub(super) plan: &'a Plan,
    pub(super) run: &'a RunIdentity,
    pub(super) step: RunStep,
    pub(super) endpoints: &'a Endpoints,
    /// Region and role of the inputs, for probes of experiments that have none.
    pub(super) usual: &'a Place,
    pub(super) probes: Probes<'a>,
    pub(super) secrets: Secrets<'a>,
    pub(super) clock: Clock,
    pub(super) cancel: &'a Cancel,
}

impl Wiring<'_> {
    /// Connects to everything that the plan needs, and returns the equipment of its experiments in its order.
    /// The error is a mistake in the settings.
    pub(super) async fn connect(&self) -> Result<Vec<Equipment>, Mistake> {
        let connector = self.probes.connector(self.plan, self.clock)?;
        let access = Access {
            env: self.probes.env,
            id_token: self.secrets.tokens.aws_id.as_ref(),
            run_id: &self.run.id,
        };
        let mut accounts = Accounts::of(self.plan, self.usual, self.endpoints, access).await?;
        let mut engines = Engines {
            wiring: self,
            fis: Vec::new(),
            command: None,
            proofs: proofs(connector.as_ref(), self.plan)?,
            harness: Vec::new(),
            litmus: Vec::new(),
        };
        let mut equipment = Vec::new();
        for experiment in &self.plan.experiments {
            let engine = match &experiment.spec {
                EngineSpec::Fis { region, role_arn, .. } => {
                    let place = Place { region: region.clone(), role_arn: role_arn.clone() };
                    engines.fis(accounts.reach(place, &experiment.name)?)
                }
                EngineSpec::Command(_) => engines.command(),
                EngineSpec::Harness(spec) => engines.harness(&spec.project)?,
                EngineSpec::Litmus(spec) => engines.litmus(&spec.project)?,
            };
            let evaluators = evaluators(connector.as_ref(), experiment, &mut accounts)?;
            equipment.push(Equipment { engine, evaluators });
        }
        Ok(equipment)
    }
}

/// The engines so far. Each method returns an engine, which is made when it is first asked for.
struct Engines<'a> {
    wiring: &'a Wiring<'a>,
    fis: Vec<OfAccount>,
    command: Option<Rc<dyn Engine>>,
    proofs: BTreeMap<String, Arc<dyn Evaluate>>,
    harness: Vec<(HarnessProject, Rc<dyn Engine>)>,
    litmus: Vec<(LitmusProject, Rc<dyn Engine>)>,
}

/// The engine of an account, by the account's number.
struct OfAccount {
    account: usize,
    region: String,
    engine: Rc<dyn Engine>,
}

impl Engines<'_> {
    fn fis(&mut self, account: &Account) -> Rc<dyn Engine> {
        // Events of all experiments of an account arrive over one subscription, so they share one engine.
        if let Some(known) = self.fis.iter().find(|known| known.account == account.number) {
            return known.engine.clone();
        }
        let Wiring { plan, run, step, endpoints, clock, cancel, .. } = self.wiring;
        let same_region = self.fis.iter().filter(|known| known.region == account.region).count();
        let settings = FisSettings {
            role: account.role.clone(),
            role_arn: account.role_arn.clone(),
            step: *step,
            ..settings(plan, run, endpoints, same_region)
        };
        let engine: Rc<dyn Engine> =
            Rc::new(FisEngine::new(&account.sdk, settings, *clock, cancel.token().clone()));
        let (number, region) = (account.number, account.region.clone());
        self.fis.push(OfAccount { account: number, region, engine: engine.clone() });
        engine
    }

    fn command(&mut self) -> Rc<dyn Engine> {
        if let Some(known) = &self.command {
            return known.clone();
        }
        let Wiring { plan, run, probes, clock, cancel, .. } = self.wiring;
        let settings = CommandSettings { proofs: self.proofs.clone(), ..command_settings(plan, run, probes) };
        let engine: Rc<dyn Engine> = Rc::new(CommandEngine::new(settings, *clock, cancel.token().clone()));
        self.command = Some(engine.clone());
        engine
    }

    fn harness(&mut self, project: &HarnessProject) -> Result<Rc<dyn Engine>, Mistake> {
        if let Some((_, known)) = self.harness.iter().find(|(known, _)| known == project) {
            return Ok(known.clone());
        }
        let key = self.wiring.secrets.tokens.harness.clone().ok_or_else(|| needed("harness-api-key"))?;
        let manager = Harness::new(project.clone(), key, self.client()?);
        let engine: Rc<dyn Engine> =
            Rc::new(ChaosCenter::new(manager, self.center_settings(), self.wiring.clock));
        self.harness.push((project.clone(), engine.clone()));
        Ok(engine)
    }

    fn litmus(&mut self, project: &LitmusProject) -> Result<Rc<dyn Engine>, Mistake> {
        if let Some((_, known)) = self.litmus.iter().find(|(known, _)| known == project) {
            return Ok(known.clone());
        }
        let Secrets { tokens, litmus_username } = self.wiring.secrets;
        let credentials = match (&tokens.litmus, litmus_username, &tokens.litmus_password) {
            (Some(token), _, _) => litmus::Credentials::Token(token.clone()),
            (None, Some(username), Some(password)) => {
                litmus::Credentials::Login { username: username.to_owned(), password: password.clone() }
            }
            _ => return Err(needed("litmus-token")),
        };
        let manager = Litmus::new(project.clone(), credentials, self.client()?);
        let engine: Rc<dyn Engine> =
            Rc::new(ChaosCenter::new(manager, self.center_settings(), self.wiring.clock));
        self.litmus.push((project.clone(), engine.clone()));
        Ok(engine)
    }

    fn client(&self) -> Result<reqwest::Client, Mistake> {
        http::client(self.wiring.probes.http)
            .map_err(|why| Mistake::new("ca-bundle and proxies", format!("no HTTP client: {why}")))
    }

    fn center_settings(&self) -> CenterSettings {
        let plan = self.wiring.plan;
        CenterSettings { dry_run: plan.dry_run, injection: plan.injection, seed: fastrand::u64(..) }
    }
}

/// Returns the mistake of a missing secret. The settings were checked for it, so it is not expected to occur.
fn needed(secret: &str) -> Mistake {
    Mistake::new("the environment", format!("{secret}: is missing"))
}

fn command_settings(plan: &Plan, run: &RunIdentity, probes: &Probes<'_>) -> CommandSettings {
    CommandSettings {
        run: run.id.clone(),
        env: config::for_commands(probes.env),
        veil: probes.veil.clone(),
        // A directory that cannot be made absolute is the one that the process is in.
        dir: std::path::absolute(".").unwrap_or_else(|_| ".".into()),
        dry_run: plan.dry_run,
        injection: plan.injection,
        limits: Limits::default(),
        proofs: BTreeMap::new(),
    }
}

/// Time that is added to the life of a subscription: clocks of machines differ, and the steps of a split run
/// wait for each other.
const EXPIRY_MARGIN: Duration = Duration::from_hours(1);

fn settings(plan: &Plan, run: &RunIdentity, endpoints: &Endpoints, same_region: usize) -> FisSettings {
    FisSettings {
        run: run.clone(),
        step: RunStep::Whole,
        role: None,
        // Two roles may lead to one account, where names must differ.
        subscription: match same_region {
            0 => format!("faultgate-{}", run.id),
            more => format!("faultgate-{}-role{}", run.id, more + 1),
        },
        role_arn: None,
        monitor: plan.monitor,
        event_queue_url: plan.event_queue_url.clone(),
        reconcile_interval: plan.reconcile_interval,
        dry_run: plan.dry_run,
        injection: plan.injection,
        has_console: matches!(endpoints, Endpoints::Real(_)),
        expires_in: longest_run(plan).saturating_add(EXPIRY_MARGIN),
    }
}
