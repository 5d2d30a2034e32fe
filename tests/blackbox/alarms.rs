//! Tests of alarms whose changes come by the run's own events: what events tell, what the record says, and
//! the halt. The alarm of the probes is no stop condition.

use std::time::Duration;

use faultgate_rehearsal::{
    ACCOUNT, ALARM_NAME, EventFaults, FaultEffect, FaultRule, SYSTEM_ALARM_NAME, Snapshot, TEMPLATE_ID,
};
use faultgate_testkit::account::EmbeddedAccount;
use faultgate_testkit::binary::{Finished, Running, at_once};
use faultgate_testkit::contract::{assert_listed, assert_result};
use faultgate_testkit::lives::{ALARMING, IN, OVER};
use serde_json::{Value, json};

/// Region of the account.
const REGION: &str = "us-east-1";
/// Time that a change of an alarm lasts at least, so that it is seen in times of milliseconds.
const MOMENT: Duration = Duration::from_millis(40);

/// A run with one probe on an alarm, whose fault is in until the test says otherwise.
struct OnAlarm {
    account: EmbeddedAccount,
    running: Running,
}

impl OnAlarm {
    /// Begins a run with more keys of the probe, and waits until the alarm is followed.
    async fn begin(keys: &str) -> Self {
        Self::prepared(keys, |_| {}, &[]).await
    }

    /// Begins a run in an account that was prepared, with more arguments.
    async fn prepared(keys: &str, prepare: impl FnOnce(&EmbeddedAccount), args: &[&str]) -> Self {
        let account = EmbeddedAccount::living(IN).await;
        prepare(&account);
        let suite = format!(
            "version: 1\nexperiments:\n  - name: az\n    fis: {{ template: {TEMPLATE_ID} }}\n    probes:\n\
             \x20     - {{ name: shop, cloudwatch-alarm: {{ name: {SYSTEM_ALARM_NAME} }}, every: 200ms{keys} }}\n"
        );
        let running = account.faultgate(&["run"]).args(args).file(".faultgate.yml", &suite).spawn();
        account.until_running().await;
        // The first is the look at the stop conditions.
        account.until("the probe looks", |seen| answered(seen, "DescribeAlarms") >= 2).await;
        if args.is_empty() {
            let is_tried = |seen: &Snapshot| answered(seen, "DescribeAlarmHistory") >= 1;
            account.until("it is tried whether the history can be read", is_tried).await;
        }
        Self { account, running }
    }

    fn set(&self, state: &str) {
        self.account.world.set_alarm(REGION, SYSTEM_ALARM_NAME, state, "set by the test");
    }

    /// Lets the alarm be in ALARM for a moment.
    async fn ring(&self) {
        tokio::time::sleep(MOMENT).await;
        self.set("ALARM");
        tokio::time::sleep(MOMENT).await;
        self.set("OK");
        tokio::time::sleep(MOMENT).await;
    }

    /// Returns the alarm's events as the bus has seen them, delivered or not.
    fn events(&self) -> Vec<Value> {
        let events = self.account.world.events().into_iter().map(|published| published.event);
        events.filter(|event| event["source"] == "aws.cloudwatch").collect()
    }

    /// Lets the experiment complete, and returns the end of the run.
    async fn complete(self) -> (Finished, AskedOfAlarm) {
        let experiment = self.account.world.inventory().experiments[0].id.clone();
        for step in OVER {
            assert!(self.account.world.advance(REGION, &experiment, &step));
        }
        self.ended().await
    }

    async fn ended(self) -> (Finished, AskedOfAlarm) {
        let ended = self.running.ended().await;
        self.account.assert_nothing_left("a run with an alarm");
        let asked = AskedOfAlarm {
            looks: self.account.requests_of("DescribeAlarms").len(),
            histories: self.account.requests_of("DescribeAlarmHistory").len(),
            stops: self.account.requests_of("StopExperiment").len(),
        };
        (ended, asked)
    }
}

/// Number of requests of a run. One look is at the stop conditions.
#[derive(Debug, PartialEq, Eq)]
struct AskedOfAlarm {
    looks: usize,
    histories: usize,
    stops: usize,
}

fn answered(seen: &Snapshot, operation: &str) -> usize {
    seen.requests.iter().filter(|r| r.operation == operation && r.status.is_some()).count()
}

