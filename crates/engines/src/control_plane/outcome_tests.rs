use serde_json::{Value, json};

use super::*;
use crate::control_plane::execution;
use crate::control_plane::manager::{FaultCounts, RunDetails};
use crate::control_plane::record::record;
use crate::{EngineFailure, FailureKind};
use faultgate_core::model::Signal;

#[path = "outcome_doubts_tests.rs"]
mod doubts;
#[path = "outcome_words_tests.rs"]
mod words;

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

fn counts(total: u64, passed: u64, failed: u64) -> FaultCounts {
    FaultCounts {
        total: Some(total),
        passed: Some(passed),
        failed: Some(failed),
        awaited: Some(total - passed - failed),
        stopped: Some(0),
        not_available: Some(0),
    }
}

/// Makes one fault with this verdict and this probe.
fn fault(verdict: &str, probe: &str) -> Execution {
    let success = if verdict == "Pass" { "100" } else { "40" };
    faults(&[node("pod-delete", verdict, success, probe)], &[("pod-delete", 10)])
}

fn faults(nodes: &[Value], weights: &[(&str, u32)]) -> Execution {
    execution::read(&RunDetails {
        execution: Some(json!({ "nodes": nodes })),
        weights: weights.iter().map(|(name, weight)| ((*name).to_owned(), *weight)).collect(),
        probes: Vec::new(),
    })
}

/// Makes a fault as an agent tells it.
fn node(name: &str, verdict: &str, success: &str, probe: &str) -> Value {
    json!({"type": "ChaosEngine", "name": name, "chaosData": {
        "experimentName": name, "experimentVerdict": verdict, "probeSuccessPercentage": success,
        "experimentStatus": "Completed", "failStep": "",
        "probeStatuses": [{"name": "answers", "type": "httpProbe", "mode": "Continuous",
                           "status": {"verdict": probe, "description": "status 503"}}]}})
}

/// Puts another value into one place of a fault's chaos data.
fn but(mut node: Value, place: &str, value: impl Into<Value>) -> Value {
    node["chaosData"][place] = value.into();
    node
}

/// Makes a fault that its own probe has stopped, as an agent tells it.
fn cut_fault() -> Value {
    let result = json!({"status": {"experimentStatus": {"phase": "Stopped", "verdict": "Stopped"},
        "probeStatuses": [{"name": "answers", "type": "httpProbe", "mode": "Continuous",
            "status": {"verdict": "Failed", "description": "status 503"}}],
        "history": {"targets": [{"name": "shop", "kind": "deployment", "chaosStatus": "targeted"}]}}});
    but(but(node("pod-delete", "Fail", "50", "Failed"), "chaosResult", result), "experimentStatus", "Stopped")
}

