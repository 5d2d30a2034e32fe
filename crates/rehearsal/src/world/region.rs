//! The state of a world, place by place, and what one service causes at another.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::place::WorldPlace;
use crate::protocol::call::{ApiCall, ApiError, Service};
use crate::services::buses::{BusName, Buses, DEFAULT_BUS, Forwarded};
use crate::services::cloudwatch::CloudWatch;
use crate::services::context::ServiceContext;
use crate::services::events::Sent;
use crate::services::fis::Fis;
use crate::services::organizations::Organization;
use crate::services::sqs::Sqs;
use crate::services::sts;
use crate::story::script::Step;
use crate::story::target::FaultProgress;
use crate::world::observe::{ExperimentEntry, Inventory, QueueEntry, RuleEntry};

/// The Regions of a world, of all accounts. Each is made when it is first spoken to.
#[derive(Debug, Default)]
pub(crate) struct Regions(BTreeMap<WorldPlace, Region>);

/// The services of one Region.
#[derive(Debug)]
pub(crate) struct Region {
    fis: Fis,
    buses: Buses,
    pub(crate) sqs: Sqs,
    cloudwatch: CloudWatch,
}

impl Region {
    fn new(context: &ServiceContext) -> Self {
        Self {
            fis: Fis::new(context),
            buses: Buses::default(),
            sqs: Sqs::default(),
            cloudwatch: CloudWatch::new(context),
        }
    }

    /// Answers a request to one of the services.
    pub(crate) fn answer(
        &mut self,
        service: Service,
        call: &ApiCall,
        context: &mut ServiceContext,
    ) -> Result<Value, ApiError> {
        match service {
            Service::Fis => self.fis.answer(call, context),
            Service::Events => self.buses.answer(call, context),
            Service::Sqs => self.sqs.answer(call, context),
            Service::CloudWatch => {
                // Any request may have changed an alarm that is a stop condition.
                let answer = self.cloudwatch.answer(call, context);
                self.fis.halt_for(&self.cloudwatch.firing(), context);
                answer
            }
            Service::Sts => sts::answer(call, context),
            // Buckets and organizations are in no Region of an account alone, so the world keeps them.
            Service::S3 | Service::Organizations => Err(call.unknown()),
        }
    }

    /// Puts what the rules send into the queues of this Region, and returns the buses that are sent to.
    fn carry_out(
        &mut self,
        sent: &[Sent],
        copies: u32,
        place: &WorldPlace,
        context: &ServiceContext,
    ) -> Vec<Forwarded> {
        let (to_buses, to_queues): (Vec<&Sent>, _) =
            sent.iter().partition(|sent| sent.target_arn.contains(":event-bus/"));
        for sent in (0..copies).flat_map(|_| &to_queues) {
            self.sqs.deliver(&sent.target_arn, &sent.rule_arn, &sent.body, context);
        }
        let buses = to_buses.iter().filter_map(|sent| BusName::find(&sent.target_arn, place));
        buses.map(|bus| Forwarded { bus, account: place.account.clone() }).collect()
    }

    /// Ends the time in which the safety lever is `engaging`.
    pub(crate) fn engage(&mut self) {
        self.fis.engage();
    }

    /// Carries out a step of an experiment's script. Returns `false` if the rest of the script no longer
    /// counts.
    pub(crate) fn advance(&mut self, experiment: &str, step: &Step, context: &mut ServiceContext) -> bool {
        if !self.fis.follows_script(experiment) {
            return false;
        }
        if let Step::Alarm { name, state } = step {
            let reason = "the scenario says so";
            self.cloudwatch.set(name, state, reason, context);
        }
        self.fis.advance(experiment, step, context);
        self.fis.halt_for(&self.cloudwatch.firing(), context);
        true
    }

    /// Sets the state of an alarm, which may stop experiments.
    pub(crate) fn set_alarm(&mut self, name: &str, state: &str, reason: &str, context: &mut ServiceContext) {
        self.cloudwatch.set(name, state, reason, context);
        self.fis.halt_for(&self.cloudwatch.firing(), context);
    }

    /// Ends an experiment that was stopping.
    pub(crate) fn finish(&mut self, experiment: &str, reason: &str, context: &mut ServiceContext) {
        self.fis.finish(experiment, reason, context);
    }

    pub(crate) fn fis(&self) -> &Fis {
        &self.fis
    }

    pub(crate) fn fis_mut(&mut self) -> &mut Fis {
        &mut self.fis
    }
}