fn probe(result: &Value) -> &Value {
    &result["experiments"][0]["probes"][0]
}

/// Asserts that the score is the share of the time that was in OK, and that the intervals make up the rest.
fn assert_measured(result: &Value, intervals: usize, lost: u64) {
    let probe = probe(result);
    let time = &probe["by_time"];
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let (ok, fault) = (number(&time["ok_ms"]), number(&time["fault_ms"]));
    #[expect(clippy::cast_precision_loss, reason = "some seconds")]
    let share = 100.0 * ok as f64 / fault as f64;
    assert!((probe["score"].as_f64().unwrap() - share).abs() < 0.01, "{probe:#}");
    let at = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let told = time["not_ok"].as_array().unwrap();
    let out: i64 =
        told.iter().map(|one| at(&one["to"]).as_millisecond() - at(&one["from"]).as_millisecond()).sum();
    assert_eq!(u64::try_from(out).unwrap(), fault - ok, "{time:#}");
    assert_eq!((told.len(), number(&time["lost_events"])), (intervals, lost), "{time:#}");
}

#[tokio::test]
async fn an_alarm_is_measured_by_time_and_nobody_asks_meanwhile() {
    let run = OnAlarm::begin("").await;
    run.ring().await;
    let (ended, asked) = run.complete().await;
    ended.assert_code(1, "an alarm that rang");
    let result = ended.result();
    assert_result(&result, 1);
    assert_measured(&result, 1, 0);
    // One look when the phase begins and one after the end; one trial of the history and one reading.
    assert_eq!(asked, AskedOfAlarm { looks: 3, histories: 2, stops: 0 });
    assert_listed(result["api_calls"].as_object().unwrap().keys(), "events");
    let reason = result["experiments"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("shop was not in OK for "), "{reason}");
    assert!(reason.contains("(ALARM: set by the test)"), "{reason}");
    // Every report says by what it was measured, and when it was not in OK.
    for report in ["summary.md", "report.html", "junit.xml"] {
        let text = ended.read(&format!("reports/{report}"));
        assert!(text.contains("measured by time: in OK for "), "{report}: {text}");
        assert!(text.contains("not in OK from "), "{report}: {text}");
    }
    let log = &ended.stdout;
    assert!(log.contains("probe shop fails: ALARM: set by the test"), "{log}");
    assert!(log.contains("probe shop passes again"), "{log}");
}

#[tokio::test]
async fn a_lost_event_is_found_by_the_history() {
    let lost = |account: &EmbeddedAccount| {
        account.world.set_event_faults(EventFaults { lose_alarms: true, ..EventFaults::NONE });
    };
    let run = OnAlarm::prepared("", lost, &[]).await;
    run.ring().await;
    let (ended, _) = run.complete().await;
    ended.assert_code(1, "an alarm that rang unheard");
    assert_measured(&ended.result(), 1, 2);
    assert!(ended.summary().contains("no event told: 2"), "{}", ended.summary());
}

#[tokio::test]
async fn events_that_come_twice_and_in_any_order_change_nothing() {
    let lost = |account: &EmbeddedAccount| {
        account.world.set_event_faults(EventFaults { lose_alarms: true, ..EventFaults::NONE });
    };
    let run = OnAlarm::prepared(", aborts-after: 1", lost, &[]).await;
    run.ring().await;
    // The later one first, and each of them twice.
    let events: Vec<Value> =
        run.events().into_iter().rev().flat_map(|event| [event.clone(), event]).collect();
    for event in events {
        run.account.world.put_event(event);
    }
    let (ended, asked) = run.complete().await;
    ended.assert_code(1, "an alarm that rang");
    assert_measured(&ended.result(), 1, 0);
    assert_eq!(asked.stops, 0, "it was well again when it was heard of");
}

