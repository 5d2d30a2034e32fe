//! An AWS account to run the binary against.

use std::collections::BTreeMap;

use faultgate_core::clock::Clock;
use faultgate_rehearsal::{
    Beat, ExperimentEntry, FaultEffect, FaultRule, Recorded, Scenario, Server, Snapshot, TEMPLATE_ID, World,
};
use tokio_util::task::AbortOnDropHandle;

use crate::binary::{Faultgate, HANG_TIMEOUT, in_time};

/// An AWS account that lives in this process.
pub struct EmbeddedAccount {
    pub world: World,
    url: String,
    _serving: AbortOnDropHandle<()>,
}

impl EmbeddedAccount {
    /// Makes an account in which the experiments of the template live as these beats say.
    pub async fn living(beats: &[Beat]) -> Self {
        let account = Self::of(Scenario::find("completed").unwrap()).await;
        account.world.script(TEMPLATE_ID, beats);
        account
    }

    pub async fn of(scenario: &Scenario) -> Self {
        let world = World::new(scenario, Clock::start());
        world.begin_others(scenario);
        let server = Server::bind(world.clone()).await.unwrap();
        Self {
            world,
            url: server.url.clone(),
            _serving: AbortOnDropHandle::new(tokio::spawn(server.serve())),
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the binary, pointed at this account.
    pub fn faultgate(&self, args: &[&str]) -> Faultgate {
        Faultgate::new(args)
            .env("AWS_ENDPOINT_URL", &self.url)
            .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
            .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
            .env("AWS_REGION", "us-east-1")
    }

    /// Returns a run of the account's template.
    pub fn run(&self) -> Faultgate {
        self.faultgate(&["run"]).env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", TEMPLATE_ID)
    }

    pub fn deny(&self, operation: &'static str, action: &str) {
        self.world.inject(FaultRule::on(operation, FaultEffect::denied(action)));
    }

    pub async fn until(&self, what: &str, holds: impl Fn(&Snapshot) -> bool) {
        in_time(HANG_TIMEOUT, what, self.world.until(holds)).await;
    }

    /// Waits until the first experiment of the account is running.
    pub async fn until_running(&self) {
        self.until("the experiment runs", |seen| {
            seen.inventory.experiments.iter().any(|e| e.status == "running")
        })
        .await;
    }

    pub async fn until_asked(&self, operation: &str) {
        self.until(operation, |seen| seen.count(operation) > 0).await;
    }

    pub fn requests_of(&self, operation: &str) -> Vec<Recorded> {
        let mut requests = self.world.requests();
        requests.retain(|request| request.operation == operation);
        requests
    }

    /// Returns the operations that FIS was asked for, in order.
    pub fn fis_operations(&self) -> Vec<String> {
        let requests = self.world.requests().into_iter();
        requests.filter(|request| request.service == "fis").map(|request| request.operation).collect()
    }

    /// Begins this number of experiments in the default Region, each as that of another run.
    pub fn begin_runs(&self, count: usize, beats: &[Beat]) {
        for number in 0..count {
            let run = ("faultgate:run-id".to_owned(), format!("run-{number}"));
            self.world.start_foreign(beats, BTreeMap::from([run]));
        }
    }

    /// Returns the experiments that have not ended.
    pub fn live(&self) -> Vec<ExperimentEntry> {
        let over = ["completed", "stopped", "failed", "cancelled"];
        let mut live = self.world.inventory().experiments;
        live.retain(|experiment| !over.contains(&experiment.status.as_str()));
        live
    }

    /// Returns the rules and queues that are left, and the experiments that have not ended.
    pub fn left(&self) -> Vec<String> {
        let there = self.world.inventory();
        let rules = there.rules.into_iter().map(|rule| format!("rule {}", rule.name));
        let queues = there.queues.into_iter().map(|queue| format!("queue {}", queue.name));
        let experiments = self
            .live()
            .into_iter()
            .map(|experiment| format!("experiment {} is {}", experiment.id, experiment.status));
        rules.chain(queues).chain(experiments).collect()
    }

    pub fn assert_nothing_left(&self, context: &str) {
        assert_eq!(self.left(), [""; 0], "{context}: left behind");
    }
}
