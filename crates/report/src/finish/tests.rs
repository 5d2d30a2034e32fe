use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;

use async_trait::async_trait;
use faultgate_testkit::results;
use tokio::time::sleep;

use super::*;
use crate::sink::{report_skipped, report_written};

/// The verdicts that the sinks were told, in order, with the names of the sinks.
type Heard = Rc<RefCell<Vec<(&'static str, Verdict)>>>;

#[derive(Debug, Clone, Copy)]
enum Does {
    Writes,
    WritesAfter(u64),
    Fails,
    Skips,
    SkipsWithRemedy,
    Hangs,
    /// The sink only listens.
    Listens,
}

struct Fake {
    name: &'static str,
    stage: Stage,
    does: Does,
    heard: Heard,
}

#[async_trait(?Send)]
impl Sink for Fake {
    fn name(&self) -> &str {
        self.name
    }

    fn stage(&self) -> Stage {
        self.stage
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        self.heard.borrow_mut().push((self.name, result.gate.verdict));
        match self.does {
            Does::Writes => {}
            Does::WritesAfter(seconds) => sleep(Duration::from_secs(seconds)).await,
            Does::Fails => return Some(report_failed(self.name, "refused")),
            Does::Skips => return Some(report_skipped(self.name, "nothing to do")),
            Does::SkipsWithRemedy => return Some(report_skipped(self.name, "no").with_remedy("allow it")),
            Does::Hangs => pending().await,
            Does::Listens => return None,
        }
        Some(report_written(self.name))
    }
}

struct Outcome {
    result: RunResult,
    heard: Vec<(&'static str, Verdict)>,
    took: Duration,
}

impl Outcome {
    fn names(&self) -> Vec<&str> {
        self.heard.iter().map(|(name, _)| *name).collect()
    }

    fn reported(&self) -> Vec<String> {
        let told = |reported: &Reported| {
            let detail = reported.detail.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            format!("{} {}{detail}", reported.sink, reported.outcome.as_str())
        };
        self.result.reporting.iter().map(told).collect()
    }

    /// Returns the verdict that a sink was told last.
    fn last_heard(&self, name: &str) -> Verdict {
        self.heard.iter().rev().find(|(of, _)| *of == name).expect("it was asked").1
    }
}

const FILES: Stage = Stage::Files;
const NETWORK: Stage = Stage::Network;
const RECORD: Stage = Stage::Record;

async fn finished(
    sinks: &[(&'static str, Stage, Does)],
    must_succeed: bool,
    cut: impl Future<Output = ()>,
) -> Outcome {
    finished_from(results::passed(), sinks, must_succeed, cut).await
}

async fn finished_from(
    mut result: RunResult,
    sinks: &[(&'static str, Stage, Does)],
    must_succeed: bool,
    cut: impl Future<Output = ()>,
) -> Outcome {
    let heard = Heard::default();
    let mut sinks: Vec<Box<dyn Sink>> = sinks
        .iter()
        .map(|(name, stage, does)| {
            let fake = Fake { name, stage: *stage, does: *does, heard: heard.clone() };
            Box::new(fake) as Box<dyn Sink>
        })
        .collect();
    let start = Instant::now();
    finish(&mut sinks, &mut result, must_succeed, Duration::from_secs(20), cut).await;
    Outcome { result, heard: heard.take(), took: start.elapsed() }
}

#[tokio::test(start_paused = true)]
async fn files_come_first_and_records_last() {
    let sinks = [
        ("result", RECORD, Does::Writes),
        ("status", NETWORK, Does::Writes),
        ("log", FILES, Does::Listens),
        ("summary", FILES, Does::Writes),
    ];
    let ended = finished(&sinks, true, pending()).await;
    assert_eq!(ended.names(), ["log", "summary", "status", "result"]);
    assert_eq!(ended.reported(), ["summary written", "status written", "result written"]);
    assert_eq!(ended.result.gate.verdict, Verdict::Passed);
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_takes_only_its_share() {
    let sinks = [
        ("summary", FILES, Does::Writes),
        ("first", NETWORK, Does::Hangs),
        ("second", NETWORK, Does::WritesAfter(9)),
        ("third", NETWORK, Does::Hangs),
        ("result", RECORD, Does::Writes),
    ];
    let ended = finished(&sinks, false, pending()).await;
    assert_eq!(
        ended.reported(),
        [
            "summary written",
            "first failed: no answer within 6.7 s",
            "second failed: no answer within 6.7 s",
            "third failed: no answer within 6.7 s",
            "result written",
        ]
    );
    assert_eq!(ended.took, Duration::from_secs(20));
    let quick = [sinks[1], ("quick", NETWORK, Does::WritesAfter(9)), sinks[4]];
    let ended = finished(&quick, false, pending()).await;
    assert_eq!(ended.reported()[1], "quick written", "half of the time is its own");
    assert_eq!(ended.result.gate.verdict, Verdict::Passed);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_used_is_left_to_the_next() {
    let sinks = [("first", NETWORK, Does::Writes), ("second", NETWORK, Does::WritesAfter(19))];
    let ended = finished(&sinks, false, pending()).await;
    assert_eq!(ended.reported(), ["first written", "second written"]);
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_the_network_and_nothing_else() {
    let sinks = [
        ("summary", FILES, Does::Writes),
        ("status", NETWORK, Does::WritesAfter(1)),
        ("comment", NETWORK, Does::WritesAfter(5)),
        ("check", NETWORK, Does::Writes),
        ("result", RECORD, Does::Writes),
    ];
    let ended = finished(&sinks, false, sleep(Duration::from_secs(3))).await;
    assert_eq!(ended.took, Duration::from_secs(3));
    let why = "failed: a signal left no time for it";
    let comment = format!("comment {why}");
    let check = format!("check {why}");
    assert_eq!(
        ended.reported(),
        ["summary written", "status written", comment.as_str(), check.as_str(), "result written"]
    );
    assert!(!ended.names().contains(&"check"), "it was not even asked");
    let ended = finished(&sinks, false, std::future::ready(())).await;
    assert_eq!(ended.took, Duration::ZERO, "the signal was there before");
    assert_eq!(ended.names(), ["summary", "summary", "result"]);
}

#[tokio::test(start_paused = true)]
async fn with_must_succeed_nobody_says_passed_in_the_end() {
    for culprit in [FILES, NETWORK, RECORD] {
        for does in [Does::Fails, Does::Hangs] {
            let sinks = [
                ("summary", FILES, Does::Writes),
                ("culprit", culprit, does),
                ("junit", FILES, Does::Writes),
                ("status", NETWORK, Does::Writes),
                ("outputs", RECORD, Does::Writes),
                ("result", RECORD, Does::Writes),
            ];
            let ended = finished(&sinks, true, pending()).await;
            let gate = &ended.result.gate;
            assert_eq!((gate.verdict, gate.exit_code), (Verdict::Errored, 3), "{culprit:?} {does:?}");
            assert!(gate.reasons[0].starts_with("the report culprit could not be posted: "), "{gate:?}");
            for name in ["summary", "junit", "status", "outputs", "result"] {
                assert_eq!(ended.last_heard(name), Verdict::Errored, "{culprit:?} {does:?} {name}");
            }
            assert_eq!(ended.names().iter().filter(|name| **name == "culprit").count(), 1);
            assert_eq!(ended.result.reporting.len(), 6, "each is reported once: {:?}", ended.reported());
        }
    }
}

/// A merge that tolerates errored experiments has to know by the result that was put away.
#[tokio::test(start_paused = true)]
async fn what_is_required_is_told_where_the_gate_says_no_already() {
    let sinks = [
        ("results", NETWORK, Does::Writes),
        ("comment", NETWORK, Does::Fails),
        ("result", RECORD, Does::Writes),
    ];
    let mut errored = results::passed();
    errored.gate.break_off("the quota is used up".to_owned());
    let ended = finished_from(errored, &sinks, true, pending()).await;
    assert_eq!(ended.names(), ["results", "comment", "results", "result"]);
    let required: Vec<bool> = ended.result.reporting.iter().map(|reported| reported.required).collect();
    assert_eq!(required, [false, true, false]);
    assert_eq!(ended.result.gate.reasons[0], "the quota is used up");
}

#[tokio::test(start_paused = true)]
async fn a_status_that_is_posted_after_the_failure_is_posted_once() {
    let sinks = [
        ("comment", NETWORK, Does::Fails),
        ("status", NETWORK, Does::Writes),
        ("result", RECORD, Does::Writes),
    ];
    let ended = finished(&sinks, true, pending()).await;
    assert_eq!(ended.heard[1], ("status", Verdict::Errored));
    assert_eq!(ended.names(), ["comment", "status", "result"]);
}

#[tokio::test(start_paused = true)]
async fn the_files_tell_what_is_missing() {
    for (does, names) in [
        (Does::Writes, vec!["summary", "status", "result"]),
        (Does::Skips, vec!["summary", "status", "result"]),
        (Does::SkipsWithRemedy, vec!["summary", "status", "summary", "result"]),
        (Does::Fails, vec!["summary", "status", "summary", "result"]),
    ] {
        let sinks =
            [("summary", FILES, Does::Writes), ("status", NETWORK, does), ("result", RECORD, Does::Writes)];
        let ended = finished(&sinks, false, pending()).await;
        assert_eq!(ended.names(), names, "{does:?}");
        assert_eq!(ended.result.gate.verdict, Verdict::Passed, "{does:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_skipped_never_fails_a_run() {
    let sinks = [
        ("summary", FILES, Does::Skips),
        ("status", NETWORK, Does::SkipsWithRemedy),
        ("result", RECORD, Does::Skips),
    ];
    let ended = finished(&sinks, true, pending()).await;
    assert_eq!(ended.result.gate.verdict, Verdict::Passed);
}

#[tokio::test(start_paused = true)]
async fn another_verdict_than_passed_stays() {
    let heard = Heard::default();
    let fake = Fake { name: "status", stage: NETWORK, does: Does::Fails, heard: heard.clone() };
    let mut result = results::mixed();
    let mut sinks: Vec<Box<dyn Sink>> = vec![Box::new(fake)];
    finish(&mut sinks, &mut result, true, Duration::from_secs(20), pending()).await;
    assert_eq!((result.gate.verdict, result.gate.reasons.len()), (Verdict::Failed, 3));
}