#[tokio::test]
async fn an_event_that_lies_is_named_and_counts_for_nothing_where_a_look_refutes_it() {
    at_once(["", ", aborts-after: 1"], |keys| async move {
        let run = OnAlarm::begin(keys).await;
        let lie = json!({
            "version": "0", "id": "a-lie", "source": "aws.cloudwatch", "account": ACCOUNT, "region": REGION,
            "detail-type": "CloudWatch Alarm State Change", "time": run.account.world.now().to_string(),
            "detail": {"alarmName": SYSTEM_ALARM_NAME, "state": {"value": "ALARM", "reason": "a lie"}},
        });
        let before = run.account.requests_of("DescribeAlarms").len();
        run.account.world.put_event(lie);
        if !keys.is_empty() {
            let asks = |seen: &Snapshot| answered(seen, "DescribeAlarms") > before;
            run.account.until("the event is confirmed", asks).await;
        }
        let (ended, asked) = run.complete().await;
        let result = ended.result();
        assert_eq!(asked.stops, 0, "{keys}: an event alone halts nothing");
        let warnings = result["experiments"][0]["warnings"].to_string();
        if keys.is_empty() {
            // Nobody looked, so that it may as well be the history that lags.
            ended.assert_code(1, "it may have rung");
            assert_unmeasured(&result, "may not be complete: an event told that ");
            assert!(warnings.contains("it was not measured"), "{warnings}");
        } else {
            ended.assert_code(0, "an alarm that was in OK all the time");
            assert_measured(&result, 0, 0);
            assert!(warnings.contains("the history counts"), "{warnings}");
            assert!(ended.summary().contains("the history counts"), "{}", ended.summary());
        }
    })
    .await;
}

/// Asserts that the alarm was not measured, for a reason with these words.
fn assert_unmeasured(result: &Value, why: &str) {
    let probe = probe(result);
    assert_eq!((&probe["score"], &probe["unevaluated"]), (&0.0.into(), &"during".into()), "{probe:#}");
    let reason = result["experiments"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("shop was not measured while ") && reason.contains(why), "{reason}");
}

/// CloudWatch answers, and its history has nothing of what its events told: it lags, or lost it.
#[tokio::test]
async fn an_alarm_that_rang_by_its_events_never_passes_by_a_history_that_lacks_it() {
    let lacking_always = || FaultRule::on("DescribeAlarmHistory", FaultEffect::Nothing);
    at_once([None, Some(4)], |readings: Option<u32>| async move {
        let lacking = readings.map_or_else(lacking_always, |readings| lacking_always().times(readings + 1));
        let run = OnAlarm::prepared(", aborts-after: 50", |account| account.world.inject(lacking), &[]).await;
        run.ring().await;
        let heard = |seen: &Snapshot| seen.count("ReceiveMessage") > 2;
        run.account.until("the events are heard", heard).await;
        let (ended, _) = run.complete().await;
        ended.assert_code(1, "it rang");
        match readings {
            Some(_) => assert_measured(&ended.result(), 1, 0),
            None => assert_unmeasured(&ended.result(), "may not be complete: an event told that "),
        }
    })
    .await;
}

#[tokio::test]
async fn an_event_halts_the_experiment() {
    let run = OnAlarm::begin(", aborts-after: 1").await;
    run.set("ALARM");
    run.account.until_asked("StopExperiment").await;
    let (ended, asked) = run.ended().await;
    ended.assert_code(1, "halted");
    let result = ended.result();
    let experiment = &result["experiments"][0];
    assert_eq!(
        (&experiment["score"], &experiment["score_source"], &experiment["state"]),
        (&0.0.into(), &"abort".into(), &"stopped".into())
    );
    let reason = experiment["reason"].as_str().unwrap();
    assert!(reason.contains("shop has not been in OK since "), "{reason}");
    assert_eq!((experiment["stop"]["confirmed"].as_bool(), asked.stops), (Some(true), 1));
}

#[tokio::test]
async fn an_alarm_that_rang_before_the_launch_halts_the_experiment_too() {
    let ringing = |account: &EmbeddedAccount| {
        account.world.set_alarm(REGION, SYSTEM_ALARM_NAME, "ALARM", "it rang before");
    };
    let run = OnAlarm::prepared(", aborts-after: 1", ringing, &[]).await;
    run.account.until_asked("StopExperiment").await;
    let (ended, _) = run.ended().await;
    ended.assert_code(1, "halted");
    let result = ended.result();
    assert_eq!(result["experiments"][0]["score_source"], "abort");
    assert_eq!(probe(&result)["by_time"]["ok_ms"], 0, "{:#}", probe(&result));
}

