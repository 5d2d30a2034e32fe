//! The way from places to connected engines: one engine for each account and Region, one for each project of
//! a control plane, and one for all local commands.
//!
//! Here the settings become clients with credentials. A place that comes from a state file must have been held
//! against the settings before: nothing here asks whether a control plane may be told a secret.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::accounts::{AwsAccount, AwsAccounts, RoleInputs};
use super::endpoints::Endpoints;
use super::places::{AccountPlace, Destination, EnginePlace};
use super::probes;
use crate::lifecycle::{Cancel, Equipment, longest_run};
use faultgate_config as config;
use faultgate_config::{Tokens, Veil};
use faultgate_core::clock::Clock;
use faultgate_core::environment::Environment;
use faultgate_core::mistake::Mistake;
use faultgate_core::model::{
    ExperimentPlan, HarnessProject, InjectionRule, LitmusProject, Monitor, Plan, RunIdentity,
};
use faultgate_engines::Engine;
use faultgate_engines::alarms::AlarmFeed;
use faultgate_engines::command::{CommandEngine, CommandSettings, StopLimits};
use faultgate_engines::control_plane::harness::Harness;
use faultgate_engines::control_plane::litmus;
use faultgate_engines::control_plane::litmus::Litmus;
use faultgate_engines::control_plane::{ControlPlaneEngine, ControlPlaneSettings, Manager};
use faultgate_engines::fis::{EventQueue, FisEngine, FisSettings, RegionTurns, RunStep};
use faultgate_engines::probe::Evaluate;
use faultgate_net::aws::{AwsPlace, QueueAddress};
use faultgate_net::http;
use faultgate_net::http::HttpSettings;

/// Time that is added to the life of a subscription: clocks of machines differ, and the steps of a split run
/// wait for each other.
const EXPIRY_MARGIN: Duration = Duration::from_hours(1);
/// Interval for an engine that follows no experiment.
const UNUSED_INTERVAL: Duration = Duration::from_mins(1);

/// The credentials of the control planes.
#[derive(Clone, Copy)]
pub(crate) struct ControlPlaneCredentials<'a> {
    pub(crate) tokens: &'a Tokens,
    pub(crate) litmus_username: Option<&'a str>,
}

/// The terms on which engines work for a run, or for the stop of one.
#[derive(Debug, Clone)]
pub(crate) struct EngineTerms {
    dry_run: bool,
    injection: InjectionRule,
    monitor: Monitor,
    reconcile_interval: Duration,
    /// Time after which a subscription is a leftover.
    subscription_life: Duration,
}

impl EngineTerms {
    /// Returns the terms of a run.
    pub(crate) fn from_plan(plan: &Plan) -> Self {
        Self {
            dry_run: plan.dry_run,
            injection: plan.injection,
            monitor: plan.monitor,
            reconcile_interval: plan.reconcile_interval,
            subscription_life: longest_run(plan).saturating_add(EXPIRY_MARGIN),
        }
    }

    /// Returns the terms of a process that launches nothing, so that nothing is subscribed to.
    pub(crate) fn without_launch(dry_run: bool) -> Self {
        Self {
            dry_run,
            injection: InjectionRule::default(),
            monitor: Monitor::Poll,
            reconcile_interval: UNUSED_INTERVAL,
            subscription_life: Duration::ZERO,
        }
    }
}

/// The inputs of connecting.
pub(crate) struct Wiring<'a> {
    pub(crate) run: &'a RunIdentity,
    pub(crate) step: RunStep,
    pub(crate) endpoints: &'a Endpoints,
    /// Certificates and proxies of control planes and probes, in a rehearsal too.
    pub(crate) http: &'a HttpSettings,
    /// Environment of the process. Commands get those of its variables that they need, and no credentials.
    pub(crate) env: &'a Environment,
    pub(crate) veil: &'a Veil,
    pub(crate) credentials: ControlPlaneCredentials<'a>,
    pub(crate) clock: Clock,
    pub(crate) cancel: &'a Cancel,
}

