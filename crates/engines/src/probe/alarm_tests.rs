//! The history of an alarm, as an account has it and as a broken server may tell it.

use std::time::Duration;

use jiff::Timestamp;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::tests::{PATIENT, connector};
use super::*;
use crate::alarms::FollowAlarm;
use faultgate_net::aws::connect_embedded;
use faultgate_rehearsal::{FaultEffect, FaultRule, SYSTEM_ALARM_NAME, Scenario, World, http_client};

fn follower(url: &str, world: Option<&World>, name: &str) -> Arc<dyn FollowAlarm> {
    let sdk = connect_embedded(url, world.map(|world| http_client(world.clone()))).unwrap();
    let check = Check::CloudwatchAlarm { name: name.to_owned(), within: PATIENT };
    let feed = AlarmFeed::default();
    let evaluator = connector().connect_following(&check, Some(&sdk), Some(&feed)).unwrap();
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

async fn told(inner: &str) -> Result<crate::alarms::AlarmHistory, String> {
    let server = MockServer::start().await;
    let answer = format!(
        "<DescribeAlarmHistoryResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\">\
         <DescribeAlarmHistoryResult>{inner}</DescribeAlarmHistoryResult></DescribeAlarmHistoryResponse>"
    );
    let respond = move |_: &Request| ResponseTemplate::new(200).set_body_string(answer.clone());
    Mock::given(any()).respond_with(respond).mount(&server).await;
    follower(&server.uri(), None, "shop-5xx").read_history(Timestamp::UNIX_EPOCH).await
}

#[tokio::test]
async fn a_history_that_cannot_be_read_is_none() {
    let item = |name: &str, at: &str, summary: &str| {
        format!(
            "<member><AlarmName>{name}</AlarmName><Timestamp>{at}</Timestamp><HistoryItemType>StateUpdate\
             </HistoryItemType><HistorySummary>{summary}</HistorySummary></member>"
        )
    };
    let (at, updated) = ("2026-11-22T10:00:04.985Z", "Alarm updated from OK to ALARM");
    let one = |item: &str| format!("<AlarmHistoryItems>{item}</AlarmHistoryItems>");
    let history = told(&one(&item("shop-5xx", at, updated))).await.unwrap();
    assert_eq!(history.changes[0].at.to_string(), at);
    for (inner, why) in [
        (one(&item("another", at, updated)), "the history of another alarm"),
        (one(&item("shop-5xx", at, "Alarm was seen")), "cannot be read"),
        (one("<member><AlarmName>shop-5xx</AlarmName></member>"), "cannot be read"),
        (one(&item("shop-5xx", at, updated)) + "<NextToken>more</NextToken>", "more than 40 pages"),
    ] {
        let said = told(&inner).await.unwrap_err();
        assert!(said.contains(why), "{inner}: {said}");
    }
}