#[tokio::test]
async fn an_alarm_that_rang_all_the_time_scores_nothing() {
    let ringing = |account: &EmbeddedAccount| {
        account.world.set_alarm(REGION, SYSTEM_ALARM_NAME, "INSUFFICIENT_DATA", "nothing came");
    };
    let run = OnAlarm::prepared(", when: [during]", ringing, &[]).await;
    let (ended, _) = run.complete().await;
    ended.assert_code(1, "want of data");
    let result = ended.result();
    assert_measured(&result, 1, 0);
    assert_eq!(probe(&result)["score"], 0.0);
    let interval = &probe(&result)["by_time"]["not_ok"][0];
    assert_eq!(
        (&interval["state"], &interval["reason"]),
        (&"INSUFFICIENT_DATA".into(), &"nothing came".into())
    );
}

#[tokio::test]
async fn where_the_history_is_denied_the_alarm_is_asked_at_its_interval_and_that_is_said() {
    let denied =
        |account: &EmbeddedAccount| account.deny("DescribeAlarmHistory", "cloudwatch:DescribeAlarmHistory");
    let run = OnAlarm::prepared("", denied, &[]).await;
    // The first is the look at the stop conditions, and those that are asked for as the fault comes or goes
    // may not count.
    run.account.until("it is asked again and again", |seen| answered(seen, "DescribeAlarms") >= 8).await;
    let (ended, asked) = run.complete().await;
    ended.assert_code(0, "an alarm in OK");
    assert!(asked.looks >= 8, "{asked:?}");
    let result = ended.result();
    assert!(probe(&result)["by_time"].is_null() && probe(&result)["counted"].as_u64() > Some(3));
    let said = "shop was asked every 200ms, and not measured by time: cloudwatch:DescribeAlarmHistory is not \
                permitted";
    assert!(result["experiments"][0]["warnings"].to_string().contains(said), "{result:#}");
    assert!(ended.summary().contains("not measured by time"), "{}", ended.summary());
}

#[tokio::test]
async fn a_history_that_cannot_be_read_at_the_end_never_passes() {
    let denied =
        FaultRule::on("DescribeAlarmHistory", FaultEffect::denied("cloudwatch:DescribeAlarmHistory"));
    let run = OnAlarm::prepared("", |account| account.world.inject(denied.from(2)), &[]).await;
    let (ended, _) = run.complete().await;
    ended.assert_code(1, "unmeasured");
    let result = ended.result();
    assert_eq!((&probe(&result)["score"], &probe(&result)["unevaluated"]), (&0.0.into(), &"during".into()));
    let reason = result["experiments"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("shop was not measured while "), "{reason}");
    assert!(reason.contains("cloudwatch:DescribeAlarmHistory is not permitted"), "{reason}");
}

#[tokio::test]
async fn without_events_of_its_own_a_run_asks_as_before() {
    let run = OnAlarm::prepared("", |_| {}, &["--monitor", "poll"]).await;
    run.account.until("it is asked again and again", |seen| answered(seen, "DescribeAlarms") >= 4).await;
    let (ended, asked) = run.complete().await;
    ended.assert_code(0, "an alarm in OK");
    assert_eq!(asked.histories, 0);
    let result = ended.result();
    assert!(probe(&result)["by_time"].is_null(), "{result:#}");
    assert_eq!(result["experiments"][0]["warnings"], serde_json::json!([]));
}

#[tokio::test]
async fn the_stop_condition_that_fired_is_told_to_the_second() {
    let account = EmbeddedAccount::living(ALARMING).await;
    let ended = account.run().finish().await;
    ended.assert_code(1, "a stop condition fired");
    let result = ended.result();
    let experiment = &result["experiments"][0];
    let change = &experiment["alarms"][0];
    assert_eq!((&change["alarm"], &change["state"]), (&ALARM_NAME.into(), &"ALARM".into()), "{experiment:#}");
    let at: jiff::Timestamp = change["at"].as_str().unwrap().parse().unwrap();
    let told =
        format!("{ALARM_NAME} went to ALARM at {:.0}", jiff::Timestamp::from_second(at.as_second()).unwrap());
    for text in [experiment["reason"].as_str().unwrap(), &ended.stdout, &ended.summary()] {
        assert!(text.contains(&told), "{told}: {text}");
    }
    assert!(account.requests_of("DescribeAlarmHistory").is_empty(), "it is no probe");
    account.assert_nothing_left("stopped");
}
