//! The history of an alarm, as an account has it and as a broken server may tell it.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::tests::{PATIENT, connector};
use super::*;
use crate::alarms::FollowAlarm;
use crate::cloudwatch::NAMES;
use faultgate_net::aws::calls::CountCalls;
use faultgate_net::aws::{JsonClient, connect_embedded};
use faultgate_rehearsal::{FaultEffect, FaultRule, SYSTEM_ALARM_NAME, Scenario, World, http_client};

fn follower(url: &str, world: Option<&World>, name: &str) -> Arc<dyn FollowAlarm> {
    let sdk = connect_embedded(url, world.map(|world| http_client(world.clone()))).unwrap();
    let check = Check::CloudwatchAlarm { name: name.to_owned(), within: PATIENT };
    let feed = AlarmFeed::default();
    let evaluator =
        connector().connect_following(&check, Some(&sdk), Some(&feed), &AlarmDesk::default()).unwrap();
    assert!(feed.wanted_alarms().contains(name), "the feed knows that somebody wants to hear of it");
    evaluator.alarm().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_history_has_all_changes_on_all_its_pages() {
    let clock = Clock::start();
    let world = World::new(Scenario::find("completed").unwrap(), clock);
    let alarm = follower("http://world", Some(&world), SYSTEM_ALARM_NAME);
    assert_eq!(alarm.read_history(clock.now()).await.unwrap().changes, []);
    let begin = clock.now();
    for number in 0..250 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let state = if number % 2 == 0 { "ALARM" } else { "OK" };
        for region in ["us-east-1", "eu-west-1"] {
            world.set_alarm(region, SYSTEM_ALARM_NAME, state, "set by the test");
        }
    }
    let history = alarm.read_history(begin).await.unwrap();
    assert_eq!((history.changes.len(), history.before.unwrap().state.as_str()), (250, "OK"));
    assert!(history.changes.windows(2).all(|pair| pair[0].at < pair[1].at));
    let asked = world.requests().into_iter().filter(|r| r.operation == "DescribeAlarmHistory").count();
    assert_eq!(asked, 4, "one page, and three");
    let later = alarm.read_history(history.changes[200].at).await.unwrap();
    assert_eq!((later.changes.len(), later.before.unwrap().state.as_str()), (50, "OK"));
    world.inject(FaultRule::on(
        "DescribeAlarmHistory",
        FaultEffect::denied("cloudwatch:DescribeAlarmHistory"),
    ));
    let why = alarm.read_history(begin).await.unwrap_err();
    assert!(why.starts_with("cloudwatch:DescribeAlarmHistory is not permitted"), "{why}");
}

async fn told(answer: Value) -> Result<crate::alarms::AlarmHistory, String> {
    let server = MockServer::start().await;
    let respond = move |_: &Request| ResponseTemplate::new(200).set_body_json(&answer);
    Mock::given(any()).respond_with(respond).mount(&server).await;
    follower(&server.uri(), None, "shop-5xx").read_history(Timestamp::UNIX_EPOCH).await
}

#[tokio::test]
async fn a_history_that_cannot_be_read_is_none() {
    let item = |name: &str, at: f64, summary: &str| json!({"AlarmName": name, "Timestamp": at, "HistoryItemType": "StateUpdate", "HistorySummary": summary});
    let (at, updated) = (1_795_341_604.985, "Alarm updated from OK to ALARM");
    let one = |item: Value| json!({"AlarmHistoryItems": [item]});
    let history = told(one(item("shop-5xx", at, updated))).await.unwrap();
    assert_eq!(history.changes[0].at.to_string(), "2026-11-22T10:00:04.985Z");
    let mut more = one(item("shop-5xx", at, updated));
    more["NextToken"] = "more".into();
    for (answer, why) in [
        (one(item("another", at, updated)), "the history of another alarm"),
        (one(item("shop-5xx", at, "Alarm was seen")), "cannot be read"),
        (one(item("shop-5xx", 1e300, updated)), "cannot be read"),
        (one(json!({"AlarmName": "shop-5xx"})), "cannot be read"),
        (more, "more than 40 pages"),
        (
            json!("no object"),
            "CloudWatch could not be asked: the answer is none that DescribeAlarmHistory gives",
        ),
    ] {
        let said = told(answer.clone()).await.unwrap_err();
        assert!(said.contains(why), "{answer}: {said}");
    }
}

/// Hundreds of probes that come at the same moment are served by few requests, each with its own alarm.
#[tokio::test(start_paused = true)]
async fn many_alarms_are_asked_for_together() {
    let world = World::new(Scenario::find("completed").unwrap(), Clock::start());
    world.inject(FaultRule::on("DescribeAlarms", FaultEffect::Delay(Duration::from_millis(50))));
    let sdk = connect_embedded("http://world", Some(http_client(world.clone()))).unwrap();
    let cloudwatch = JsonClient::new(&NAMES, &sdk, CountCalls::default());
    for number in 0..250 {
        let name = format!("alarm-{number}");
        cloudwatch.ask::<Value>("PutMetricAlarm", &json!({"AlarmName": name})).await.unwrap();
        let state = if number % 2 == 0 { "OK" } else { "ALARM" };
        let set = json!({"AlarmName": name, "StateValue": state, "StateReason": "test"});
        cloudwatch.ask::<Value>("SetAlarmState", &set).await.unwrap();
    }
    let (connector, desk) = (connector(), AlarmDesk::default());
    let evaluators: Vec<_> = (0..251)
        .map(|number| {
            let check = Check::CloudwatchAlarm { name: format!("alarm-{number}"), within: PATIENT };
            connector.connect_following(&check, Some(&sdk), None, &desk).unwrap()
        })
        .collect();
    let asking = evaluators.iter().map(|evaluator| evaluator.evaluate());
    let told = futures_util::future::join_all(asking).await;
    for (number, evaluation) in told.iter().enumerate() {
        assert_eq!(evaluation.passed, number < 250 && number % 2 == 0, "{number}: {evaluation:?}");
    }
    let why = told[250].reason.as_deref().unwrap();
    assert_eq!(why, "there is no alarm of that name in this account and Region");
    let asked: Vec<_> =
        world.requests().into_iter().filter(|request| request.operation == "DescribeAlarms").collect();
    assert_eq!(asked.len(), 3, "a hundred at a time");
    let counted: u64 = evaluators.iter().flat_map(|evaluator| evaluator.calls().into_values()).sum();
    assert_eq!(counted, 3, "each request is counted once");
}
