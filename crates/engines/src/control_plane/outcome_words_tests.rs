//! Tests of what is told beside the verdict: losses, warnings, evidence, and what was injected.

use super::*;

#[test]
fn the_agent_is_named_only_where_a_run_was_left_pending() {
    for (stop, is_named) in [
        (StopCause::Cancelled(Signal::Terminate), false),
        (StopCause::QueueTimeout(jiff::Timestamp::UNIX_EPOCH), true),
        // The run completed before that time, so nobody stopped it.
        (StopCause::QueueTimeout(jiff::Timestamp::MAX), false),
    ] {
        let phase = if is_named { "Stopped" } else { "Completed" };
        let judged = Case { run: run(phase, Some(100.0)), stop: Some(stop), ..Case::default() }.judge();
        assert_eq!(judged.reason.contains("Its agent"), is_named, "{}", judged.reason);
    }
}

#[test]
fn the_step_that_failed_is_told_with_its_code_once() {
    let failing = |name: &str, verdict: &str, step: &str, code: &str| {
        but(but(node(name, verdict, "0", "N/A"), "failStep", step), "errorCode", code)
    };
    let execution = faults(
        &[
            failing("a", "Fail", "agent gone", "E1"),
            failing("b", "Fail", "E2: no helper", "E2"),
            failing("c", "Pass", "left over", "E3"),
        ],
        &[],
    );
    let judged =
        Case { run: run("Error", Some(0.0)), execution: Some(&execution), ..Case::default() }.judge();
    let told = &judged.reason;
    assert!(told.contains("a: agent gone (E1)"), "{told}");
    assert!(told.contains("b: E2: no helper") && !told.contains("(E2)"), "{told}");
    assert!(!told.contains("left over"), "it passed: {told}");
}

#[test]
fn what_was_injected_is_told_of_errors_and_weaknesses_too() {
    let failed = fault("Fail", "Failed");
    let contradiction = Run { counts: counts(1, 0, 1), ..run("Completed", Some(99.0)) };
    let judged = Case { run: contradiction, execution: Some(&failed), ..Case::default() }.judge();
    assert_eq!((judged.verdict, judged.injected), (Verdict::Errored, vec!["pod-delete".to_owned()]));
    let skipped = but(node("idle", "Awaited", "0", "N/A"), "experimentStatus", "Skipped");
    let execution = faults(&[cut_fault(), skipped], &[("pod-delete", 10), ("idle", 0)]);
    let run = Run { counts: counts(2, 0, 1), ..run("Completed", Some(50.0)) };
    let judged = Case { run, execution: Some(&execution), ..Case::default() }.judge();
    assert_eq!((judged.verdict, judged.injected), (Verdict::Failed, vec!["pod-delete".to_owned()]));
    assert!(judged.warnings.iter().any(|warning| warning.contains("idle")), "{:?}", judged.warnings);
}

#[test]
fn losses_are_told_by_what_they_cost_and_only_below_the_full_score() {
    let execution = faults(
        &[
            node("light", "Fail", "0", "Failed"),
            node("heavy", "Fail", "50", "Failed"),
            node("well", "Pass", "100", "Passed"),
        ],
        &[("light", 1), ("heavy", 6), ("well", 3)],
    );
    let run_of = |score| Run { counts: counts(3, 1, 2), ..run("Completed", Some(score)) };
    let judged = Case { run: run_of(60.0), execution: Some(&execution), ..Case::default() }.judge();
    assert_eq!((judged.verdict, judged.losses.len()), (Verdict::Passed, 2), "{}", judged.reason);
    assert!(
        judged.losses[0].starts_with("heavy: ") && judged.losses[1].starts_with("light: "),
        "{:?}",
        judged.losses
    );
    let costs = faults(
        &[node("nearly-well", "Fail", "95", "Failed"), node("ill", "Fail", "0", "Failed")],
        &[("nearly-well", 10), ("ill", 1)],
    );
    assert!(losses(&costs)[0].starts_with("ill: "), "{:?}", losses(&costs));
    let weightless = faults(
        &[node("well", "Pass", "100", "Passed"), node("ill", "Fail", "0", "Failed")],
        &[("well", 3), ("ill", 0)],
    );
    let run = Run { counts: counts(2, 1, 1), ..run("Completed_With_Probe_Failure", Some(100.0)) };
    let judged = Case { run, execution: Some(&weightless), ..Case::default() }.judge();
    assert!(judged.losses.is_empty(), "nothing took from the score: {:?} {}", judged.losses, judged.reason);
}

