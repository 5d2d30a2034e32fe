//! Tests of experiments that were stopped, and of dry runs.

use super::*;

#[test]
fn who_stopped_it_is_told_apart() {
    let stopped =
        |reason: Option<&str>| Record { reason: reason.map(str::to_owned), ..ended(State::Stopped) };
    let (fired, calm) = ([alarm("ALARM")], [alarm("OK")]);
    let context = |alarms, lever, announced| FisContext { alarms, lever, announced, ..FisContext::default() };
    let condition = "Experiment halted by stop condition.";
    let cases = [
        ("an alarm fired", stopped(None), context(Some(&fired[..]), None, None), WEAKNESS),
        (
            "an alarm fired, whatever the text says",
            stopped(Some("by user")),
            context(Some(&fired[..]), None, None),
            WEAKNESS,
        ),
        ("the alarm is calm again", stopped(Some(condition)), context(Some(&calm[..]), None, None), WEAKNESS),
        ("only the event says so", stopped(None), context(None, None, Some(condition)), WEAKNESS),
        ("the lever", stopped(None), context(Some(&calm[..]), Some("engaged"), None), ERRORED),
        (
            "somebody",
            stopped(Some("Experiment stopped by user.")),
            context(Some(&calm[..]), Some("disengaged"), None),
            ERRORED,
        ),
        ("nothing is known", stopped(None), context(None, None, None), ERRORED),
    ];
    for (case, record, context, expected) in cases {
        assert_eq!(verdict(&record, &context), expected, "{case}");
        assert_eq!(judge(&record, &context).stopped_by_others, expected == ERRORED, "{case}");
    }
}

/// Returns the change of an alarm that an event told, so many seconds after the end.
fn told(alarm: &str, state: &str, second: i64) -> AlarmChange {
    AlarmChange {
        alarm: alarm.to_owned(),
        state: state.to_owned(),
        at: Timestamp::from_second(second).unwrap(),
        reason: None,
    }
}

/// FIS has completed it all the same, so the verdict is by its record, and somebody should look.
#[test]
fn a_stop_condition_that_rang_and_stopped_nothing_is_a_warning() {
    let started_at = Some(Timestamp::from_second(-10).unwrap());
    let record = Record { started_at, ..ended(State::Completed) };
    for (change, warned) in [
        (told("shop-5xx", "ALARM", -5), true),
        (told("shop-5xx", "OK", -5), false),
        (told("shop-5xx", "ALARM", -11), false),
        (told("shop-5xx", "ALARM", 0), false),
    ] {
        let judged = judge(&record, &FisContext { told: &[change], ..FisContext::default() });
        assert_eq!(judged.verdict, Verdict::Passed);
        assert_eq!(!judged.warnings.is_empty(), warned, "{:?}", judged.warnings);
        if warned {
            let sentence = "a stop condition rang, and FIS did not stop the experiment: shop-5xx went to ALARM at \
                            1969-12-31T23:59:55Z";
            assert_eq!(judged.warnings, [sentence]);
        }
    }
}

#[test]
fn the_alarm_and_the_second_are_told_where_an_event_has_told_them() {
    let name = alarm("ALARM").name;
    let rang = [told(&name, "ALARM", -5), told(&name, "OK", -3)];
    let reason = |record: &Record, context: FisContext<'_>| judge(record, &context).reason;
    let stopped =
        |reason: Option<&str>| Record { reason: reason.map(str::to_owned), ..ended(State::Stopped) };
    let (fired, calm) = ([alarm("ALARM")], [alarm("OK")]);
    let sentence = format!("a stop condition fired: {name} went to ALARM at 1969-12-31T23:59:55Z");
    for (record, alarms) in [
        (stopped(None), Some(&fired[..])),
        (stopped(Some("Experiment halted by stop condition.")), Some(&calm[..])),
        (stopped(Some("Experiment halted by stop condition.")), None),
        (stopped(None), Some(&calm[..])),
    ] {
        let context = FisContext { alarms, told: &rang, ..FisContext::default() };
        assert_eq!(verdict(&record, &context), WEAKNESS);
        assert!(reason(&record, context).starts_with(&sentence), "{}", reason(&record, context));
    }
    // The lever outweighs what an event says, and a change from after the end was not the cause.
    let lever = FisContext { told: &rang, lever: Some("engaged"), ..FisContext::default() };
    assert_eq!(verdict(&stopped(None), &lever), ERRORED);
    let late = [told(&name, "ALARM", 5)];
    let context = FisContext { alarms: Some(&calm), told: &late, ..FisContext::default() };
    assert_eq!(verdict(&stopped(None), &context), ERRORED);
    // No event makes anything of an experiment that completed.
    let context = FisContext { told: &rang, ..FisContext::default() };
    assert_eq!(verdict(&ended(State::Completed), &context).0, Verdict::Passed);
}

