//! Tests of signals: stop first, then clean up, then report. A second signal ends the run as soon as the
//! stops are out.

use std::time::Duration;

use faultgate_rehearsal::{EventFaults, FaultEffect, FaultRule, TEMPLATE_ID};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Finished, Running, at_once, in_time};
use faultgate_testkit::contract::assert_result;
use faultgate_testkit::lives::{ENDLESS, IN, QUICK};
use serde_json::Value;

const SIGNALS: [(&str, u8); 3] = [("INT", 130), ("TERM", 143), ("HUP", 129)];

/// A run that was sent a signal, and the number of requests to FIS before it.
struct Cancelled {
    account: EmbeddedAccount,
    ended: Finished,
    fis_before: usize,
}

impl Cancelled {
    async fn by(signal: &str, account: EmbeddedAccount, running: Running) -> Self {
        let fis_before = account.fis_operations().len();
        running.signal(signal).await;
        Self { ended: running.ended().await, account, fis_before }
    }

    fn result(&self, code: u8) -> Value {
        self.ended.assert_code(code, "cancelled");
        let result = self.ended.result();
        assert_result(&result, code);
        assert_eq!(result["gate"]["verdict"], "cancelled");
        assert!(self.ended.summary().contains("Chaos gate: cancelled"));
        self.account.assert_nothing_left("cancelled");
        result
    }

    fn assert_never_launched(&self, result: &Value) {
        assert!(result["experiments"][0]["id"].is_null());
        assert!(self.account.requests_of("StartExperiment").is_empty());
        assert!(self.account.requests_of("StopExperiment").is_empty());
    }

    /// Asserts that the stop came before everything else, was requested once, and is confirmed.
    fn assert_stopped_first(&self, result: &Value) {
        let asked = self.account.fis_operations().split_off(self.fis_before);
        assert_eq!(asked[0], "StopExperiment", "{asked:?}");
        assert_eq!(self.account.requests_of("StopExperiment").len(), 1);
        let requests = self.account.world.requests();
        let place = |operation: &str| requests.iter().position(|r| r.operation == operation);
        assert!(place("StopExperiment") < place("RemoveTargets"));
        assert!(place("StopExperiment") < place("DeleteQueue"));
        let experiment = &result["experiments"][0];
        assert_eq!(experiment["state"], "cancelled");
        assert_eq!(experiment["raw_state"], "stopped");
        assert_eq!(experiment["stop"]["accepted"], true);
        assert_eq!(experiment["stop"]["confirmed"], true);
        assert_eq!(self.account.world.inventory().experiments[0].status, "stopped");
    }
}

#[tokio::test]
async fn during_preflight_nothing_is_made() {
    at_once(SIGNALS, |(signal, code)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        account.world.inject(FaultRule::on("GetExperimentTemplate", FaultEffect::Hang));
        let running = account.run().spawn();
        account.until_asked("GetExperimentTemplate").await;
        let cancelled = Cancelled::by(signal, account, running).await;
        let result = cancelled.result(code);
        cancelled.assert_never_launched(&result);
        for operation in ["CreateQueue", "PutRule", "PutTargets", "PutEvents"] {
            assert!(cancelled.account.requests_of(operation).is_empty(), "{operation}");
        }
    })
    .await;
}

#[tokio::test]
async fn during_the_handshake_the_subscription_is_removed() {
    at_once(SIGNALS, |(signal, code)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        account
            .world
            .set_event_faults(EventFaults { rule_latency: Duration::from_secs(40), ..EventFaults::NONE });
        let running = account.run().spawn();
        account.until_asked("PutEvents").await;
        let cancelled = Cancelled::by(signal, account, running).await;
        let result = cancelled.result(code);
        cancelled.assert_never_launched(&result);
        assert_eq!(cancelled.account.requests_of("DeleteRule").len(), 1);
    })
    .await;
}

#[tokio::test]
async fn while_the_subscription_is_being_made_all_of_it_is_removed() {
    at_once(["CreateQueue", "PutRule", "PutTargets"], |operation| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let delay = FaultEffect::Delay(Duration::from_millis(700));
        account.world.inject(FaultRule::on(operation, delay));
        let running = account.run().spawn();
        account.until_asked(operation).await;
        let cancelled = Cancelled::by("INT", account, running).await;
        let result = cancelled.result(130);
        cancelled.assert_never_launched(&result);
    })
    .await;
}

#[tokio::test]
async fn a_launch_in_flight_is_waited_for_and_stopped() {
    at_once(SIGNALS, |(signal, code)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let delay = FaultEffect::Delay(Duration::from_millis(700));
        account.world.inject(FaultRule::on("StartExperiment", delay));
        let running = account.run().spawn();
        account.until_asked("StartExperiment").await;
        let cancelled = Cancelled::by(signal, account, running).await;
        let result = cancelled.result(code);
        cancelled.assert_stopped_first(&result);
    })
    .await;
}