#[test]
fn a_fault_that_did_not_act_is_a_loss_where_it_counts() {
    let idle = |name: &str| but(node(name, "Awaited", "0", "N/A"), "experimentStatus", "Skipped");
    let told = |weight| {
        let execution = faults(&[node("a", "Pass", "100", "Passed"), idle("b")], &[("a", 3), ("b", weight)]);
        losses(&execution)
    };
    assert!(told(1)[0].starts_with("b did not act"), "{:?}", told(1));
    assert!(!told(0).iter().any(|loss| loss.contains("did not act")), "{:?}", told(0));
    let full = faults(&[but(node("b", "Awaited", "100", "N/A"), "experimentStatus", "Skipped")], &[("b", 1)]);
    assert!(!losses(&full).iter().any(|loss| loss.contains("did not act")), "it cost nothing");
}

#[test]
fn a_fault_takes_from_the_score_by_its_success_its_probes_or_its_verdict() {
    let told = |verdict: &str, success: &str, probe: &str| {
        let execution = faults(&[node("f", verdict, success, probe)], &[("f", 1)]);
        describe_loss(&execution.faults[0])
    };
    assert_eq!(told("Pass", "100", "Passed"), None);
    assert!(told("Pass", "90", "Passed").is_some(), "its success");
    assert!(told("Pass", "100", "Failed").is_some(), "its probe");
    assert!(told("Fail", "100", "Passed").is_some(), "its verdict");
}

#[test]
fn a_broken_check_is_known_by_either_word() {
    let told = |step: &str| {
        let node = but(node("f", "Fail", "0", "Failed"), "failStep", step);
        broken_check(&faults(&[node], &[]).faults[0])
    };
    assert!(told("CMD_PROBE_ERROR: no such file").is_some());
    assert!(told("E2008: no such file").is_some());
    assert!(told("HTTP_PROBE_FAILURE: status 503").is_none());
}

#[test]
fn the_evidence_has_the_counts_and_what_went_amiss() {
    let execution = without_target(&[]);
    let counted = Run { counts: counts(1, 0, 1), ..run("Completed", Some(0.0)) };
    let told = facts(&Case { run: counted, execution: Some(&execution), ..Case::default() }.judge());
    assert!(told.contains("faults: "), "{told}");
    assert!(told.contains("pod-delete found no target"), "{told}");
    let uncounted = Run { counts: FaultCounts::default(), ..run("Completed", Some(100.0)) };
    let told = facts(&Case { run: uncounted, ..Case::default() }.judge());
    assert!(!told.contains("faults: "), "{told}");
    let well = fault("Pass", "Passed");
    let told = facts(&Case { execution: Some(&well), ..Case::default() }.judge());
    assert!(!told.contains("pod-delete"), "nothing went amiss: {told}");
}

#[test]
fn faults_that_are_not_reverted_are_named_up_to_three() {
    let told = |count: usize| {
        let targets: Vec<Value> = (0..count)
            .map(|n| json!({"name": format!("shop-{n}"), "kind": "pod", "chaosStatus": "injected"}))
            .collect();
        let history = json!({ "targets": targets });
        let left = but(node("pod-delete", "Pass", "100", "Passed"), "history", history);
        let execution = faults(&[left], &[("pod-delete", 1)]);
        let warnings = Case { execution: Some(&execution), ..Case::default() }.judge().warnings;
        warnings.into_iter().find(|warning| warning.contains("not reverted")).unwrap()
    };
    assert!(!told(3).contains("more"), "{}", told(3));
    assert!(told(4).contains(" and 1 more "), "{}", told(4));
}