impl Wiring<'_> {
    /// Connects to everything that the plan needs, and returns the equipment of its experiments in its order.
    /// Probes of experiments that are in no account ask AWS in the `usual` place. The error is a mistake in
    /// the settings.
    pub(crate) async fn connect_plan(
        &self,
        plan: &Plan,
        usual: &AccountPlace,
    ) -> Result<Vec<Equipment>, Mistake> {
        let connector = probes::make_connector(self.http, self.env, self.veil, self.clock, plan)?;
        let connector = connector.as_ref();
        let regions = plan.experiments.iter().flat_map(|experiment| probes::find_regions(experiment, usual));
        let mut accounts = self.prepare_accounts(&regions.collect::<Vec<_>>()).await?;
        let mut engines = Engines {
            proofs: probes::connect_proofs(connector, plan)?,
            event_queue: self.find_queue(plan, usual, &mut accounts)?,
            ..Engines::new(self, EngineTerms::from_plan(plan))
        };
        let mut equipment = Vec::new();
        for experiment in &plan.experiments {
            let place = EnginePlace::from_spec(&experiment.spec);
            let engine = engines.reach(&Destination { name: &experiment.name, place }, &mut accounts)?;
            let alarms = engines.find_alarms(experiment, &mut accounts)?;
            let evaluators =
                probes::connect_probes(connector, experiment, usual, &mut accounts, alarms.as_ref())?;
            equipment.push(Equipment { engine, evaluators });
        }
        Ok(equipment)
    }

    /// Connects to the engines of these places, and returns them in this order. The error is a mistake in the
    /// settings.
    pub(crate) async fn connect(
        &self,
        destinations: &[Destination<'_>],
        terms: EngineTerms,
    ) -> Result<Vec<Rc<dyn Engine>>, Mistake> {
        let places = destinations.iter().filter_map(|destination| destination.place.aws());
        let regions: Vec<_> = places.map(|place| place.region.clone()).collect();
        let mut accounts = self.prepare_accounts(&regions).await?;
        let mut engines = Engines::new(self, terms);
        let reached = destinations.iter().map(|destination| engines.reach(destination, &mut accounts));
        reached.collect()
    }

    /// Returns the engine of an account that is connected already.
    pub(crate) fn reach_account(&self, account: &AwsAccount, terms: EngineTerms) -> Rc<dyn Engine> {
        Engines::new(self, terms).fis(account)
    }

    /// Returns the queue that all accounts of the plan read, connected as whoever may read it: the role of the plan
    /// that is in the queue's account, or else the usual one.
    fn find_queue(
        &self,
        plan: &Plan,
        usual: &AccountPlace,
        accounts: &mut AwsAccounts<'_>,
    ) -> Result<Option<EventQueue>, Mistake> {
        let places: Vec<_> = plan.experiments.iter().map(|one| EnginePlace::from_spec(&one.spec)).collect();
        let mut places = places.iter().filter_map(EnginePlace::aws).peekable();
        let (Monitor::Queue, Some(url), Some(first)) = (plan.monitor, &plan.event_queue_url, places.peek())
        else {
            return Ok(None);
        };
        let address = QueueAddress::of(url);
        let region = address.region.or_else(|| first.region.clone());
        let is_there =
            |role: &&String| AwsPlace::of_role(role, "").map(|role| role.account) == address.account;
        let mut roles = [usual].into_iter().chain(places).filter_map(|place| place.role_arn.as_ref());
        let role_arn = roles.find(is_there).or(usual.role_arn.as_ref()).cloned();
        let account = accounts.reach(&AccountPlace { region, role_arn }, "event-queue-url")?;
        Ok(Some(EventQueue::new(&account.sdk, url, self.clock)))
    }

    async fn prepare_accounts(&self, regions: &[Option<String>]) -> Result<AwsAccounts<'_>, Mistake> {
        let id_token = self.credentials.tokens.aws_id.as_ref();
        let role_inputs = RoleInputs { env: self.env, id_token, run_id: &self.run.id };
        AwsAccounts::prepare(regions, self.endpoints, role_inputs).await
    }
}