/// Makes a fault that has found nothing to act on, as an agent tells it.
fn without_target(weights: &[(&str, u32)]) -> Execution {
    let step =
        r#"TARGET_SELECTION_ERROR : {"phase":"ChaosInject","reason":"no pod found with matching labels"}"#;
    faults(&[but(node("pod-delete", "Fail", "0", "N/A"), "failStep", step)], weights)
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
        let context = RunContext {
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
    for (phase, verdict, score) in [
        ("Completed", "Pass", 100.0),
        ("Completed", "Fail", 40.0),
        ("Completed_With_Probe_Failure", "Fail", 40.0),
        ("COMPLETED_WITH_ERROR", "Fail", 40.0),
        ("Completed", "Pass", 62.5),
    ] {
        let execution = fault(verdict, if verdict == "Pass" { "Passed" } else { "Failed" });
        let (passed, failed) = if verdict == "Pass" { (1, 0) } else { (0, 1) };
        let run = Run { counts: counts(1, passed, failed), ..run(phase, Some(score)) };
        let judged = Case { run, execution: Some(&execution), ..Case::default() }.judge();
        assert_eq!((judged.verdict, judged.score), (Verdict::Passed, Score::new(score)), "{}", judged.reason);
        assert_eq!(judged.score_source, Some(ScoreSource::Engine));
        assert_eq!((judged.injected, judged.warnings), (vec!["pod-delete".to_owned()], Vec::new()));
        assert!(judged.reason.ends_with("injected: pod-delete"), "{}", judged.reason);
        assert!(!judged.reason.contains("100") && !judged.reason.contains("40"), "{}", judged.reason);
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
        (with(counts(1, 1, 0)), Some(&awaited), "pod-delete stayed Awaited"),
        (with(counts(1, 0, 0)), Some(&awaited), "pod-delete stayed Awaited"),
        (
            with(counts(3, 2, 1)),
            None,
            "is not known: its faults are not told, only 3 in all, 2 passed, 1 failed",
        ),
        (with(FaultCounts { awaited: None, ..counts(3, 2, 0) }), None, "is not known"),
        (with(FaultCounts::default()), None, "is not known: its faults are not told, nor how they ended"),
        (with(FaultCounts { total: Some(3), ..FaultCounts::default() }), None, "is not known"),
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
        Case { run: with(FaultCounts::default()), execution: Some(&passed), ..Case::default() }.judge();
    assert_eq!(by_faults.verdict, Verdict::Passed, "its faults say so");
    let by_counts = Case { run: with(counts(2, 2, 0)), ..Case::default() }.judge();
    assert_eq!((by_counts.verdict, by_counts.injected), (Verdict::Passed, vec!["2 faults".to_owned()]));
}

#[test]
fn what_took_from_the_score_is_named_the_most_costly_first() {
    let execution = faults(
        &[
            node("a", "Pass", "100", "Passed"),
            node("b", "Fail", "90", "Failed"),
            node("c", "Fail", "40", "Failed"),
        ],
        &[("a", 5), ("b", 1), ("c", 4)],
    );
    let run = Run { counts: counts(3, 1, 2), ..run("Completed_With_Probe_Failure", Some(75.0)) };
    let judged = Case { run, execution: Some(&execution), ..Case::default() }.judge();
    assert_eq!(judged.verdict, Verdict::Passed, "{}", judged.reason);
    let of = |name: &str, success: u32| {
        format!("{name}: Fail, probe success {success} %, probe answers failed (status 503)")
    };
    assert_eq!(judged.losses, [of("c", 40), of("b", 90)]);
    assert_eq!(judged.reason, "it ended as Completed_With_Probe_Failure; injected: a, b, c");
    assert!(facts(&judged).contains("make 75, as it says"), "{}", facts(&judged));
}

#[test]
fn a_fault_that_did_not_act_beside_one_that_did_is_a_warning_or_an_error() {
    let acted = || node("a", "Pass", "100", "Passed");
    let bare = json!({"type": "ChaosEngine", "name": "b"});
    // Each case is the second fault, how it is told, and the score then.
    for (other, why, score) in [
        (Some(node("b", "Awaited", "100", "Awaited")), "stayed Awaited", 100.0),
        (Some(node("b", "Awaited", "Awaited", "Awaited")), "stayed Awaited", 50.0),
        (Some(node("b", "N/A", "0", "N/A")), "stayed N/A", 50.0),
        (Some(node("b", "", "0", "N/A")), "has no verdict", 50.0),
        (Some(bare), "tells no data", 50.0),
        (None, "tells no data", 50.0),
    ] {
        let nodes: Vec<Value> = std::iter::once(acted()).chain(other).collect();
        let execution = faults(&nodes, &[("a", 5), ("b", 5)]);
        let run = || Run { counts: counts(2, 1, 0), ..run("Completed", Some(score)) };
        let judged = Case { run: run(), execution: Some(&execution), ..Case::default() }.judge();
        assert_eq!((judged.verdict, judged.score), (Verdict::Passed, Score::new(score)), "{}", judged.reason);
        assert_eq!(
            (&judged.injected, &judged.warnings),
            (&vec!["a".to_owned()], &vec![format!("b did not act: it {why}")])
        );
        let lost = if score < 100.0 { vec![format!("b did not act: it {why}")] } else { Vec::new() };
        assert_eq!(judged.losses, lost);
        let injection = InjectionRule { requires_all: true, ..InjectionRule::default() };
        let judged = Case { run: run(), execution: Some(&execution), injection, ..Case::default() }.judge();
        assert_eq!((judged.verdict, judged.score), (Verdict::Errored, None), "{}", judged.reason);
        assert!(judged.reason.contains(&format!("b {why}")), "{}", judged.reason);
    }
}

#[test]
fn a_fault_that_was_stopped_or_could_not_be_injected_is_an_error_beside_any_other() {
    let acted = || node("a", "Pass", "100", "Passed");
    for (other, stopped, says) in [
        (node("b", "Stopped", "100", "N/A"), 1, "b was stopped"),
        (node("b", "Error", "0", "N/A"), 0, "b has the verdict Error"),
        (node("b", "Neat", "100", "N/A"), 0, "which faultgate does not know"),
        (
            but(node("b", "Fail", "0", "N/A"), "failStep", "TARGET_SELECTION_ERROR : no pod"),
            0,
            "b found no target",
        ),
        (
            but(node("b", "Fail", "0", "N/A"), "failStep", "CHAOS_INJECT_ERROR : denied"),
            0,
            "b could not be carried out",
        ),
    ] {
        let failed = u64::from(other["chaosData"]["experimentVerdict"] == "Fail");
        let execution = faults(&[acted(), other], &[("a", 5), ("b", 5)]);
        let counts = FaultCounts { stopped: Some(stopped), awaited: Some(0), ..counts(2, 1, failed) };
        for accepts_nothing in [false, true] {
            let run = Run { counts, ..run("Completed", Some(100.0)) };
            let injection = InjectionRule { accepts_nothing, ..InjectionRule::default() };
            let judged = Case { run, execution: Some(&execution), injection, ..Case::default() }.judge();
            assert_eq!((judged.verdict, judged.score), (Verdict::Errored, None), "{}", judged.reason);
            assert!(judged.reason.contains(says), "{says}: {}", judged.reason);
        }
    }
}

#[test]
fn a_check_that_fails_before_the_injection_says_nothing_of_the_fault() {
    let unsteady = but(
        node("pod-delete", "Fail", "50", "N/A"),
        "failStep",
        r#"HTTP_PROBE_FAILURE : {"phase":"PreChaos","reason":"status 503"}"#,
    );
    let execution = faults(&[unsteady], &[("pod-delete", 10)]);
    for (phase, accepts_nothing) in
        [("Completed", false), ("Completed", true), ("Completed_With_Probe_Failure", false)]
    {
        let run = Run { counts: counts(1, 0, 1), ..run(phase, Some(50.0)) };
        let injection = InjectionRule { accepts_nothing, ..InjectionRule::default() };
        let judged = Case { run, execution: Some(&execution), injection, ..Case::default() }.judge();
        assert_eq!((judged.verdict, judged.score), (Verdict::Errored, None), "{}", judged.reason);
        assert!(
            judged.reason.starts_with("the system was not steady: pod-delete was not injected"),
            "{}",
            judged.reason
        );
        assert!(judged.reason.contains("status 503"), "{}", judged.reason);
    }
}

#[test]
fn no_target_is_an_error_with_its_step_or_is_accepted() {
    let execution = without_target(&[("pod-delete", 10)]);
    for phase in ["Completed", "Completed_With_Error", "Completed_With_Probe_Failure"] {
        let run = || Run { counts: counts(1, 0, 1), ..run(phase, Some(0.0)) };
        let judged = Case { run: run(), execution: Some(&execution), ..Case::default() }.judge();
        assert_eq!((judged.verdict, judged.score), (Verdict::Errored, None), "{}", judged.reason);
        let says = "pod-delete found no target (TARGET_SELECTION_ERROR : no pod found with matching labels";
        assert!(judged.reason.contains(says), "{}", judged.reason);
        let injection = InjectionRule { accepts_nothing: true, ..InjectionRule::default() };
        let judged = Case { run: run(), execution: Some(&execution), injection, ..Case::default() }.judge();
        assert_eq!((judged.verdict, judged.score), (Verdict::Passed, Some(Score::FULL)), "{}", judged.reason);
        assert_eq!(judged.score_source, Some(ScoreSource::Completion), "{}", judged.reason);
    }
}

#[test]
fn a_fault_that_its_own_probe_stopped_is_a_weakness_whatever_its_score() {
    let execution = faults(&[cut_fault()], &[("pod-delete", 10)]);
    let run = Run { counts: counts(1, 0, 1), ..run("Completed", Some(50.0)) };
    let judged = Case { run, execution: Some(&execution), ..Case::default() }.judge();
    assert_eq!((judged.verdict, judged.score), (Verdict::Failed, Some(Score::ZERO)), "{}", judged.reason);
    assert_eq!(judged.reason, "pod-delete was stopped by its own probe answers (status 503) while it was in");
}
