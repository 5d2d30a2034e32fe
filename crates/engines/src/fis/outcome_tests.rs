//! Tests of the judgement: every kind of end, and its verdict.

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::fis::actions::effect;
use crate::fis::record::Resolved;
use crate::{EngineFailure, FailureKind};
use faultgate_core::model::{Action, EngineError, Signal, Target};

#[path = "outcome_stop_tests.rs"]
mod stops;
#[path = "outcome_evidence_tests.rs"]
mod words;

fn action(name: &str, id: &str, state: &str, targets: &[&str]) -> Action {
    Action {
        name: name.to_owned(),
        action_id: id.to_owned(),
        effect: effect(id),
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
        has_more: false,
        resources: Vec::new(),
    }
}

/// Returns the record of one action on one target, ended in this state.
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

fn alarm(state: &str) -> StopAlarm {
    StopAlarm { name: "shop-5xx".to_owned(), state: state.to_owned(), reason: None }
}

fn verdict(record: &Record, context: &FisContext<'_>) -> (Verdict, Option<Score>) {
    let judged = judge(record, context);
    (judged.verdict, judged.score)
}

const ERRORED: (Verdict, Option<Score>) = (Verdict::Errored, None);
const PASSED: (Verdict, Option<Score>) = (Verdict::Passed, Some(Score::FULL));
const WEAKNESS: (Verdict, Option<Score>) = (Verdict::Failed, Some(Score::ZERO));

/// Returns the record of a completed experiment with these actions and targets.
fn completed_with(actions: Vec<Action>, targets: Vec<Target>) -> Record {
    Record { actions, targets, ..ended(State::Completed) }
}

fn stop(name: &str, state: &str, targets: &[&str]) -> Action {
    action(name, "aws:ec2:stop-instances", state, targets)
}

const ANY: InjectionRule = InjectionRule { accepts_nothing: false, requires_all: false };
const ALL: InjectionRule = InjectionRule { requires_all: true, ..ANY };
const EMPTY: InjectionRule = InjectionRule { accepts_nothing: true, ..ANY };

fn under(injection: InjectionRule) -> FisContext<'static> {
    FisContext { injection, ..FisContext::default() }
}

#[test]
fn completed_counts_only_where_something_was_injected() {
    let real = |state, targets: &[&str]| stop("a", state, targets);
    let wait = action("w", "aws:fis:wait", "completed", &[]);
    let shift = action("shift", "aws:arc:start-zonal-autoshift", "completed", &["t"]);
    let assert = action("look", "aws:cloudwatch:assert-alarm-state", "completed", &[]);
    let document = action("run", "aws:ssm:start-automation-execution", "completed", &[]);
    let new = |targets: &[&str]| action("new", "aws:new:thing", "completed", targets);
    let some = || vec![target("t", Some(2))];
    let cases = [
        ("an action on two resources", vec![real("completed", &["t"])], some(), PASSED),
        ("what is known by its state", vec![real("completed", &["t"])], vec![target("t", None)], PASSED),
        ("an action that needs no target", vec![document], vec![], PASSED),
        ("an unknown action on two resources", vec![new(&["t"])], some(), PASSED),
        ("an unknown action on what is not known", vec![new(&["t"])], vec![target("t", None)], ERRORED),
        ("an unknown action without a target", vec![new(&[])], some(), ERRORED),
        ("an action that needs a target and has none", vec![real("completed", &[])], some(), ERRORED),
        ("a target that the record does not have", vec![real("completed", &["gone"])], some(), ERRORED),
        ("no resource", vec![real("completed", &["t"])], vec![target("t", Some(0))], ERRORED),
        ("skipped", vec![real("skipped", &["t"])], vec![target("t", Some(0))], ERRORED),
        ("failed", vec![real("failed", &["t"])], some(), ERRORED),
        ("a word that is not known", vec![real("improvised", &["t"])], some(), ERRORED),
        ("only a wait", vec![wait.clone()], vec![], ERRORED),
        ("a wait and a recovery", vec![wait.clone(), shift.clone()], some(), ERRORED),
        ("waits, a recovery, an assertion", vec![wait.clone(), shift, assert], some(), ERRORED),
        ("a wait, and what was skipped", vec![wait, real("skipped", &[])], vec![], ERRORED),
        ("no action at all", vec![], vec![], ERRORED),
    ];
    for (case, actions, targets, expected) in cases {
        assert_eq!(verdict(&completed_with(actions, targets), &FisContext::default()), expected, "{case}");
    }
}

#[test]
fn harmless_actions_are_named_with_what_they_do() {
    let shift = action("shift", "aws:arc:start-zonal-autoshift", "completed", &["t"]);
    let judged = judge(&completed_with(vec![shift], vec![target("t", Some(1))]), &FisContext::default());
    assert!(
        judged.reason.contains("shift (aws:arc:start-zonal-autoshift) moves traffic away"),
        "{}",
        judged.reason
    );
}

