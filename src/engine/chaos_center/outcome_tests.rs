use serde_json::json;

use super::*;
use crate::engine::chaos_center::execution;
use crate::engine::chaos_center::manager::Details;
use crate::engine::chaos_center::record::record;
use crate::engine::{Failure, FailureKind};
use crate::model::Signal;

fn run(phase: &str, score: Option<f64>) -> Run {
    Run {
        notify_id: Some("n1".to_owned()),
        phase: phase.to_owned(),
        score,
        counts: counts(1, 1, 0),
        updated_at: jiff::Timestamp::from_second(1_795_000_000).ok(),
        ..Run::default()
    }
}

fn counts(total: u64, passed: u64, failed: u64) -> Counts {
    Counts {
        total: Some(total),
        passed: Some(passed),
        failed: Some(failed),
        awaited: Some(total - passed - failed),
        stopped: Some(0),
        not_available: Some(0),
    }
}

/// One fault with this verdict and this probe.
fn fault(verdict: &str, probe: &str) -> Execution {
    let success = if probe == "Passed" { "100" } else { "40" };
    let data = json!({"nodes": {"a": {"type": "ChaosEngine", "chaosData": {
        "experimentName": "pod-delete", "experimentVerdict": verdict, "probeSuccessPercentage": success,
        "probeStatuses": [{"name": "answers", "type": "httpProbe",
                           "status": {"verdict": probe, "description": "status 503"}}]}}}});
    execution::read(&Details {
        execution: Some(data),
        weights: vec![("pod-delete".to_owned(), 10)],
        probes: Vec::new(),
    })
}

struct Case<'a> {
    run: Run,
    execution: Option<&'a Execution>,
    stop: Option<StopCause>,
    injection: InjectionRule,
}

impl Default for Case<'_> {
    fn default() -> Self {
        Self {
            run: run("Completed", Some(100.0)),
            execution: None,
            stop: None,
            injection: InjectionRule::default(),
        }
    }
}

impl Case<'_> {
    fn judge(&self) -> Judgement {
        let record = record(&self.run, self.execution, None);
        let context = Context {
            title: "LitmusChaos",
            dry_run: false,
            injection: self.injection,
            stop: self.stop.as_ref(),
            run: Some(&self.run),
            execution: self.execution,
            unread: None,
        };
        judge(&record, &context)
    }
}

fn facts(judgement: &Judgement) -> String {
    judgement.evidence.iter().map(|evidence| evidence.fact.as_str()).collect::<Vec<_>>().join(
        "
",
    )
}

#[test]
fn a_completed_run_has_the_score_that_its_engine_gives_it() {
    let passed = fault("Pass", "Passed");
    for (phase, score) in
        [("Completed", 100.0), ("Completed_With_Probe_Failure", 0.0), ("COMPLETED_WITH_ERROR", 62.5)]
    {
        let judged =
            Case { run: run(phase, Some(score)), execution: Some(&passed), ..Case::default() }.judge();
        assert_eq!((judged.verdict, judged.score), (Verdict::Passed, Score::new(score)), "{phase}");
        assert_eq!(judged.score_source, Some(ScoreSource::Engine));
        assert!(judged.reason.contains("pod-delete"), "{}", judged.reason);
    }
}

#[test]
fn a_score_that_is_none_never_passes() {
    for score in [None, Some(f64::NAN), Some(-1.0), Some(100.01), Some(f64::INFINITY)] {
        let judged = Case { run: run("Completed", score), ..Case::default() }.judge();
        assert_eq!((judged.verdict, judged.score), (Verdict::Errored, None), "{score:?}");
        assert!(judged.reason.contains("no resilience score"), "{}", judged.reason);
    }
    assert_eq!(score(&run("Running", Some(0.0))), None, "it is not over");
}

#[test]
fn ends_that_are_none_of_the_systems_are_errors_with_their_reason() {
    let mut blocked = run("Blocked", Some(0.0));
    blocked.blocked = Some("rule no-prod".to_owned());
    let mut error = run("Error", Some(0.0));
    error.error = Some("no such namespace".to_owned());
    for (run, says) in [
        (blocked, "a policy (ChaosGuard) refused it: rule no-prod"),
        (error, "could not carry it out (Error): no such namespace"),
        (run("Timeout", Some(100.0)), "a time limit of its own"),
        (run("Skipped", Some(100.0)), "skipped it"),
        (run("Stopped", Some(100.0)), "somebody else stopped it in LitmusChaos (Stopped)"),
        (run("Terminated", Some(100.0)), "does not prove that its faults are reverted"),
        (run("Running", Some(100.0)), "does not say that it has ended"),
        (
            Run { completed: Some(true), ..run("Flown", Some(100.0)) },
            "a state that faultgate does not know: Flown",
        ),
    ] {
        let judged = Case { run, ..Case::default() }.judge();
        assert_eq!((judged.verdict, judged.score), (Verdict::Errored, None), "{}", judged.reason);
        assert!(judged.reason.contains(says), "{says}: {}", judged.reason);
    }
}