#[tokio::test]
async fn a_running_experiment_is_stopped_first() {
    at_once(SIGNALS, |(signal, code)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let running = account.run().in_github("1").spawn();
        account.until_running().await;
        let cancelled = Cancelled::by(signal, account, running).await;
        let result = cancelled.result(code);
        cancelled.assert_stopped_first(&result);
        assert_eq!(result["gate"]["signal"], format!("SIG{signal}"));
        let outputs = cancelled.ended.outputs();
        assert_eq!(outputs["verdict"], "cancelled");
        assert_eq!(outputs["state"], "cancelled");
    })
    .await;
}

/// The verdict is known by then and stands. The signal is noted, and hurries the rest.
#[tokio::test]
async fn during_teardown_the_verdict_stands_and_the_rest_is_removed() {
    at_once(SIGNALS, |(signal, _)| async move {
        let account = EmbeddedAccount::living(QUICK).await;
        let delay = FaultEffect::Delay(Duration::from_millis(700));
        account.world.inject(FaultRule::on("DeleteQueue", delay));
        let running = account.run().spawn();
        account.until_asked("DeleteQueue").await;
        let cancelled = Cancelled::by(signal, account, running).await;
        cancelled.ended.assert_code(0, "it had passed");
        let result = cancelled.ended.result();
        assert_result(&result, 0);
        assert_eq!(result["gate"]["verdict"], "passed");
        assert_eq!(result["gate"]["signal"], format!("SIG{signal}"));
        assert!(cancelled.account.requests_of("StopExperiment").is_empty());
        cancelled.account.assert_nothing_left("teardown");
    })
    .await;
}

#[tokio::test]
async fn between_two_experiments_the_next_one_is_not_launched() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    let both = format!("{TEMPLATE_ID},{TEMPLATE_ID}");
    let running = account.run().env("FAULTGATE_EXPERIMENT_TEMPLATE_ID", both).spawn();
    account.until_running().await;
    let cancelled = Cancelled::by("INT", account, running).await;
    let result = cancelled.result(130);
    cancelled.assert_stopped_first(&result);
    assert!(result["experiments"][1]["id"].is_null());
    assert_eq!(result["experiments"][1]["verdict"], "cancelled");
    assert_eq!(cancelled.account.world.inventory().experiments.len(), 1);
}

#[tokio::test]
async fn with_endpoints_that_hang_the_first_signal_still_ends_in_time() {
    at_once(SIGNALS, |(signal, code)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let running = account.run().spawn();
        account.until_running().await;
        account.world.inject(FaultRule::on("*", FaultEffect::Hang));
        running.signal(signal).await;
        // The budget is seven seconds; the limit leaves room for a busy machine.
        let ended = running.ended_within(Duration::from_secs(20)).await;
        ended.assert_code(code, "all endpoints hang");
        let result = ended.result();
        assert_result(&result, code);
        let experiment = &result["experiments"][0];
        assert_eq!(experiment["verdict"], "cancelled");
        assert_eq!(experiment["stop"]["confirmed"], false);
        let command =
            format!("aws fis stop-experiment --region us-east-1 --id {}", experiment["id"].as_str().unwrap());
        let reason = experiment["reason"].as_str().unwrap();
        assert!(reason.contains("NOT confirmed") && reason.contains(&command), "{reason}");
        assert!(ended.stdout.contains(&command), "{}", ended.stdout);
        let left = &result["subscriptions"][0]["leftovers"];
        assert!(!left.as_array().unwrap().is_empty(), "{result:#}");
        assert_eq!(account.fis_operations().last().unwrap(), "GetExperiment");
    })
    .await;
}

#[tokio::test]
async fn signals_that_come_together_are_one_and_the_stop_goes_out() {
    at_once([("TERM", "HUP"), ("HUP", "TERM"), ("INT", "TERM")], |(first, second)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        let running = account.run().spawn();
        account.until_running().await;
        running.signal(first).await;
        running.signal(second).await;
        let ended = running.ended().await;
        // The system chooses which of two pending signals comes first.
        assert!([129, 130, 143].contains(&ended.code.unwrap()), "{:?}", ended.code);
        assert_eq!(ended.result()["gate"]["verdict"], "cancelled");
        assert_eq!(account.requests_of("StopExperiment").len(), 1);
        account.assert_nothing_left("two signals at once");
    })
    .await;
}

#[tokio::test]
async fn another_signal_ends_at_once_though_every_endpoint_hangs() {
    at_once(
        [("INT", "TERM", 143), ("TERM", "INT", 130), ("INT", "HUP", 129)],
        |(first, second, code)| async move {
            let account = EmbeddedAccount::living(ENDLESS).await;
            let running = account.run().spawn();
            account.until_running().await;
            account.world.inject(FaultRule::on("*", FaultEffect::Hang));
            running.signal(first).await;
            account.until_asked("StopExperiment").await;
            // A second signal that came sooner would be an echo of the first. The stop keeps its 3.5 s.
            tokio::time::sleep(Duration::from_millis(300)).await;
            running.signal(second).await;
            let ended = running.ended().await;
            ended.assert_code(code, "the second signal decides");
            assert!(!ended.path("reports/result.json").exists(), "it did not go on to the reports");
        },
    )
    .await;
}

