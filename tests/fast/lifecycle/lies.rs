//! Answers of FIS that are well formed and not true, or not of this run. None of them lets a run pass.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use faultgate::lifecycle::{Guard, Unguarded};
use faultgate_core::clock::Clock;
use faultgate_core::model::{InjectionRule, Monitor, Plan, RunResult, Verdict};
use faultgate_engines::fis::{Emergency, FisEngine};
use faultgate_net::aws::connect_embedded;
use faultgate_rehearsal::{Scenario, World, http_client};
use faultgate_testkit::paused::chaos::Chaos;
use faultgate_testkit::paused::player::{plan, settings};
use faultgate_testkit::paused::world;
use faultgate_testkit::plans::identity;
use serde_json::{Value, json};

/// A function that changes an answer. It is given the method and the path of the request.
type Lie = Arc<dyn Fn(&str, &str, &mut Value) + Send + Sync>;

/// A client whose answers are changed on their way back.
#[derive(Clone)]
struct Lying<C> {
    inner: C,
    lie: Lie,
}

impl<C> fmt::Debug for Lying<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lying").finish_non_exhaustive()
    }
}

impl HttpClient for Lying<SharedHttpClient> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Lying { inner, lie: self.lie.clone() })
    }
}

impl HttpConnector for Lying<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (method, uri) = (request.method().to_owned(), request.uri().to_owned());
        let (answer, lie) = (self.inner.call(request), self.lie.clone());
        HttpConnectorFuture::new(async move {
            let mut answer = answer.await?;
            let told = answer.body().bytes().and_then(|body| serde_json::from_slice(body).ok());
            if let Some(mut told) = told {
                let path = uri
                    .split_once("://")
                    .and_then(|(_, rest)| rest.split_once('/'))
                    .map_or("", |(_, path)| path);
                lie(&method, path, &mut told);
                *answer.body_mut() = SdkBody::from(told.to_string());
            }
            Ok(answer)
        })
    }
}

pub(super) fn planned(dry_run: bool, injection: InjectionRule) -> Plan {
    let mut plan = plan(&Chaos { monitor: Monitor::Poll, ..Chaos::with_faults(Vec::new()) });
    (plan.dry_run, plan.injection) = (dry_run, injection);
    plan.experiments[0].timeout = Duration::from_mins(1);
    plan
}

async fn told(
    plan: &Plan,
    lie: impl Fn(&str, &str, &mut Value) + Send + Sync + 'static,
) -> (RunResult, World) {
    told_under(&Unguarded, |_| {}, plan, lie).await
}

/// Runs a plan under a guard in a world that is arranged before, and whose answers are changed.
pub(super) async fn told_under(
    guard: &dyn Guard,
    arrange: impl FnOnce(&World),
    plan: &Plan,
    lie: impl Fn(&str, &str, &mut Value) + Send + Sync + 'static,
) -> (RunResult, World) {
    let clock = Clock::start();
    let scenario = Scenario::find("completed").expect("it is there");
    let world = World::new(scenario, clock);
    // A preview lasts as long as any other experiment, so that there is time to see what it does.
    world.script_previews(scenario.life(None));
    arrange(&world);
    let client = Lying { inner: http_client(world.clone()), lie: Arc::new(lie) };
    let sdk = connect_embedded("http://world", Some(SharedHttpClient::new(client))).unwrap();
    let fis = |cancel: &faultgate::lifecycle::Cancel| {
        FisEngine::new(&sdk, settings(plan, &identity("chaos")), clock, cancel.token().clone())
    };
    let result = world::run_guarded(plan, &world, clock, guard, fis, std::future::pending()).await;
    (result, world)
}

/// Returns `true` for a request for an experiment's record.
fn is_record(method: &str, path: &str) -> bool {
    method == "GET" && path.starts_with("experiments/") && path.matches('/').count() == 1
}

pub(super) const RULES: [InjectionRule; 3] = [
    InjectionRule { accepts_nothing: false, requires_all: false },
    InjectionRule { accepts_nothing: true, requires_all: false },
    InjectionRule { accepts_nothing: false, requires_all: true },
];