#[test]
fn nothing_injected_is_no_pass() {
    let (awaited, passed) = (fault("Awaited", "N/A"), fault("Pass", "Passed"));
    let with = |counts| Run { counts, ..run("Completed", Some(100.0)) };
    for (run, execution, says) in [
        (with(counts(0, 0, 0)), None, "it has no faults"),
        (with(counts(2, 0, 0)), None, "no fault ran (2 in all"),
        (with(counts(2, 0, 0)), Some(&passed), "no fault ran"),
        (with(counts(1, 1, 0)), Some(&awaited), "no fault has a verdict (pod-delete)"),
        (with(Counts::default()), None, "is not known"),
        (with(Counts { total: Some(3), ..Counts::default() }), None, "is not known"),
    ] {
        let known = !says.contains("not known");
        let mut case = Case { run, execution, ..Case::default() };
        let judged = case.judge();
        assert_eq!((judged.verdict, judged.score), (Verdict::Errored, None), "{}", judged.reason);
        assert!(judged.reason.contains(says), "{says}: {}", judged.reason);
        case.injection.accepts_nothing = true;
        let judged = case.judge();
        assert_eq!(judged.verdict, Verdict::Passed, "{}", judged.reason);
        let source = if known { ScoreSource::Completion } else { ScoreSource::Engine };
        assert_eq!(judged.score_source, Some(source), "{}", judged.reason);
    }
    let by_faults =
        Case { run: with(Counts::default()), execution: Some(&passed), ..Case::default() }.judge();
    assert_eq!(by_faults.verdict, Verdict::Passed, "its faults say so");
}

#[test]
fn what_took_from_the_score_is_named() {
    let failed = fault("Fail", "Failed");
    let run = Run { counts: counts(1, 0, 1), ..run("Completed_With_Probe_Failure", Some(40.0)) };
    let judged = Case { run, execution: Some(&failed), ..Case::default() }.judge();
    assert!(
        judged.reason.contains("pod-delete: Fail, probe success 40 %, probe answers failed (status 503)")
    );
    assert!(facts(&judged).contains("make 40, as it says"), "{}", facts(&judged));
}

#[test]
fn another_sum_than_ours_is_shown_and_counts() {
    let failed = fault("Fail", "Failed");
    for (score, differs) in [(40.01, false), (40.02, true), (99.0, true)] {
        let judged =
            Case { run: run("Completed", Some(score)), execution: Some(&failed), ..Case::default() }.judge();
        assert_eq!(judged.score, Score::new(score));
        assert_eq!(facts(&judged).contains("what it says counts"), differs, "{}", facts(&judged));
    }
}

#[test]
fn a_score_without_a_probe_is_said() {
    let unprobed = fault("Pass", "N/A");
    let judged = Case { execution: Some(&unprobed), ..Case::default() }.judge();
    assert!(judged.reason.contains("it rests on no probe that was evaluated"), "{}", judged.reason);
    let probed = fault("Pass", "Passed");
    let judged = Case { execution: Some(&probed), ..Case::default() }.judge();
    assert!(!judged.reason.contains("rests on no probe"), "{}", judged.reason);
}

#[test]
fn a_broken_check_is_told_apart_from_a_weakness() {
    let mut broken = fault("Fail", "Failed");
    broken.faults[0].fail_step = Some("E2008: CMD_PROBE_ERROR".to_owned());
    let judged = Case { execution: Some(&broken), ..Case::default() }.judge();
    assert!(judged.reason.contains("a broken check, not a weak system"), "{}", judged.reason);
}

#[test]
fn a_stop_of_ours_is_judged_by_its_cause() {
    let failure = Failure {
        kind: FailureKind::Denied,
        what: "read".to_owned(),
        why: "expired".to_owned(),
        remedy: Some("renew the token".to_owned()),
    };
    for (stop, verdict, says) in [
        (StopCause::Cancelled(Signal::Terminate), Verdict::Cancelled, "SIGTERM"),
        (StopCause::Timeout(jiff::Timestamp::MAX), Verdict::TimedOut, "within its timeout"),
        (StopCause::QueueTimeout, Verdict::TimedOut, "its agent runs"),
        (StopCause::Unwatched(failure), Verdict::Errored, "renew the token"),
    ] {
        let judged = Case { run: run("Stopped", Some(100.0)), stop: Some(stop), ..Case::default() }.judge();
        assert_eq!((judged.verdict, judged.score), (verdict, None), "{}", judged.reason);
        assert!(judged.reason.contains(says), "{says}: {}", judged.reason);
        assert!(judged.reason.contains("does not prove"), "{}", judged.reason);
        assert!(facts(&judged).contains("look at the targets"));
    }
}

#[test]
fn what_ended_by_itself_just_before_its_deadline_has_ended_by_itself() {
    for (deadline, verdict) in
        [(jiff::Timestamp::MAX, Verdict::Passed), (jiff::Timestamp::MIN, Verdict::TimedOut)]
    {
        let judged = Case { stop: Some(StopCause::Timeout(deadline)), ..Case::default() }.judge();
        assert_eq!(judged.verdict, verdict, "{}", judged.reason);
    }
}