/// The engines so far. Each method returns an engine, which is made when it is first asked for.
struct Engines<'a> {
    wiring: &'a Wiring<'a>,
    terms: EngineTerms,
    /// The queue of `monitor: queue`.
    event_queue: Option<EventQueue>,
    fis: Vec<AccountEngine>,
    command: Option<Rc<dyn Engine>>,
    /// Checks that tell whether the fault of a command is in, by the experiment's name.
    proofs: BTreeMap<String, Arc<dyn Evaluate>>,
    harness: Vec<(HarnessProject, Rc<dyn Engine>)>,
    litmus: Vec<(LitmusProject, Rc<dyn Engine>)>,
}

/// The engine of an account, by the account's number.
struct AccountEngine {
    account: usize,
    region: String,
    engine: Rc<dyn Engine>,
    /// The feed of the alarms of which the account's subscription tells.
    alarms: AlarmFeed,
    turns: RegionTurns,
}

impl<'a> Engines<'a> {
    fn new(wiring: &'a Wiring<'a>, terms: EngineTerms) -> Self {
        Self {
            wiring,
            terms,
            event_queue: None,
            fis: Vec::new(),
            command: None,
            proofs: BTreeMap::new(),
            harness: Vec::new(),
            litmus: Vec::new(),
        }
    }

    fn reach(
        &mut self,
        destination: &Destination<'_>,
        accounts: &mut AwsAccounts<'_>,
    ) -> Result<Rc<dyn Engine>, Mistake> {
        match &destination.place {
            EnginePlace::Fis(place) => Ok(self.fis(accounts.reach(place, destination.name)?)),
            EnginePlace::Harness(project) => self.harness(project),
            EnginePlace::Litmus(project) => self.litmus(project),
            EnginePlace::Command => Ok(self.command()),
        }
    }

    fn fis(&mut self, account: &AwsAccount) -> Rc<dyn Engine> {
        // Events of all experiments of an account arrive over one subscription, so they share one engine.
        if let Some(known) = self.fis.iter().find(|known| known.account == account.number) {
            return known.engine.clone();
        }
        let Wiring { step, clock, cancel, .. } = self.wiring;
        let in_region: Vec<&AccountEngine> =
            self.fis.iter().filter(|known| known.region == account.region).collect();
        let same_region = in_region.len();
        let turns = in_region.first().map(|known| known.turns.clone()).unwrap_or_default();
        let alarms = AlarmFeed::default();
        let settings = FisSettings {
            alarms: alarms.clone(),
            turns: turns.clone(),
            role: account.role.clone(),
            role_arn: account.role_arn.clone(),
            step: *step,
            ..self.fis_settings(same_region)
        };
        let engine: Rc<dyn Engine> =
            Rc::new(FisEngine::new(&account.sdk, settings, *clock, cancel.token().clone()));
        let (number, region) = (account.number, account.region.clone());
        self.fis.push(AccountEngine { account: number, region, engine: engine.clone(), alarms, turns });
        engine
    }

    /// Returns the feed of alarms in the account of an experiment. None if no subscription of this process
    /// tells of alarms there.
    fn find_alarms(
        &self,
        experiment: &ExperimentPlan,
        accounts: &mut AwsAccounts<'_>,
    ) -> Result<Option<AlarmFeed>, Mistake> {
        let tells = self.terms.monitor == Monitor::Events && self.wiring.step == RunStep::Whole;
        let EnginePlace::Fis(place) = EnginePlace::from_spec(&experiment.spec) else { return Ok(None) };
        if !tells {
            return Ok(None);
        }
        let account = accounts.reach(&place, &experiment.name)?.number;
        let known = self.fis.iter().find(|known| known.account == account);
        Ok(known.map(|known| known.alarms.clone()))
    }

    fn command(&mut self) -> Rc<dyn Engine> {
        if let Some(known) = &self.command {
            return known.clone();
        }
        let Wiring { clock, cancel, .. } = self.wiring;
        let engine: Rc<dyn Engine> =
            Rc::new(CommandEngine::new(self.command_settings(), *clock, cancel.token().clone()));
        self.command = Some(engine.clone());
        engine
    }