impl Regions {
    /// Returns the Region of the context, which is made when it is first asked for.
    pub(crate) fn get(&mut self, context: &ServiceContext) -> &mut Region {
        self.0.entry(context.place.clone()).or_insert_with(|| Region::new(context))
    }

    /// Returns how the fault stands in the whole world: it is in if that of any experiment is.
    pub(crate) fn fault(&self) -> FaultProgress {
        let mut worst = FaultProgress::Never;
        for experiment in self.0.values().flat_map(|region| region.fis.experiments.values()) {
            worst = worst.max(experiment.fault());
            if worst == FaultProgress::In {
                break;
            }
        }
        worst
    }

    /// Delivers an event to the default bus of its account and Region, or of all if it names none.
    pub(crate) fn deliver(
        &mut self,
        event: &Value,
        copies: u32,
        organization: &Organization,
        context: &ServiceContext,
    ) {
        let is_elsewhere = |key: &str, here: &str| event[key].as_str().is_some_and(|wanted| wanted != here);
        let mut forwarded = Vec::new();
        for (place, region) in &mut self.0 {
            if is_elsewhere("region", &place.region) || is_elsewhere("account", &place.account) {
                continue;
            }
            let sent = region.buses.route(DEFAULT_BUS, event, context.instant);
            forwarded.extend(region.carry_out(&sent, copies, place, context));
        }
        for Forwarded { bus, account } in forwarded {
            self.deliver_to(&bus, event, copies, &account, organization, context);
        }
    }

    /// Delivers an event that an account puts on a bus, if the bus takes it from there; otherwise it is lost
    /// without a word. What has come from another account is not forwarded once more, as at AWS.
    pub(crate) fn deliver_to(
        &mut self,
        bus: &BusName,
        event: &Value,
        copies: u32,
        account: &str,
        organization: &Organization,
        context: &ServiceContext,
    ) {
        let Some(region) = self.0.get_mut(&bus.place) else { return };
        if region.buses.admits(bus, account, organization.of(account)) {
            let sent = region.buses.route(&bus.name, event, context.instant);
            region.carry_out(&sent, copies, &bus.place, context);
        }
    }

    /// Gives the tag with this key another value, on every resource that has it.
    pub(crate) fn tag_anew(&mut self, key: &str, value: &str) {
        for region in self.0.values_mut() {
            let rules = region.buses.iter_mut().flat_map(|bus| bus.rules.values_mut());
            let rules = rules.map(|rule| &mut rule.tags);
            let queues = region.sqs.queues.values_mut().map(|queue| &mut queue.tags);
            let experiments = region.fis.experiments.values_mut().map(|experiment| &mut experiment.tags);
            for tag in rules.chain(queues).chain(experiments).filter_map(|tags| tags.get_mut(key)) {
                value.clone_into(tag);
            }
        }
    }

    /// Lets the targets of all experiments resolve to more resources than they did.
    pub(crate) fn resolve_more(&mut self, more: usize) {
        let experiments = self.0.values_mut().flat_map(|region| region.fis.experiments.values_mut());
        experiments.for_each(|experiment| experiment.resolve_more(more));
    }

    /// Returns all resources that exist.
    pub(crate) fn inventory(&self) -> Inventory {
        let mut inventory = Inventory::default();
        for (WorldPlace { account, region: region_name }, region) in &self.0 {
            let rules = region.buses.iter().flat_map(|bus| &bus.rules).map(|(name, rule)| RuleEntry {
                name: name.clone(),
                account: account.clone(),
                region: region_name.clone(),
                pattern: rule.pattern.clone(),
                targets: rule.targets.values().map(|target| target.arn.clone()).collect(),
                tags: rule.tags.clone(),
            });
            inventory.rules.extend(rules);
            let queues = region.sqs.queues.iter().map(|(name, queue)| QueueEntry {
                name: name.clone(),
                account: account.clone(),
                region: region_name.clone(),
                url: queue.url.clone(),
                tags: queue.tags.clone(),
                messages: queue.bodies().map(str::to_owned).collect(),
            });
            inventory.queues.extend(queues);
            let experiments = region.fis.experiments.values().map(|experiment| ExperimentEntry {
                id: experiment.id.clone(),
                account: account.clone(),
                region: region_name.clone(),
                template: experiment.template.clone(),
                status: experiment.status.clone(),
                tags: experiment.tags.clone(),
                client_token: experiment.client_token.clone(),
                skips_actions: experiment.skips_actions(),
            });
            inventory.experiments.extend(experiments);
            inventory.most_active = inventory.most_active.max(region.fis.most_active);
        }
        inventory
    }
}