#[test]
fn failed_cancelled_and_unknown_ends_are_errors_with_what_is_known() {
    let error = EngineError { code: Some("AuthorizationFailure".to_owned()), location: None, account: None };
    let failed = Record { error: Some(error), ..ended(State::Failed) };
    assert_eq!(verdict(&failed, &FisContext::default()), ERRORED);
    assert!(judge(&failed, &FisContext::default()).reason.contains("AuthorizationFailure"));
    assert_eq!(verdict(&ended(State::Cancelled), &FisContext::default()), ERRORED);
    assert_eq!(verdict(&ended(State::Unknown), &FisContext::default()), ERRORED);
}

#[test]
fn what_has_not_ended_never_passes() {
    for state in [State::Pending, State::Running, State::Stopping, State::Unknown, State::TimedOut] {
        let record = Record { ended_at: None, ..ended(state) };
        for accepts_nothing in [false, true] {
            let context = FisContext {
                injection: InjectionRule { accepts_nothing, ..InjectionRule::default() },
                ..FisContext::default()
            };
            assert_eq!(verdict(&record, &context), ERRORED, "{state}");
        }
    }
}

#[test]
fn a_stop_of_ours_decides_over_how_it_ended() {
    let failure = EngineFailure::new(FailureKind::Denied, "x", "y");
    let late = Timestamp::from_second(-1).unwrap();
    let in_time = Timestamp::from_second(1).unwrap();
    let cases = [
        (StopCause::Cancelled(Signal::Terminate), Verdict::Cancelled),
        (StopCause::QueueTimeout(late), Verdict::TimedOut),
        (StopCause::QueueTimeout(in_time), Verdict::Passed),
        (StopCause::Timeout(late), Verdict::TimedOut),
        (StopCause::Timeout(in_time), Verdict::Passed),
        (StopCause::Unwatched(failure), Verdict::Errored),
    ];
    for (cause, expected) in cases {
        let context = FisContext { stop: Some(&cause), ..FisContext::default() };
        assert_eq!(judge(&ended(State::Completed), &context).verdict, expected, "{cause:?}");
    }
    let in_time = StopCause::Timeout(in_time);
    let context = FisContext { stop: Some(&in_time), ..FisContext::default() };
    assert_eq!(judge(&ended(State::Stopped), &context).verdict, Verdict::TimedOut, "stopped by us");
}

#[test]
fn a_dry_run_passes_on_its_targets_alone_and_has_no_score() {
    let record = |targets| Record {
        actions: vec![action("stop", "aws:ec2:stop-instances", "skipped", &["web"])],
        targets,
        ..ended(State::Completed)
    };
    let cases = [
        (vec![target("web", Some(2)), target("db", Some(1))], Verdict::Passed),
        (vec![target("web", Some(2)), target("db", Some(0))], Verdict::Errored),
        (vec![target("web", Some(2)), target("db", None)], Verdict::Errored),
        (vec![], Verdict::Errored),
    ];
    for (targets, expected) in cases {
        let details = RecordDetails { actions_mode: Some(SKIP_ALL.to_owned()), ..RecordDetails::default() };
        let context = FisContext { dry_run: true, details: Some(&details), ..FisContext::default() };
        assert_eq!(verdict(&record(targets.clone()), &context), (expected, None), "{targets:?}");
    }
}
