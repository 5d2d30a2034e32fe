//! Requests of probes: an evaluation that is not answered has not passed.

use std::time::Duration;

use faultgate_core::model::Verdict;
use faultgate_rehearsal::{Beat, FaultEffect, FaultRule, SYSTEM_ALARM_NAME, Step, TEMPLATE_ID, Which};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::lives::QUICK;
use futures_util::future::join_all;
use serde_json::{Value, json};
use wiremock::matchers::{header, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::aws;
use crate::between::Between;
use crate::matrix::{LONGEST, Matrix, result};

/// Starts a system that is well.
async fn system() -> MockServer {
    let server = MockServer::start().await;
    let well = ResponseTemplate::new(200).set_body_string("all is well");
    Mock::given(path("/health")).respond_with(well).mount(&server).await;
    let vector =
        r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"0.25"]}]}}"#;
    let answer = ResponseTemplate::new(200).set_body_string(vector);
    Mock::given(path("/api/v1/query")).respond_with(answer).mount(&server).await;
    // The same server stands in for CloudWatch where a metric is asked for.
    let metric = |request: &Request| {
        // The value is of the last complete minute of the time that is asked for.
        let end = request.body_json::<Value>().unwrap()["EndTime"].as_i64().unwrap();
        ResponseTemplate::new(200).set_body_json(json!({"MetricDataResults": [
            {"Id": "probe", "StatusCode": "Complete", "Timestamps": [end - 60], "Values": [0.25]},
        ]}))
    };
    let asked = header("x-amz-target", "GraniteServiceVersion20100801.GetMetricData");
    Mock::given(asked).respond_with(metric).mount(&server).await;
    server
}

fn probes(url: &str) -> [(&'static str, String); 4] {
    [
        ("http", format!("http: {{ url: '{url}/health', contains: 'all is well', within: 1s }}")),
        ("prometheus", format!("prometheus: {{ url: '{url}', query: up, expect: '< 0.5', within: 1s }}")),
        ("cloudwatch-alarm", "cloudwatch-alarm: { name: rehearsal-steady, within: 1s }".to_owned()),
        (
            "cloudwatch-metric",
            "cloudwatch-metric: { namespace: Shop, metric: Errors, statistic: Sum, expect: '< 1', within: 1s }"
                .to_owned(),
        ),
    ]
}

/// Plays a run with one probe, which is evaluated once after the experiment.
async fn play(kind: usize, fault: Option<FaultRule>) -> Vec<String> {
    let (account, system) = (EmbeddedAccount::living(QUICK).await, system().await);
    let between = Between::before(&system.uri(), fault.clone()).await;
    let (name, probe) = &probes(&between.url)[kind];
    let suite = format!(
        "version: 1\nexperiments:\n  - name: shop\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n      \
         - {{ name: probe, {probe}, when: [after] }}\n"
    );
    let of_account = *name == "cloudwatch-alarm";
    if let Some(fault) = fault.clone().filter(|_| of_account) {
        account.world.inject(fault);
    }
    let mut run = account.faultgate(&[]).file(".faultgate.yml", &suite);
    if *name == "cloudwatch-metric" {
        run = run.env("AWS_ENDPOINT_URL_CLOUDWATCH", &between.url);
    }
    let ended = run.spawn().ended_within(LONGEST).await;
    let probe = result(&ended).experiments[0].probes[0].clone();
    let is_slow_only = |effect: &FaultEffect| matches!(effect, FaultEffect::Trickle(_));
    assert!(fault.is_some() || probe.passed == 1, "undisturbed: {probe:#?}");
    // Requests for FIS's own alarms are the same operation as those of the probe.
    let is_its_own = |fault: &FaultRule| fault.operation != "DescribeAlarms" || of_account;
    let always = fault
        .is_some_and(|fault| fault.times.is_none() && is_its_own(&fault) && !is_slow_only(&fault.effect));
    assert!(!always || probe.passed == 0, "it saw nothing, and passed: {probe:#?}");
    let asked = if of_account { vec!["DescribeAlarms".to_owned()] } else { between.asked() };
    aws::hold(&account, ended).await;
    asked
}

/// The life of an experiment in the midst of whose fault an alarm rings, and goes on ringing.
const RINGING: &[Beat] = &[
    beat(50, Step::Experiment { status: "running", reason: "" }),
    beat(0, Step::Actions { which: Which::All, status: "running", reason: "" }),
    beat(150, Step::Alarm { name: SYSTEM_ALARM_NAME, state: "ALARM" }),
    beat(150, Step::Actions { which: Which::All, status: "completed", reason: "" }),
    beat(0, Step::Experiment { status: "completed", reason: "" }),
];

const fn beat(millis: u64, step: Step) -> Beat {
    Beat { after: Duration::from_millis(millis), step }
}

/// Plays a run with a probe on an alarm that is followed by events, and rings.
async fn follow(fault: Option<FaultRule>) -> Vec<String> {
    let account = EmbeddedAccount::living(RINGING).await;
    let suite = format!(
        "version: 1\nexperiments:\n  - name: shop\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n      \
         - {{ name: probe, cloudwatch-alarm: {{ name: {SYSTEM_ALARM_NAME}, within: 1s }} }}\n"
    );
    if let Some(fault) = fault.clone() {
        account.world.inject(fault);
    }
    let run = account.faultgate(&[]).file(".faultgate.yml", &suite);
    let ended = run.spawn().ended_within(LONGEST).await;
    let result = result(&ended);
    let probe = &result.experiments[0].probes[0];
    assert_ne!(result.gate.verdict, Verdict::Passed, "the alarm rang: {probe:#?}");
    let is_measured = probe.by_time.as_ref().is_some_and(|time| time.ok_ms < time.fault_ms);
    assert!(fault.is_some() || is_measured, "undisturbed: {probe:#?}");
    aws::hold(&account, ended).await;
    vec!["DescribeAlarms".to_owned(), "DescribeAlarmHistory".to_owned()]
}

#[tokio::test]
async fn an_alarm_that_rings_passes_by_no_answer() {
    Matrix::usual().run("alarm-by-event", follow).await;
}

#[tokio::test]
async fn looks_that_are_not_answered() {
    let kinds = probes("").map(|(name, _)| name);
    let looks = kinds.iter().enumerate().map(|(kind, name)| async move {
        Matrix::usual().run(name, |fault| play(kind, fault)).await;
    });
    join_all(looks).await;
}
