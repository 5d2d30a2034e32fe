//! Tests of runs whose score is in doubt, and of stops.

use super::*;

#[test]
fn a_control_plane_that_contradicts_itself_is_not_believed() {
    let (failed, passed) = (fault("Fail", "Failed"), fault("Pass", "Passed"));
    let probe_failed = fault("Pass", "Failed");
    let unweighted = faults(&[node("a", "Pass", "100", "Passed"), node("b", "Fail", "40", "Failed")], &[]);
    let one = |passed, failed| counts(1, passed, failed);
    for (phase, score, counts, execution, says) in [
        (
            "Completed",
            40.02,
            one(0, 1),
            &failed,
            "its score is 40.02, and the weights and its faults' probes make 40",
        ),
        ("Completed", 99.0, one(0, 1), &failed, "its score is 99"),
        (
            "Completed",
            100.0,
            one(0, 1),
            &failed,
            "its score is 100, and the probe answers of pod-delete failed",
        ),
        ("Completed", 100.0, one(1, 0), &failed, "it counts 1 passed of its faults, and its details show 0"),
        ("Completed", 100.0, one(0, 1), &passed, "it counts 0 passed of its faults, and its details show 1"),
        ("Completed", 40.0, FaultCounts { stopped: Some(1), ..one(0, 1) }, &failed, "it counts 1 stopped"),
        ("Completed", 100.0, one(1, 0), &probe_failed, "the probe answers of pod-delete failed"),
        (
            "Completed_With_Error",
            100.0,
            one(1, 0),
            &passed,
            "it is Completed_With_Error, and its score is 100",
        ),
        ("Completed_With_Probe_Failure", 100.0, one(1, 0), &passed, "it is Completed_With_Probe_Failure"),
        ("Completed", 99.0, counts(2, 1, 1), &unweighted, "make no more sure than 40"),
        (
            "Completed",
            100.0,
            counts(2, 1, 0),
            &passed,
            "it counts 2 faults in all, and its details and weights name 1",
        ),
    ] {
        let run = Run { counts, ..run(phase, Some(score)) };
        let judged = Case { run, execution: Some(execution), ..Case::default() }.judge();
        assert_eq!((judged.verdict, judged.score), (Verdict::Errored, None), "{says}: {}", judged.reason);
        assert!(
            judged.reason.contains("contradicts itself") && judged.reason.contains(says),
            "{says}: {}",
            judged.reason
        );
    }
    let with_error = Case { run: run("Completed_With_Error", Some(100.0)), ..Case::default() }.judge();
    assert_eq!(with_error.verdict, Verdict::Errored, "{}", with_error.reason);
}

#[test]
fn one_of_three_faults_is_not_the_whole_score() {
    let execution = faults(&[node("a", "Pass", "100", "Passed")], &[("a", 5), ("b", 5), ("c", 5)]);
    let at = |score| {
        let run = Run { counts: counts(3, 1, 0), ..run("Completed", Some(score)) };
        Case { run, execution: Some(&execution), ..Case::default() }.judge()
    };
    let judged = at(100.0);
    assert_eq!(judged.verdict, Verdict::Errored, "{}", judged.reason);
    assert!(
        judged.reason.contains("its score is 100") && judged.reason.contains("33.33"),
        "{}",
        judged.reason
    );
    assert_eq!((at(33.33).verdict, at(33.33).warnings.len()), (Verdict::Passed, 2));
}

#[test]
fn a_lower_score_than_its_details_make_and_rounding_are_no_contradictions() {
    for (told, says) in [(40.01, "as it says"), (39.0, "make 40, and LitmusChaos says 39"), (0.0, "says 0")] {
        let failed = fault("Fail", "Failed");
        let run = Run { counts: counts(1, 0, 1), ..run("Completed", Some(told)) };
        let judged = Case { run, execution: Some(&failed), ..Case::default() }.judge();
        assert_eq!((judged.verdict, judged.score), (Verdict::Passed, Score::new(told)), "{}", judged.reason);
        assert!(facts(&judged).contains(says), "{}", facts(&judged));
    }
}

#[test]
fn weights_that_are_all_0_leave_a_score_without_a_meaning() {
    let execution = faults(&[node("a", "Pass", "100", "Passed")], &[("a", 0)]);
    let judged =
        Case { run: run("Completed", Some(0.0)), execution: Some(&execution), ..Case::default() }.judge();
    assert_eq!((judged.verdict, judged.score), (Verdict::Errored, None), "{}", judged.reason);
    assert!(judged.reason.contains("the weight 0"), "{}", judged.reason);
}

#[test]
fn probes_of_the_whole_experiment_weigh_in_a_way_that_is_not_told() {
    let whole = |verdict: &str| {
        let probe = FaultProbe {
            name: "whole".to_owned(),
            kind: "httpProbe".to_owned(),
            mode: None,
            verdict: verdict.to_owned(),
            description: None,
        };
        execution::read(&RunDetails {
            execution: Some(json!({"nodes": [node("pod-delete", "Fail", "0", "Failed")]})),
            weights: vec![("pod-delete".to_owned(), 10)],
            probes: vec![(String::new(), probe)],
        })
    };
    let at = |score, verdict: &str| {
        let run = Run { counts: counts(1, 0, 1), ..run("Completed_With_Probe_Failure", Some(score)) };
        Case { run, execution: Some(&whole(verdict)), ..Case::default() }.judge()
    };
    assert_eq!(at(50.0, "Passed").verdict, Verdict::Passed, "{}", at(50.0, "Passed").reason);
    assert_eq!(at(100.0, "Passed").verdict, Verdict::Errored);
}

#[test]
fn a_score_without_a_probe_and_a_fault_that_is_not_taken_out_are_warnings() {
    let unprobed = fault("Pass", "N/A");
    let judged = Case { execution: Some(&unprobed), ..Case::default() }.judge();
    assert_eq!(judged.warnings, ["the score 100 rests on no probe that was evaluated"]);
    let history = json!({"targets": [{"name": "shop-1", "kind": "pod", "chaosStatus": "injected"}]});
    let left =
        faults(&[but(node("pod-delete", "Pass", "100", "Passed"), "history", history)], &[("pod-delete", 1)]);
    let judged = Case { execution: Some(&left), ..Case::default() }.judge();
    assert_eq!(judged.warnings, ["the agent's last word on pod shop-1 is injected, not reverted"]);
}

#[test]
fn a_broken_check_is_told_apart_from_a_weakness() {
    let broken = but(node("pod-delete", "Fail", "40", "Failed"), "failStep", "E2008: CMD_PROBE_ERROR");
    let broken = faults(&[broken], &[("pod-delete", 10)]);
    let run = Run { counts: counts(1, 0, 1), ..run("Completed_With_Probe_Failure", Some(40.0)) };
    let judged = Case { run, execution: Some(&broken), ..Case::default() }.judge();
    assert!(judged.losses[0].contains("a broken check, not a weak system"), "{:?}", judged.losses);
}

#[test]
fn a_stop_of_ours_is_judged_by_its_cause() {
    let failure =
        EngineFailure::new(FailureKind::Denied, "read", "expired").remedy("renew the token".to_owned());
    for (stop, verdict, says) in [
        (StopCause::Cancelled(Signal::Terminate), Verdict::Cancelled, "SIGTERM"),
        (StopCause::Timeout(jiff::Timestamp::MAX), Verdict::TimedOut, "within its timeout"),
        (StopCause::QueueTimeout(jiff::Timestamp::UNIX_EPOCH), Verdict::TimedOut, "its agent runs"),
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