    fn harness(&mut self, project: &HarnessProject) -> Result<Rc<dyn Engine>, Mistake> {
        if let Some((_, known)) = self.harness.iter().find(|(known, _)| known == project) {
            return Ok(known.clone());
        }
        let key = self
            .wiring
            .credentials
            .tokens
            .harness
            .clone()
            .ok_or_else(|| missing_secret("harness-api-key"))?;
        let manager = Harness::new(project.clone(), key, self.client()?);
        let engine = self.control_plane(manager);
        self.harness.push((project.clone(), engine.clone()));
        Ok(engine)
    }

    fn litmus(&mut self, project: &LitmusProject) -> Result<Rc<dyn Engine>, Mistake> {
        if let Some((_, known)) = self.litmus.iter().find(|(known, _)| known == project) {
            return Ok(known.clone());
        }
        let ControlPlaneCredentials { tokens, litmus_username } = self.wiring.credentials;
        let credentials = match (&tokens.litmus, litmus_username, &tokens.litmus_password) {
            (Some(token), _, _) => litmus::LitmusCredentials::Token(token.clone()),
            (None, Some(username), Some(password)) => {
                litmus::LitmusCredentials::Login { username: username.to_owned(), password: password.clone() }
            }
            _ => return Err(missing_secret("litmus-token")),
        };
        let manager = Litmus::new(project.clone(), credentials, self.client()?);
        let engine = self.control_plane(manager);
        self.litmus.push((project.clone(), engine.clone()));
        Ok(engine)
    }

    fn control_plane(&self, manager: impl Manager + 'static) -> Rc<dyn Engine> {
        let Wiring { clock, cancel, .. } = self.wiring;
        Rc::new(ControlPlaneEngine::new(manager, self.plane_settings(), *clock, cancel.token().clone()))
    }

    fn client(&self) -> Result<reqwest::Client, Mistake> {
        http::client(self.wiring.http).map_err(|failure| http::no_client(&failure))
    }

    fn plane_settings(&self) -> ControlPlaneSettings {
        let EngineTerms { dry_run, injection, .. } = self.terms;
        ControlPlaneSettings { dry_run, injection, seed: fastrand::u64(..) }
    }

    fn command_settings(&self) -> CommandSettings {
        let Wiring { run, env, veil, .. } = self.wiring;
        CommandSettings {
            run: run.id.clone(),
            env: config::for_commands(env),
            veil: (*veil).clone(),
            // A directory that cannot be made absolute is the one that the process is in.
            dir: std::path::absolute(".").unwrap_or_else(|_| ".".into()),
            dry_run: self.terms.dry_run,
            injection: self.terms.injection,
            limits: StopLimits::default(),
            proofs: self.proofs.clone(),
        }
    }

    /// Returns the settings of an engine for FIS; `same_region` is the number of engines in its Region so far.
    fn fis_settings(&self, same_region: usize) -> FisSettings {
        let Wiring { run, endpoints, .. } = self.wiring;
        FisSettings {
            run: (*run).clone(),
            step: RunStep::Whole,
            role: None,
            // Two roles may lead to one account, where names must differ.
            subscription: match same_region {
                0 => format!("faultgate-{}", run.id),
                more => format!("faultgate-{}-role{}", run.id, more + 1),
            },
            role_arn: None,
            monitor: self.terms.monitor,
            event_queue: self.event_queue.clone(),
            reconcile_interval: self.terms.reconcile_interval,
            dry_run: self.terms.dry_run,
            injection: self.terms.injection,
            has_console: matches!(endpoints, Endpoints::Real(_)),
            expires_in: self.terms.subscription_life,
            alarms: AlarmFeed::default(),
            turns: RegionTurns::default(),
        }
    }
}

/// Returns the mistake of a missing secret. The settings were checked for it, so it is not expected to occur.
fn missing_secret(secret: &str) -> Mistake {
    Mistake::new("the environment", format!("{secret}: is missing"))
}
