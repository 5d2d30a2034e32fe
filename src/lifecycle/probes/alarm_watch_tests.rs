//! Tests of following an alarm on a paused clock, with an alarm that tells and shows what the test says.

use std::sync::atomic::Ordering;

use jiff::SignedDuration;

use super::super::alarm_stage_tests::{AlarmStage, StagedAlarm};
use super::*;
use faultgate_core::model::Score;

const DURING: &[Phase] = &[Phase::During];

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() < 0.1
}

#[tokio::test(start_paused = true)]
async fn an_alarm_is_asked_at_begin_and_end_and_measured_by_its_history() {
    let stage = AlarmStage::begin(DURING, None, |_| {}).await;
    stage.wait(29).await;
    stage.alarm.enter("ALARM", true);
    stage.wait(20).await;
    assert_eq!(stage.turns(), ["fails"]);
    stage.alarm.enter("OK", true);
    stage.wait(50).await;
    assert_eq!(stage.turns(), ["passes"]);
    let alarm = stage.alarm.clone();
    let (probe, warnings) = stage.end().await;
    assert!(close(probe.score.get(), 80.0), "{}", probe.score);
    let time = probe.by_time.unwrap();
    assert_eq!((time.not_ok.len(), time.lost_events, time.fault_ms), (1, 0, 100_000));
    assert_eq!((probe.unevaluated, probe.detected_after_ms.map(|ms| ms / 1000)), (None, Some(30)));
    assert_eq!((alarm.looks(), alarm.readings.load(Ordering::SeqCst)), (2, 2), "no polling");
    assert_eq!(warnings, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_events_do_not_tell_is_found() {
    let stage = AlarmStage::begin(DURING, None, |_| {}).await;
    stage.wait(49).await;
    stage.alarm.enter("ALARM", false);
    stage.wait(50).await;
    let (probe, _) = stage.end().await;
    assert!(close(probe.score.get(), 50.0), "{}", probe.score);
    assert_eq!(probe.by_time.unwrap().lost_events, 1);
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_is_not_in_ok_at_the_end_or_gone_does_not_pass_although_nothing_told_of_it() {
    for (state, unmeasured, looks) in
        [("ALARM", None, 3), ("gone", Some("its state after the fault is not known: gone: staged"), 4)]
    {
        let stage = AlarmStage::begin(DURING, None, |_| {}).await;
        stage.wait(49).await;
        stage.alarm.set(|staged| staged.state = state);
        stage.wait(50).await;
        let alarm = stage.alarm.clone();
        let (probe, _) = stage.end().await;
        assert_eq!((probe.score, probe.unmeasured.as_deref()), (Score::ZERO, unmeasured));
        assert_eq!(alarm.looks(), looks);
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_refuted_counts_for_nothing_and_another_one_leaves_nothing_known() {
    for (aborts_after, score, so) in
        [(Some(1), Score::FULL, "the history counts"), (None, Score::ZERO, "it was not measured")]
    {
        let stage = AlarmStage::begin(DURING, aborts_after, |_| {}).await;
        stage.alarm.tell("ALARM");
        stage.wait(50).await;
        let (probe, warnings) = stage.end().await;
        assert_eq!((probe.score, probe.unmeasured.is_some()), (score, aborts_after.is_none()));
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("slow went to ALARM at ") && warnings[0].ends_with(so), "{warnings:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_history_that_lags_is_read_until_it_explains_what_was_told() {
    for (lags_for, measured) in [(0, true), (8, true), (11, false)] {
        let stage = AlarmStage::begin(DURING, Some(50), |_| {}).await;
        stage.alarm.set(|staged| staged.lags_for = lags_for);
        stage.wait(19).await;
        stage.alarm.enter("ALARM", true);
        stage.wait(10).await;
        stage.alarm.enter("OK", true);
        stage.wait(20).await;
        let (probe, warnings) = stage.end().await;
        assert_eq!(probe.by_time.is_some(), measured, "{lags_for}: {:?}", probe.unmeasured);
        let expected = if measured { 80.0 } else { 0.0 };
        assert!(close(probe.score.get(), expected), "{lags_for}: {}", probe.score);
        assert_eq!(warnings.len(), if measured { 0 } else { 2 }, "{warnings:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_history_that_lacks_what_a_look_saw_is_not_complete() {
    let ringing = |alarm: &StagedAlarm| alarm.set(|staged| staged.state = "ALARM");
    let stage = AlarmStage::begin(DURING, None, ringing).await;
    stage.wait(20).await;
    stage.alarm.set(|staged| staged.state = "OK");
    stage.wait(20).await;
    let (probe, _) = stage.end().await;
    assert_eq!((probe.score, probe.unevaluated), (Score::ZERO, Some(Phase::During)));
    let why = probe.unmeasured.unwrap();
    assert!(why.contains("is not complete: DescribeAlarms told that it was in ALARM at "), "{why}");
    assert!(probe.samples.iter().any(|sample| !sample.passed), "{:?}", probe.samples);
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_never_changes_is_what_it_was() {
    for (state, expected) in [("OK", Score::FULL), ("ALARM", Score::ZERO), ("INSUFFICIENT_DATA", Score::ZERO)]
    {
        let stage = AlarmStage::begin(DURING, None, |alarm| alarm.set(|staged| staged.state = state)).await;
        stage.wait(50).await;
        let (probe, _) = stage.end().await;
        assert_eq!(probe.score, expected, "{state}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_the_end_counts_as_one_more_interval() {
    let both = &[Phase::During, Phase::After];
    let stage = AlarmStage::begin(both, None, |_| {}).await;
    stage.wait(99).await;
    let (probe, _) = stage.end().await;
    assert_eq!((probe.score, probe.counted, probe.passed_counted), (Score::FULL, 1, 1));

    let stage = AlarmStage::begin(both, None, |_| {}).await;
    stage.wait(94).await;
    stage.alarm.enter("ALARM", true);
    let (probe, _) = stage.end().await;
    assert!(close(probe.score.get(), 95.0), "{}", probe.score);
    assert_eq!((probe.counted, probe.passed_counted, probe.computed_score()), (1, 0, probe.score));
}

#[tokio::test(start_paused = true)]
async fn without_a_history_it_is_asked_at_its_interval_and_said() {
    let denied = "cloudwatch:DescribeAlarmHistory is not permitted";
    let unreadable = |alarm: &StagedAlarm| alarm.set(|staged| staged.unreadable = Some(denied));
    let stage = AlarmStage::begin(DURING, None, unreadable).await;
    stage.wait(29).await;
    let alarm = stage.alarm.clone();
    let (probe, warnings) = stage.end().await;
    assert_eq!((alarm.looks(), probe.counted, probe.by_time), (6, 6, None));
    assert_eq!(warnings, [format!("slow was asked every 5s, and not measured by time: {denied}")]);
}

#[tokio::test(start_paused = true)]
async fn a_history_that_is_lost_at_the_end_leaves_nothing_known() {
    let stage = AlarmStage::begin(DURING, None, |_| {}).await;
    stage.wait(29).await;
    stage.alarm.set(|staged| staged.unreadable = Some("no answer"));
    let (probe, _) = stage.end().await;
    assert_eq!((probe.score, probe.unevaluated), (Score::ZERO, Some(Phase::During)));
    assert_eq!(probe.unmeasured.as_deref(), Some("no answer"));
}

#[tokio::test(start_paused = true)]
async fn while_events_cannot_be_read_it_is_asked_at_its_interval() {
    let stage = AlarmStage::begin(DURING, None, |_| {}).await;
    stage.wait(9).await;
    assert_eq!(stage.alarm.looks(), 1);
    stage.alarm.set(|staged| staged.is_live = false);
    stage.wait(18).await;
    assert_eq!(stage.alarm.looks(), 5);
    stage.alarm.set(|staged| staged.is_live = true);
    stage.wait(20).await;
    assert_eq!(stage.alarm.looks(), 5);
    let (probe, _) = stage.end().await;
    assert_eq!(probe.score, Score::FULL);
}

#[tokio::test(start_paused = true)]
async fn one_event_halts_at_once_and_three_failures_take_two_intervals() {
    for (limit, expected) in [(1, 0), (3, 10)] {
        let stage = AlarmStage::begin(DURING, Some(limit), |_| {}).await;
        stage.wait(9).await;
        stage.alarm.enter("ALARM", true);
        let (why, after) = stage.halt(stage.started_at).await;
        assert!((after.as_secs() - 10 - expected).abs() <= 1, "{limit}: {after:?}");
        assert!(why.starts_with("slow has not been in OK since "), "{why}");
        assert!(why.ends_with("(ALARM: staged) while the fault was in"), "{why}");
        assert_eq!(stage.alarm.looks(), 2, "the event was confirmed by one look");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_lies_halts_nothing_and_a_lost_one_only_delays_it() {
    let stage = AlarmStage::begin(DURING, Some(1), |_| {}).await;
    stage.alarm.tell("ALARM");
    let halt = tokio::time::timeout(Duration::from_secs(50), stage.halt(stage.started_at)).await;
    assert!(halt.is_err(), "{halt:?}");
    assert_eq!(stage.turns(), ["fails", "passes"]);
    stage.alarm.enter("ALARM", false);
    let (_, after) = stage.halt(stage.started_at).await;
    assert!(after.as_secs() <= 130, "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_with_the_answer_of_a_look_is_confirmed_by_another() {
    let lying = |alarm: &StagedAlarm| alarm.set(|staged| staged.told_with_answer = Some("ALARM"));
    let stage = AlarmStage::begin(DURING, Some(1), lying).await;
    let halt = tokio::time::timeout(Duration::from_secs(50), stage.halt(stage.started_at)).await;
    assert!(halt.is_err(), "{halt:?}");
    assert_eq!(stage.alarm.looks(), 2, "the first look began before the event");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_rang_before_the_fault_halts_when_it_is_in() {
    let stage = AlarmStage::begin(DURING, Some(1), |alarm| alarm.set(|staged| staged.state = "ALARM")).await;
    let fault = stage.started_at + SignedDuration::from_secs(20);
    let (why, after) = stage.halt(fault).await;
    assert!((20..=25).contains(&after.as_secs()), "{after:?}");
    assert!(why.contains("ALARM: staged"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_is_well_again_in_time_halts_nothing() {
    let stage = AlarmStage::begin(DURING, Some(3), |_| {}).await;
    for _ in 0..5 {
        stage.alarm.enter("ALARM", true);
        stage.wait(8).await;
        stage.alarm.enter("OK", true);
        stage.wait(8).await;
    }
    let halt = tokio::time::timeout(Duration::from_secs(1), stage.halt(stage.started_at)).await;
    assert!(halt.is_err(), "{halt:?}");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_counts_with_other_probes_once_its_event_is_confirmed() {
    let stage = AlarmStage::begin_counting(|_| {}).await;
    stage.alarm.tell("ALARM");
    let halt = tokio::time::timeout(Duration::from_secs(50), stage.halt(stage.started_at)).await;
    assert!(halt.is_err(), "an event that lies: {halt:?}");
    assert_eq!(stage.alarm.looks(), 2, "it was confirmed once");
    stage.alarm.enter("ALARM", true);
    let (why, after) = stage.halt(stage.started_at).await;
    assert!((51..=52).contains(&after.as_secs()), "{after:?}");
    assert!(why.starts_with("1 probe failed at the same time"), "{why}");
    assert!(why.ends_with("slow (ALARM: staged)"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn an_alarm_that_is_not_in_ok_counts_with_others_until_it_is() {
    let ringing = |alarm: &StagedAlarm| alarm.set(|staged| staged.state = "ALARM");
    let stage = AlarmStage::begin_counting(ringing).await;
    let (_, after) = stage.halt(stage.started_at + SignedDuration::from_secs(20)).await;
    assert!((20..=25).contains(&after.as_secs()), "it was asked when the fault was in: {after:?}");
    stage.alarm.enter("OK", true);
    stage.wait(1).await;
    let halt = tokio::time::timeout(Duration::from_secs(50), stage.halt(stage.started_at)).await;
    assert!(halt.is_err(), "{halt:?}");
    stage.alarm.enter("ALARM", false);
    let (_, after) = stage.halt(stage.started_at).await;
    assert!(after.as_secs() <= 140, "a lost event only delays it: {after:?}");
}