#[tokio::test]
async fn the_same_signal_again_ends_at_once() {
    let account = EmbeddedAccount::living(ENDLESS).await;
    // The experiment is stopping for ever and asked about every second, so a request comes long after the
    // signal.
    account.world.set_stopping(Duration::from_hours(1));
    let running = account.run().env("FAULTGATE_RECONCILE_INTERVAL", "1s").spawn();
    account.until_running().await;
    running.signal("INT").await;
    account.until_asked("StopExperiment").await;
    let looks = account.requests_of("GetExperiment").len();
    account.until("a look after the stop", |seen| seen.count("GetExperiment") > looks).await;
    running.signal("INT").await;
    let ended = in_time(Duration::from_secs(20), "the second signal", running.ended()).await;
    ended.assert_code(130, "interrupted twice");
    assert!(!ended.path("reports/result.json").exists());
}

/// Returns a suite whose probe fails, and halts the experiment.
fn halting_suite() -> String {
    format!(
        "version: 1\nexperiments:\n  - name: az\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n\
         \x20     - {{ name: shop, tcp: {{ address: '127.0.0.1:1' }}, every: 100ms, aborts-after: 2 }}\n"
    )
}

/// The stop of a halt is under way when the signal comes. What the halt has found is true all the same.
#[tokio::test]
async fn a_signal_during_the_stop_of_a_halt_cancels_the_run_and_keeps_the_halt() {
    at_once(SIGNALS, |(signal, code)| async move {
        let account = EmbeddedAccount::living(IN).await;
        let delay = FaultEffect::Delay(Duration::from_millis(1200));
        account.world.inject(FaultRule::on("StopExperiment", delay));
        let running = account.faultgate(&["run"]).file(".faultgate.yml", &halting_suite()).spawn();
        account.until_asked("StopExperiment").await;
        let cancelled = Cancelled::by(signal, account, running).await;
        let result = cancelled.result(code);
        let experiment = &result["experiments"][0];
        let told = (&experiment["verdict"], &experiment["score"], &experiment["score_source"]);
        assert_eq!(told, (&"failed".into(), &0.0.into(), &"abort".into()), "{experiment:#}");
        assert_eq!(experiment["stop"]["signal"], format!("SIG{signal}"), "{experiment:#}");
        let halt = experiment["reason"].as_str().unwrap();
        assert!(halt.starts_with("shop failed ") && halt.contains(" looks in a row"), "{halt}");
        let reasons = result["gate"]["reasons"].as_array().unwrap();
        let cancelling = format!("SIG{signal} cancelled the run while a halt was under way");
        assert_eq!(reasons, &[Value::from(cancelling), halt.into()]);
    })
    .await;
}

/// The first request to stop is never answered, as by a server that has stalled. The next one is.
#[tokio::test]
async fn a_request_to_stop_that_hangs_is_not_waited_for_alone() {
    at_once(SIGNALS, |(signal, code)| async move {
        let account = EmbeddedAccount::living(ENDLESS).await;
        account.world.inject(FaultRule::on("StopExperiment", FaultEffect::Hang).times(1));
        let running = account.run().spawn();
        account.until_running().await;
        let cancelled = Cancelled::by(signal, account, running).await;
        let result = cancelled.result(code);
        assert_eq!(result["experiments"][0]["stop"]["confirmed"], true, "{result:#}");
        assert_eq!(cancelled.account.requests_of("StopExperiment").len(), 2);
        assert_eq!(result["experiments"][0]["monitor"]["api_calls"]["StopExperiment"], 2, "{result:#}");
    })
    .await;
}

/// The requests hang that are made without a signal. It leads to one more, which is answered.
#[tokio::test]
async fn a_signal_asks_again_where_the_stop_of_a_halt_hangs() {
    at_once(SIGNALS, |(signal, code)| async move {
        let account = EmbeddedAccount::living(IN).await;
        account.world.inject(FaultRule::on("StopExperiment", FaultEffect::Hang).times(4));
        let running = account.faultgate(&["run"]).file(".faultgate.yml", &halting_suite()).spawn();
        account.until("all hang", |seen| seen.count("StopExperiment") == 4).await;
        let cancelled = Cancelled::by(signal, account, running).await;
        let result = cancelled.result(code);
        assert_eq!(result["experiments"][0]["stop"]["confirmed"], true, "{result:#}");
        assert_eq!(cancelled.account.requests_of("StopExperiment").len(), 5);
    })
    .await;
}