#[test]
fn a_part_that_did_not_act_is_a_warning_or_an_error_as_the_rule_says() {
    let targets = || vec![target("t", Some(2)), target("none", Some(0))];
    for idle in [
        stop("b", "skipped", &["none"]),
        stop("b", "completed", &["none"]),
        stop("b", "completed", &["gone"]),
    ] {
        let record = completed_with(vec![stop("a", "completed", &["t"]), idle.clone()], targets());
        let any = judge(&record, &under(ANY));
        assert_eq!((any.verdict, any.score), PASSED, "{idle:?}");
        assert_eq!(any.injected, ["a"], "{idle:?}");
        let [warning] = &any.warnings[..] else { panic!("{idle:?}: {:?}", any.warnings) };
        assert!(warning.starts_with("b did not act"), "{warning}");
        let all = judge(&record, &under(ALL));
        assert_eq!((all.verdict, all.score), ERRORED, "{idle:?}");
        assert!(all.reason.contains("require-actions is all"), "{}", all.reason);
    }
    let whole =
        completed_with(vec![stop("a", "completed", &["t"]), stop("b", "completed", &["t"])], targets());
    for rule in [ANY, ALL] {
        let judged = judge(&whole, &under(rule));
        assert_eq!((judged.verdict, judged.warnings.len()), (Verdict::Passed, 0));
        assert_eq!(judged.injected, ["a", "b"]);
    }
}

#[test]
fn what_broke_beside_what_acted_is_errored_with_either_rule() {
    for state in ["failed", "stopped", "cancelled", "running", "pending", "unknown"] {
        let actions = vec![stop("a", "completed", &["t"]), stop("b", state, &["t"])];
        let record = completed_with(actions, vec![target("t", Some(2))]);
        for rule in [ANY, ALL, EMPTY] {
            let judged = judge(&record, &under(rule));
            assert_eq!((judged.verdict, judged.score), ERRORED, "{state}");
            assert!(judged.reason.contains("b "), "{state}: {}", judged.reason);
        }
    }
    // An assertion that failed in a record that says `completed` is judged in the same way.
    let assert = action("look", "aws:cloudwatch:assert-alarm-state", "failed", &[]);
    let record = completed_with(vec![stop("a", "completed", &["t"]), assert], vec![target("t", Some(2))]);
    assert_eq!(verdict(&record, &under(ANY)), ERRORED);
}

#[test]
fn what_an_action_acted_on_is_said_where_it_could_not_be_read() {
    let record = completed_with(vec![stop("a", "completed", &["t"])], vec![target("t", None)]);
    let judged = judge(&record, &under(ANY));
    assert!(judged.warnings[0].contains("what a acted on could not be read"), "{:?}", judged.warnings);
}

#[test]
fn an_account_without_a_target_is_a_warning_or_an_error_as_the_rule_says() {
    let (one, two) = ("111111111111", "222222222222");
    let configured = || Some(vec![one.to_owned(), two.to_owned()]);
    let in_one = aws_sdk_fis::types::ResolvedTarget::builder()
        .target_name("web")
        .target_information("arn", format!("arn:aws:ec2:eu-west-1:{one}:instance/i-1"))
        .build();
    let resolved = Resolved { targets: vec![in_one], has_more: false };
    let missed = TargetAccounts::of(configured(), 2, Some(&resolved));
    let blind = [TargetAccounts::of(configured(), 2, None), TargetAccounts::of(None, 2, Some(&resolved))];
    let record = ended(State::Completed);
    for accounts in [&missed, &blind[0], &blind[1]] {
        let judged = |injection| judge(&record, &FisContext { accounts: Some(accounts), ..under(injection) });
        let (any, all) = (judged(ANY), judged(ALL));
        assert_eq!((any.verdict, any.warnings.is_empty()), (Verdict::Passed, false), "{accounts:?}");
        assert_eq!((all.verdict, all.score), ERRORED, "{accounts:?}");
    }
    let judged = judge(&record, &FisContext { accounts: Some(&missed), ..under(ANY) });
    assert_eq!(judged.warnings, ["the account 222222222222 did not act: it had no target"]);
    // An account that failed makes the experiment errored with either rule.
    let error = EngineError { code: Some("X".to_owned()), location: None, account: Some(two.to_owned()) };
    let failed = Record { error: Some(error), ..ended(State::Completed) };
    for rule in [ANY, ALL] {
        let judged = judge(&failed, &under(rule));
        assert_eq!((judged.verdict, judged.score), ERRORED);
        assert!(judged.reason.contains(two), "{}", judged.reason);
    }
}

