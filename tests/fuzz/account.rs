//! An AWS account whose every answer, and every event in its queue, may be mutated on the way: on a paused
//! clock each run comes to its end, and what it says of it holds.

use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use fastrand::Rng;
use faultgate::lifecycle::{Cancel, Equipment, Lifecycle, RunInputs};
use faultgate_core::clock::Clock;
use faultgate_core::model::{InjectionRule, Monitor, Plan};
use faultgate_engines::Unnoted;
use faultgate_engines::alarms::AlarmFeed;
use faultgate_engines::fis::{FisEngine, FisSettings, RegionTurns, RunStep};
use faultgate_net::aws::connect_embedded;
use faultgate_rehearsal::{Scenario, TEMPLATE_ID, World, http_client};
use faultgate_testkit::plans;
use http_body_util::BodyExt;

use crate::mutate::mutated;
use crate::runner::fuzz;

/// A time that is longer than any run may take.
const RUN_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

/// An HTTP client, or a connector of one, that mutates some of the answers that pass.
#[derive(Debug, Clone)]
struct Between<T> {
    real: T,
    random: Arc<Mutex<Rng>>,
    /// One answer of this many is mutated.
    rarity: u8,
}

impl HttpClient for Between<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let real = self.real.http_connector(settings, components);
        SharedHttpConnector::new(Between { real, random: Arc::clone(&self.random), rarity: self.rarity })
    }
}

impl HttpConnector for Between<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (sent, random, rarity) = (self.real.call(request), Arc::clone(&self.random), self.rarity);
        HttpConnectorFuture::new(async move {
            let mut answer = sent.await?;
            if random.lock().unwrap().u8(..rarity) == 0 {
                let body = answer.take_body().collect().await.unwrap().to_bytes();
                *answer.body_mut() = SdkBody::from(mutated(&body, b"{}", &mut random.lock().unwrap()));
            }
            Ok(answer)
        })
    }
}

fn plan(monitor: Monitor) -> Plan {
    Plan { monitor, ..plans::plan(vec![plans::experiment("one", plans::fis(TEMPLATE_ID))]) }
}

async fn run(seed: u64) -> String {
    fastrand::seed(seed);
    let mut random = Rng::with_seed(seed);
    let scenarios = Scenario::all();
    let scenario = &scenarios[random.usize(..scenarios.len())];
    let clock = Clock::start();
    let world = World::new(scenario, clock);
    let rarity = [3, 10, 40][random.usize(..3)];
    let between = Between { real: http_client(world.clone()), random: Arc::new(Mutex::new(random)), rarity };
    let sdk = connect_embedded("http://world", Some(SharedHttpClient::new(between))).unwrap();
    let plan = plan(if seed.is_multiple_of(4) { Monitor::Poll } else { Monitor::Events });
    let run = plans::identity("fuzz");
    let cancel = Cancel::new();
    let settings = FisSettings {
        alarms: AlarmFeed::default(),
        run: run.clone(),
        step: RunStep::Whole,
        role: None,
        role_arn: None,
        subscription: "faultgate-fuzz".to_owned(),
        monitor: plan.monitor,
        event_queue: None,
        reconcile_interval: plan.reconcile_interval,
        dry_run: false,
        injection: InjectionRule::default(),
        has_console: false,
        turns: RegionTurns::default(),
        expires_in: Duration::from_secs(3600),
    };
    let engine = FisEngine::new(&sdk, settings, clock, cancel.token().clone());
    let inputs = RunInputs {
        plan: &plan,
        run: &run,
        rehearsal: None,
        journal: &Unnoted,
        clock,
        cancel: &cancel,
        publish: &|_| {},
    };
    let equipment = vec![Equipment { engine: Rc::new(engine), evaluators: Vec::new() }];
    let lifecycle = Lifecycle::new(inputs, equipment).expect("it fits the plan");
    let result = tokio::time::timeout(RUN_TIMEOUT, lifecycle.run()).await.expect("the run ends");
    format!("{} {:?} {:?}", scenario.name, result.gate.verdict, result.experiments[0].state)
}

#[test]
fn account() {
    fuzz("account", 80, |case| {
        let seed =
            case.bytes.iter().fold(7_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(run(seed))
    });
}
