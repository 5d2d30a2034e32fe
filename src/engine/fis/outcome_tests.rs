//! Every kind of end, and what it comes to.

use jiff::Timestamp;

use super::*;
use crate::engine::{Failure, FailureKind};
use crate::model::{EngineError, Signal};

fn action(name: &str, id: &str, state: &str, targets: &[&str]) -> Action {
    Action {
        name: name.to_owned(),
        action_id: id.to_owned(),
        effect: Effect::Injects,
        state: state.to_owned(),
        reason: None,
        started_at: None,
        ended_at: None,
        targets: targets.iter().map(|&target| target.to_owned()).collect(),
    }
}

fn target(name: &str, resolved: Option<u64>) -> Target {
    Target {
        name: name.to_owned(),
        resource_type: "aws:ec2:instance".to_owned(),
        resolved,
        resources: Vec::new(),
    }
}

/// One action on one target, ended as the state says.
fn ended(state: State) -> Record {
    Record {
        state,
        raw_state: state.as_str().to_owned(),
        ended_at: Some(Timestamp::UNIX_EPOCH),
        actions: vec![action("stop", "aws:ec2:stop-instances", "completed", &["web"])],
        targets: vec![target("web", Some(2))],
        ..Record::unknown()
    }
}

fn alarm(state: &str) -> Alarm {
    Alarm { name: "shop-5xx".to_owned(), state: state.to_owned(), reason: None }
}

fn verdict(record: &Record, context: &Context<'_>) -> (Verdict, Option<Score>) {
    let judged = judge(record, context);
    (judged.verdict, judged.score)
}

const ERRORED: (Verdict, Option<Score>) = (Verdict::Errored, None);
const PASSED: (Verdict, Option<Score>) = (Verdict::Passed, Some(Score::FULL));
const WEAKNESS: (Verdict, Option<Score>) = (Verdict::Failed, Some(Score::ZERO));

#[test]
fn completed_counts_only_where_something_was_injected() {
    let with =
        |actions: Vec<Action>, targets: Vec<Target>| Record { actions, targets, ..ended(State::Completed) };
    let real = |state, targets: &[&str]| action("a", "aws:ec2:stop-instances", state, targets);
    let wait = action("w", "aws:fis:wait", "completed", &[]);
    let cases = [
        (
            "an action on two resources",
            with(vec![real("completed", &["t"])], vec![target("t", Some(2))]),
            PASSED,
        ),
        (
            "resources that could not be asked for",
            with(vec![real("completed", &["t"])], vec![target("t", None)]),
            PASSED,
        ),
        ("an action that needs no target", with(vec![real("completed", &[])], vec![]), PASSED),
        (
            "one of two was skipped",
            with(vec![real("skipped", &["t"]), real("completed", &[])], vec![]),
            PASSED,
        ),
        ("no resource", with(vec![real("completed", &["t"])], vec![target("t", Some(0))]), ERRORED),
        ("skipped", with(vec![real("skipped", &["t"])], vec![target("t", Some(0))]), ERRORED),
        ("failed", with(vec![real("failed", &["t"])], vec![target("t", Some(2))]), ERRORED),
        (
            "a word that is not known",
            with(vec![real("improvised", &["t"])], vec![target("t", Some(2))]),
            ERRORED,
        ),
        ("only a wait", with(vec![wait.clone()], vec![]), ERRORED),
        ("a wait, and what was skipped", with(vec![wait, real("skipped", &[])], vec![]), ERRORED),
        ("no action at all", with(vec![], vec![]), ERRORED),
    ];
    for (case, record, expected) in cases {
        assert_eq!(verdict(&record, &Context::default()), expected, "{case}");
    }
}

#[test]
fn empty_targets_pass_only_where_they_are_allowed() {
    let record = Record { targets: vec![target("web", Some(0))], ..ended(State::Completed) };
    let allowed = Context {
        injection: InjectionRule { accepts_nothing: true, ..InjectionRule::default() },
        ..Context::default()
    };
    assert_eq!(verdict(&record, &allowed), PASSED);
    assert_eq!(verdict(&record, &Context::default()), ERRORED);
}

#[test]
fn who_stopped_it_is_told_apart() {
    let stopped =
        |reason: Option<&str>| Record { reason: reason.map(str::to_owned), ..ended(State::Stopped) };
    let (fired, calm) = ([alarm("ALARM")], [alarm("OK")]);
    let context = |alarms, lever, announced| Context { alarms, lever, announced, ..Context::default() };
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
    }
}

#[test]
fn failed_cancelled_and_unknown_ends_are_errors_with_what_is_known() {
    let error = EngineError { code: Some("AuthorizationFailure".to_owned()), location: None, account: None };
    let failed = Record { error: Some(error), ..ended(State::Failed) };
    assert_eq!(verdict(&failed, &Context::default()), ERRORED);
    assert!(judge(&failed, &Context::default()).reason.contains("AuthorizationFailure"));
    assert_eq!(verdict(&ended(State::Cancelled), &Context::default()), ERRORED);
    assert_eq!(verdict(&ended(State::Unknown), &Context::default()), ERRORED);
}

#[test]
fn what_has_not_ended_never_passes() {
    for state in [State::Pending, State::Running, State::Stopping, State::Unknown, State::TimedOut] {
        let record = Record { ended_at: None, ..ended(state) };
        for accepts_nothing in [false, true] {
            let context = Context {
                injection: InjectionRule { accepts_nothing, ..InjectionRule::default() },
                ..Context::default()
            };
            assert_eq!(verdict(&record, &context), ERRORED, "{state}");
        }
    }
}

#[test]
fn a_stop_of_ours_decides_over_how_it_ended() {
    let failure =
        Failure { kind: FailureKind::Denied, what: "x".to_owned(), why: "y".to_owned(), remedy: None };
    let late = Timestamp::from_second(-1).unwrap();
    let in_time = Timestamp::from_second(1).unwrap();
    let cases = [
        (StopCause::Cancelled(Signal::Terminate), Verdict::Cancelled),
        (StopCause::QueueTimeout, Verdict::TimedOut),
        (StopCause::Timeout(late), Verdict::TimedOut),
        (StopCause::Timeout(in_time), Verdict::Passed),
        (StopCause::Unwatched(failure), Verdict::Errored),
    ];
    for (cause, expected) in cases {
        let context = Context { stop: Some(&cause), ..Context::default() };
        assert_eq!(judge(&ended(State::Completed), &context).verdict, expected, "{cause:?}");
    }
    let in_time = StopCause::Timeout(in_time);
    let context = Context { stop: Some(&in_time), ..Context::default() };
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
        let context = Context { dry_run: true, ..Context::default() };
        assert_eq!(verdict(&record(targets.clone()), &context), (expected, None), "{targets:?}");
    }
}