#[test]
fn a_record_that_says_skip_all_passes_no_run_and_one_that_does_not_no_dry_run() {
    let details = |mode: Option<&str>| RecordDetails {
        actions_mode: mode.map(str::to_owned),
        ..RecordDetails::default()
    };
    let judged = |record: &Record, details: &RecordDetails, dry_run, injection| {
        judge(record, &FisContext { details: Some(details), dry_run, ..under(injection) }).verdict
    };
    let record = ended(State::Completed);
    for mode in [Some("run-all"), None] {
        assert_eq!(judged(&record, &details(mode), false, ANY), Verdict::Passed, "{mode:?}");
    }
    for unknown in ["run-some", "RUN-ALL", ""] {
        assert_eq!(judged(&record, &details(Some(unknown)), false, EMPTY), Verdict::Errored, "{unknown}");
    }
    for rule in [ANY, ALL, EMPTY] {
        assert_eq!(judged(&record, &details(Some("skip-all")), false, rule), Verdict::Errored);
    }
    let skipped = completed_with(vec![stop("a", "skipped", &["web"])], vec![target("web", Some(2))]);
    assert_eq!(judged(&skipped, &details(Some("skip-all")), true, ANY), Verdict::Passed);
    for rule in [ANY, EMPTY] {
        assert_eq!(judged(&skipped, &details(Some("run-all")), true, rule), Verdict::Errored);
        assert_eq!(judged(&skipped, &details(None), true, rule), Verdict::Errored);
        let contradicts = details(Some("skip-all"));
        let judged =
            judge(&record, &FisContext { details: Some(&contradicts), dry_run: true, ..under(rule) });
        assert!(judged.warnings[0].contains("stop completed"), "{:?}", judged.warnings);
    }
}

#[test]
fn a_record_of_another_experiment_passes_nothing() {
    let own = |text: &str| Some(text.to_owned());
    let details =
        RecordDetails { template: own("EXT1"), run: own("r"), name: own("az"), ..RecordDetails::default() };
    let foreign = |details: &RecordDetails| details.foreign("EXT1", "r", "az");
    assert_eq!(foreign(&details), None);
    assert_eq!(foreign(&RecordDetails::default()), None, "what is not told contradicts nothing");
    assert_eq!(details.foreign("", "", ""), None, "what is not known contradicts nothing");
    for other in [
        RecordDetails { template: own("EXT2"), ..details.clone() },
        RecordDetails { run: own("other"), ..details.clone() },
        RecordDetails { name: own("other"), ..details.clone() },
    ] {
        let why = foreign(&other).unwrap();
        for dry_run in [false, true] {
            let context = FisContext { foreign: Some(&why), dry_run, ..under(EMPTY) };
            assert_eq!(verdict(&ended(State::Completed), &context), ERRORED, "{why}");
        }
    }
}

#[test]
fn only_what_is_empty_is_accepted_as_empty() {
    let broken = completed_with(vec![stop("a", "failed", &["t"])], vec![target("t", Some(0))]);
    assert_eq!(verdict(&broken, &under(EMPTY)), ERRORED);
    assert_eq!(verdict(&completed_with(vec![], vec![]), &under(EMPTY)), ERRORED);
    let wait = completed_with(vec![action("w", "aws:fis:wait", "completed", &[])], vec![]);
    assert_eq!(verdict(&wait, &under(EMPTY)), PASSED);
}

proptest! {
    /// A fact that is not known never makes a verdict better. FIS skips an action whose target is empty, so
    /// an action that completed has found something.
    #[test]
    fn what_is_not_known_is_never_better_than_what_is(
        ids in vec(select(&["aws:ec2:stop-instances", "aws:new:thing", "aws:fis:wait"]), 1..4),
        states in vec(select(&["completed", "skipped", "failed"]), 3),
        resolved in vec(0..3_u64, 3),
        hidden in vec(any::<bool>(), 3),
        requires_all in any::<bool>(),
    ) {
        let names = ["x", "y", "z"];
        let one = |place: usize, id: &&str| match *id {
            "aws:fis:wait" => action(names[place], id, "completed", &[]),
            id => {
                let state = if resolved[place] == 0 { "skipped" } else { states[place] };
                action(names[place], id, state, &names[place..=place])
            }
        };
        let actions: Vec<Action> = ids.iter().enumerate().map(|(place, id)| one(place, id)).collect();
        let targets = |whole: bool| -> Vec<Target> {
            (0..3).map(|place| target(names[place], (whole || !hidden[place]).then_some(resolved[place]))).collect()
        };
        let rule = InjectionRule { requires_all, ..ANY };
        let whole = judge(&completed_with(actions.clone(), targets(true)), &under(rule));
        let less = judge(&completed_with(actions, targets(false)), &under(rule));
        if less.verdict == Verdict::Passed {
            prop_assert_eq!(whole.verdict, Verdict::Passed);
            prop_assert!(less.injected.iter().all(|name| whole.injected.contains(name)));
            prop_assert!(less.warnings.len() >= whole.warnings.len());
        }
    }
}

#[test]
fn empty_targets_pass_only_where_they_are_allowed() {
    let record = Record { targets: vec![target("web", Some(0))], ..ended(State::Completed) };
    let allowed = FisContext {
        injection: InjectionRule { accepts_nothing: true, ..InjectionRule::default() },
        ..FisContext::default()
    };
    assert_eq!(verdict(&record, &allowed), PASSED);
    assert_eq!(verdict(&record, &FisContext::default()), ERRORED);
}