#[tokio::test(start_paused = true)]
async fn the_truth_passes() {
    for rule in RULES {
        let (result, _) = told(&planned(false, rule), |_, _, _| {}).await;
        assert_eq!(result.gate.verdict, Verdict::Passed, "{:?}", result.gate.reasons);
        let (result, _) = told(&planned(true, rule), |_, _, _| {}).await;
        assert_eq!(result.gate.verdict, Verdict::Passed, "{:?}", result.gate.reasons);
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_of_another_experiment_is_no_record() {
    for id in [json!("EXPsomebodyelse"), Value::Null] {
        let lie = move |method: &str, path: &str, answer: &mut Value| {
            if is_record(method, path) {
                answer["experiment"]["id"] = id.clone();
            }
        };
        let (result, world) = told(&planned(false, RULES[1]), lie).await;
        assert_eq!(result.gate.verdict, Verdict::TimedOut, "{:?}", result.gate.reasons);
        assert!(world.snapshot().count("StopExperiment") > 0);
    }
}

/// Returns `true` for a request that starts an experiment.
#[tokio::test(start_paused = true)]
async fn a_template_that_is_not_the_one_asked_for_is_not_launched() {
    let another = json!({"id": "EXTanother", "actions": {"wait": {"actionId": "aws:fis:wait"}}});
    for template in [another, json!({"id": null}), Value::Null] {
        let lie = move |_: &str, path: &str, answer: &mut Value| {
            if path.starts_with("experimentTemplates/") {
                answer["experimentTemplate"] = template.clone();
            }
        };
        let (result, world) = told(&planned(false, RULES[0]), lie).await;
        assert_eq!(result.gate.verdict, Verdict::Errored, "{:?}", result.gate.reasons);
        assert!(world.inventory().experiments.is_empty(), "{:?}", result.gate.reasons);
    }
}

fn is_start(method: &str, path: &str) -> bool {
    method == "POST" && path == "experiments"
}

fn is_over(answer: &mut Value) {
    answer["experiment"]["state"] = json!({"status": "completed"});
    answer["experiment"]["endTime"] = json!(1_700_000_000);
}

/// A change of an answer.
type Change = fn(&mut Value);

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_over_and_not_ours_is_never_scored() {
    let lies: [(&str, Change); 4] = [
        ("without tags", |answer| answer["experiment"]["tags"] = json!({})),
        ("of another run", |answer| answer["experiment"]["tags"]["faultgate:run-id"] = json!("theirs")),
        ("of another experiment", |answer| {
            answer["experiment"]["tags"]["faultgate:experiment"] = json!("theirs");
        }),
        ("of another template", |answer| answer["experiment"]["experimentTemplateId"] = json!("EXTother")),
    ];
    for (name, change) in lies {
        let lie = move |method: &str, path: &str, answer: &mut Value| {
            if is_start(method, path) {
                is_over(answer);
                change(answer);
            }
        };
        let (result, world) = told(&planned(false, RULES[1]), lie).await;
        assert_eq!(result.gate.verdict, Verdict::Errored, "{name}: {:?}", result.gate.reasons);
        assert!(result.experiments[0].score.is_none(), "{name}");
        assert!(world.inventory().rules.is_empty() && world.inventory().queues.is_empty(), "{name}");
    }
    // An experiment that is ours by all its tags is confirmed by FIS's record, as usual.
    let lie = |method: &str, path: &str, answer: &mut Value| {
        if is_start(method, path) {
            is_over(answer);
        }
    };
    let (result, _) = told(&planned(false, RULES[0]), lie).await;
    assert_eq!(result.gate.verdict, Verdict::Passed, "{:?}", result.gate.reasons);
}

#[tokio::test(start_paused = true)]
async fn skip_all_in_the_record_of_a_run_that_was_no_dry_run_never_passes() {
    for rule in RULES {
        let lie = |method: &str, path: &str, answer: &mut Value| {
            if is_record(method, path) {
                answer["experiment"]["experimentOptions"]["actionsMode"] = json!("skip-all");
            }
        };
        let (result, _) = told(&planned(false, rule), lie).await;
        assert_eq!(result.gate.verdict, Verdict::Errored, "{:?}", result.gate.reasons);
        assert!(result.gate.reasons[0].contains("skip-all"), "{:?}", result.gate.reasons);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_whose_actions_are_carried_out_is_stopped_at_once() {
    for (mode, everywhere) in [(json!("run-all"), true), (json!("run-all"), false), (Value::Null, true)] {
        let shown = mode.clone();
        let lie = move |method: &str, path: &str, answer: &mut Value| {
            if is_record(method, path) || (everywhere && is_start(method, path)) {
                answer["experiment"]["experimentOptions"]["actionsMode"] = mode.clone();
            }
        };
        let (result, world) = told(&planned(true, RULES[1]), lie).await;
        let context = format!("{shown}, {everywhere}: {:?}", result.gate.reasons);
        assert_eq!(result.gate.verdict, Verdict::Errored, "{context}");
        assert!(result.gate.reasons[0].contains("dry run"), "{context}");
        assert_eq!(world.snapshot().count("StopExperiment"), 1, "{context}");
        let ends = world.inventory().experiments;
        assert_eq!(ends[0].status, "stopped", "{context}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_preview_whose_actions_are_carried_out_is_stopped_at_once_and_nothing_is_launched() {
    for (mode, everywhere) in [(json!("run-all"), true), (json!("run-all"), false), (Value::Null, true)] {
        let shown = mode.clone();
        let lie = move |method: &str, path: &str, answer: &mut Value| {
            if is_record(method, path) || (everywhere && is_start(method, path)) {
                answer["experiment"]["experimentOptions"]["actionsMode"] = mode.clone();
            }
        };
        let plan = Plan { preview: true, ..planned(false, RULES[1]) };
        let (result, world) = told(&plan, lie).await;
        let context = format!("{shown}, {everywhere}: {:?}", result.gate.reasons);
        assert_eq!(result.gate.verdict, Verdict::Errored, "{context}");
        assert!(result.gate.reasons[0].contains("does not say that it does"), "{context}");
        let seen = world.snapshot();
        assert_eq!((seen.count("StartExperiment"), seen.count("StopExperiment")), (1, 1), "{context}");
        assert_eq!(seen.inventory.experiments[0].status, "stopped", "{context}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_preview_of_another_run_is_not_counted() {
    let lie = |method: &str, path: &str, answer: &mut Value| {
        if is_record(method, path) {
            answer["experiment"]["tags"]["faultgate:run-id"] = json!("another");
        }
    };
    let plan = Plan { preview: true, ..planned(false, RULES[0]) };
    let (result, world) = told(&plan, lie).await;
    assert_eq!(result.gate.verdict, Verdict::Errored, "{:?}", result.gate.reasons);
    assert_eq!(world.snapshot().count("StartExperiment"), 1, "{:?}", result.gate.reasons);
}

#[tokio::test(start_paused = true)]
async fn accounts_without_a_target_are_told() {
    let accounts = |ids: &'static [&'static str]| {
        move |method: &str, path: &str, answer: &mut Value| {
            if is_record(method, path) {
                answer["experiment"]["experimentOptions"]["accountTargeting"] = json!("multi-account");
                answer["experiment"]["targetAccountConfigurationsCount"] = json!(ids.len());
            } else if path.contains("/targetAccountConfigurations") {
                let of = |id: &&str| json!({"accountId": id, "roleArn": "arn:aws:iam::1:role/r"});
                answer["targetAccountConfigurations"] = ids.iter().map(of).collect();
            }
        }
    };
    let (here, empty) = ("123456789012", "999999999999");
    let asked = |world: &World| world.snapshot().count("ListExperimentTargetAccountConfigurations");
    let (any, all) = (planned(false, RULES[0]), planned(false, RULES[2]));

    let (result, world) = told(&any, accounts(&["123456789012", "999999999999"])).await;
    assert_eq!(result.gate.verdict, Verdict::Passed, "{:?}", result.gate.reasons);
    let [warning] = &result.experiments[0].warnings[..] else {
        panic!("{:?}", result.experiments[0].warnings)
    };
    assert!(warning.contains(empty) && !warning.contains(here), "{warning}");
    assert_eq!(asked(&world), 1);

    let (result, _) = told(&all, accounts(&["123456789012", "999999999999"])).await;
    assert_eq!(result.gate.verdict, Verdict::Errored, "{:?}", result.gate.reasons);
    assert!(result.gate.reasons[0].contains(empty), "{:?}", result.gate.reasons);

    let (result, _) = told(&all, accounts(&["123456789012"])).await;
    assert_eq!(result.gate.verdict, Verdict::Passed, "{:?}", result.gate.reasons);

    let (_, world) = told(&any, |_, _, _| {}).await;
    assert_eq!(asked(&world), 0, "an experiment of one account");
}

/// An answer without the list of experiments says nothing, which is not that there are none.
#[tokio::test(start_paused = true)]
async fn a_stop_of_everything_takes_no_answer_without_a_list_for_an_empty_one() {
    let world = World::new(Scenario::find("completed").expect("it is there"), Clock::start());
    let list = async |body: Value| {
        let lie = move |_: &str, _: &str, answer: &mut Value| *answer = body.clone();
        let client = Lying { inner: http_client(world.clone()), lie: Arc::new(lie) };
        let sdk = connect_embedded("http://world", Some(SharedHttpClient::new(client))).unwrap();
        Emergency::new(&sdk, None).list(None).await
    };
    for body in [json!({}), json!({"experiments": null}), json!({"message": "Please log in"})] {
        assert!(list(body.clone()).await.is_err(), "{body}");
    }
    assert!(list(json!({"experiments": []})).await.unwrap().live.is_empty());
}
