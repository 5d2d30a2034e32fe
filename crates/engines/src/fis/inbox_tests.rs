//! Tests of the inbox.

use super::super::events::{FIS_DETAIL_TYPE, FIS_SOURCE, parse};
use super::*;
use serde_json::json;

fn event(id: &str, experiment: &str, template: &str, word: &str) -> String {
    json!({"id": id, "source": FIS_SOURCE, "detail-type": FIS_DETAIL_TYPE, "time": "2026-11-22T10:00:00Z",
           "detail": {"experiment-id": experiment, "experiment-template-id": template,
                      "new-state": {"status": word}}})
    .to_string()
}

fn here() -> AwsPlace {
    AwsPlace {
        partition: "aws".to_owned(),
        region: "eu-west-1".to_owned(),
        account: "123456789012".to_owned(),
    }
}

fn inbox() -> Inbox {
    Inbox::new(["EXT1".to_owned()], here())
}

fn deliver(inbox: &Inbox, body: &str) -> Disposition {
    inbox.deliver(&parse(body), Timestamp::UNIX_EPOCH, false)
}

#[test]
fn events_wait_for_an_experiment_that_is_not_known_yet() {
    let inbox = inbox();
    deliver(&inbox, &event("a", "EXP1", "EXT1", "running"));
    inbox.claim("EXP1");
    assert_eq!(inbox.after("EXP1", 0).len(), 1);
    assert!(inbox.after("EXP1", 1).is_empty() && inbox.after("EXP1", 7).is_empty());
}

#[test]
fn duplicates_are_counted_and_kept_once() {
    let inbox = inbox();
    for _ in 0..3 {
        deliver(&inbox, &event("a", "EXP1", "EXT1", "running"));
    }
    assert_eq!((inbox.count_received("EXP1"), inbox.count_duplicates("EXP1")), (1, 2));
}

#[test]
fn changes_of_alarms_go_to_the_feed_and_only_those_of_this_place() {
    let feed = AlarmFeed::default();
    feed.open(["slow".to_owned()]);
    let inbox = inbox().feeding(feed.clone());
    inbox.claim("EXP1");
    let told = |id: &str, account: &str, region: &str| {
        json!({"id": id, "source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change",
               "account": account, "region": region, "time": "2026-11-22T10:00:00Z",
               "detail": {"alarmName": "slow", "state": {"value": "ALARM"}}})
        .to_string()
    };
    let cases = [
        told("a", "123456789012", "us-east-1"),
        told("b", "210987654321", "eu-west-1"),
        told("c", "123456789012", "eu-west-1"),
    ];
    for body in cases {
        assert_eq!(deliver(&inbox, &body), Disposition::NotOurs);
    }
    assert_eq!(feed.heard_changes("slow").len(), 1);
    assert_eq!((inbox.count_received("EXP1"), inbox.count_malformed()), (0, 0));
    assert!(feed.is_live("slow"));
    inbox.set_trouble(Some("the queue is gone".to_owned()));
    assert!(!feed.is_live("slow"), "no event comes any more");
}

#[test]
fn a_handshake_has_come_where_its_nonce_is_awaited() {
    let inbox = inbox();
    let handshake = json!({"source": "faultgate.handshake", "detail-type": "Faultgate Handshake",
                           "detail": {"nonce": "ours"}})
    .to_string();
    deliver(&inbox, &handshake);
    assert!(!inbox.has_handshake("ours"), "nobody has asked for it yet");
    inbox.await_handshake("ours");
    deliver(&inbox, &handshake);
    assert!(inbox.has_handshake("ours") && !inbox.has_handshake("theirs"));
}

#[test]
fn a_trouble_is_kept_until_it_is_over_and_wakes_waiters_where_it_changes() {
    let inbox = inbox();
    let mut changed = inbox.subscribe();
    assert_eq!(inbox.trouble(), None);
    for (trouble, wakes) in
        [(None, false), (Some("denied"), true), (Some("denied"), false), (Some("gone"), true), (None, true)]
    {
        let trouble = trouble.map(str::to_owned);
        inbox.set_trouble(trouble.clone());
        assert_eq!(inbox.trouble(), trouble);
        assert_eq!(changed.has_changed().unwrap(), wakes, "{trouble:?}");
        changed.mark_unchanged();
    }
}

#[test]
fn only_messages_of_claimed_experiments_are_ours_to_delete() {
    let inbox = inbox();
    inbox.claim("EXP1");
    assert_eq!(inbox.count_malformed(), 0, "nothing has come yet");
    let cases = [
        (event("a", "EXP1", "EXT1", "running"), Disposition::Ours),
        (event("b", "EXP2", "EXT1", "running"), Disposition::NotOurs),
        (event("c", "EXP3", "EXT9", "running"), Disposition::NotOurs),
        ("not json".to_owned(), Disposition::NotOurs),
    ];
    for (body, expected) in cases {
        assert_eq!(deliver(&inbox, &body), expected, "{body}");
    }
    assert_eq!(inbox.count_received("EXP3"), 0, "another template's events are not kept");
    assert_eq!(inbox.count_malformed(), 1);
}

#[test]
fn a_flood_of_others_leaves_room_for_ours() {
    let inbox = inbox();
    for n in 0..2 * MAX_EXPERIMENTS {
        deliver(&inbox, &event(&format!("x{n}"), &format!("OTHER{n}"), "EXT1", "running"));
    }
    inbox.claim("EXP1");
    deliver(&inbox, &event("a", "EXP1", "EXT1", "completed"));
    assert_eq!(inbox.count_received("EXP1"), 1);
    assert!(inbox.contents().received.len() <= MAX_EXPERIMENTS + 1);
    assert_eq!(inbox.count_let_go(), MAX_EXPERIMENTS as u64);
}

/// No collection grows without end, although each message differs from the others and could be kept.
#[test]
fn nothing_that_floods_the_queue_is_kept_without_end() {
    let inbox = inbox();
    inbox.claim("EXP1");
    inbox.await_handshake("ours");
    let changes = || inbox.contents().received.values().map(Vec::len).sum::<usize>();
    let kept = || {
        let changes = changes();
        let contents = inbox.contents();
        changes + contents.seen.len() + contents.duplicates.len() + contents.handshakes.len()
    };
    let flood = |from: usize| {
        for n in from..from + 10_000 {
            let handshake = json!({"source": "faultgate.handshake", "detail-type": "Faultgate Handshake",
                                   "detail": {"nonce": format!("n{n}")}});
            for body in [
                event(&format!("a{n}"), "EXP1", "EXT1", "running"),
                event(&format!("b{n}"), "EXP2", "EXT1", "running"),
                event(&format!("c{n}"), &format!("OTHER{}", n % 100), "EXT1", "running"),
                event("a0", &format!("OTHER{n}"), "EXT1", "running"),
                handshake.to_string(),
            ] {
                deliver(&inbox, &body);
            }
        }
    };
    flood(0);
    let (once, let_go) = (kept(), inbox.count_let_go());
    flood(10_000);
    assert_eq!(kept(), once, "it is full");
    assert!(once < 3 * MAX_FOREIGN_CHANGES, "{once}");
    assert!(inbox.count_let_go() > let_go + 30_000, "what was let go is counted");
    assert_eq!(inbox.count_received("EXP1"), MAX_CHANGES as u64);
    assert!(inbox.is_full_of("EXP1"), "FIS is asked: the event of the end would find no room");
    assert_eq!(changes(), MAX_CHANGES + MAX_FOREIGN_CHANGES, "others have taken just what is theirs");
    assert!(!inbox.has_handshake("ours"));
}
