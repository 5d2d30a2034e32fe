use super::*;

const PRE_CHAOS: &str =
    r#"HTTP_PROBE_FAILURE : {"errorCode":"HTTP_PROBE_FAILURE","phase":"PreChaos","reason":"status 503"}"#;
const NO_TARGET: &str =
    r#"TARGET_SELECTION_ERROR : {"phase":"ChaosInject","reason":"no pod found with matching labels"}"#;

fn signs(own: &str, status: &str) -> Signs {
    Signs {
        has_data: true,
        own: Some(own.to_owned()),
        status: vec![status.to_owned()],
        step: Some(FailedStep::default()),
        ..Signs::default()
    }
}

fn failing(own: &str, status: &str, step: &str) -> Signs {
    Signs { step: Some(FailedStep::of(&[step], &[])), ..signs(own, status) }
}

fn probe(mode: &str, verdict: &str) -> FaultProbe {
    FaultProbe {
        name: "answers".to_owned(),
        kind: "httpProbe".to_owned(),
        mode: Some(mode.to_owned()),
        verdict: verdict.to_owned(),
        description: None,
    }
}

/// Returns the kind of a course and its text.
fn of(signs: &Signs, probes: &[FaultProbe]) -> (&'static str, String) {
    match course(signs, probes) {
        FaultCourse::Acted => ("acted", String::new()),
        FaultCourse::Cut(why) => ("cut", why),
        FaultCourse::Idle(why) => ("idle", why),
        FaultCourse::NoTarget(why) => ("no target", why),
        FaultCourse::Broken(why) => ("broken", why),
        FaultCourse::Unsteady(why) => ("unsteady", why),
        FaultCourse::Untold(why) => ("untold", why),
    }
}

#[test]
fn a_verdict_that_was_not_reached_is_idle_and_one_that_nobody_knows_is_broken() {
    for (own, kind, why) in [
        ("Awaited", "idle", "stayed Awaited"),
        ("N/A", "idle", "stayed N/A"),
        ("Skipped", "idle", "stayed Skipped"),
        ("", "idle", "has no verdict"),
        ("Error", "broken", "has the verdict Error"),
        ("Stopped", "broken", "was stopped"),
        ("Neat", "broken", "has the verdict Neat, which faultgate does not know"),
        ("Pass", "acted", ""),
        ("Passed 👍", "acted", ""),
    ] {
        assert_eq!(of(&signs(own, "Completed"), &[]), (kind, why.to_owned()), "{own}");
    }
    assert_eq!(of(&Signs { own: None, ..signs("", "Completed") }, &[]).0, "untold");
    assert_eq!(of(&Signs::default(), &[]), ("idle", "tells no data".to_owned()));
    let broken = Signs { status: vec!["Error".to_owned()], ..Signs::default() };
    assert_eq!(of(&broken, &[]), ("broken", "tells no data (its step is Error)".to_owned()));
    assert_eq!(of(&signs("Awaited", "Error"), &[]).0, "broken");
}

#[test]
fn a_result_is_ahead_of_its_engine_and_never_behind_a_pass() {
    let with = |own: &str, result: &str| Signs { result: Some(result.to_owned()), ..signs(own, "Completed") };
    for (own, result, kind) in [
        ("Awaited", "Pass", "acted"),
        ("Pass", "Pass", "acted"),
        ("Pass", "Fail", "untold"),
        ("Pass", "Stopped", "untold"),
        ("Pass", "Awaited", "untold"),
        ("Fail", "Stopped", "broken"),
        ("Fail", "Error", "broken"),
        ("Fail", "Pass", "acted"),
    ] {
        assert_eq!(of(&with(own, result), &[]).0, kind, "{own} {result}");
    }
}

#[test]
fn a_fault_that_failed_was_injected_only_where_something_proves_it() {
    let bare = Signs { step: None, ..signs("Fail", "") };
    assert_eq!(of(&bare, &[]).0, "untold");
    assert_eq!(of(&Signs { step: None, ..signs("Fail", "Completed") }, &[]).0, "untold");
    assert_eq!(of(&signs("Fail", "Completed_With_Probe_Failure"), &[]).0, "acted");
    assert_eq!(of(&Signs { targets: Some(1), ..bare.clone() }, &[]).0, "acted");
    assert_eq!(of(&Signs { targets: Some(0), ..bare.clone() }, &[]).0, "untold");
    let without_status = Signs { status: Vec::new(), targets: Some(1), ..bare.clone() };
    assert_eq!(of(&without_status, &[probe("EOT", "Failed")]).0, "untold", "it may have been stopped");
    for (mode, verdict, kind) in [
        ("EOT", "Failed", "acted"),
        ("OnChaos", "Failed", "acted"),
        ("Continuous", "Passed", "acted"),
        ("Edge", "Passed", "acted"),
        ("SOT", "Passed", "untold"),
        ("SOT", "Failed", "untold"),
        ("Edge", "Failed", "untold"),
        ("Continuous", "Failed", "untold"),
        ("EOT", "N/A", "untold"),
    ] {
        assert_eq!(of(&bare, &[probe(mode, verdict)]).0, kind, "{mode} {verdict}");
    }
}

#[test]
fn what_ended_before_the_injection_is_told_by_its_step() {
    for own in ["Fail", "Stopped", "Error"] {
        let (kind, why) = of(&failing(own, "Stopped", PRE_CHAOS), &[probe("SOT", "Failed")]);
        assert_eq!(kind, "unsteady", "{own}");
        assert!(why.contains("status 503"), "{why}");
    }
    assert_eq!(of(&failing("Fail", "Completed", "[pre-chaos]: no chaos result"), &[]).0, "broken");
    assert_eq!(of(&failing("Fail", "Error", "STATUS_CHECKS_ERROR : PreChaos"), &[]).0, "unsteady");
    assert_eq!(of(&failing("Pass", "Completed", PRE_CHAOS), &[]).0, "untold", "it says two things");
    for (own, status) in [("Fail", "Completed_With_Probe_Failure"), ("Error", "Error")] {
        let (kind, why) = of(&failing(own, status, NO_TARGET), &[]);
        assert_eq!(kind, "no target", "{own}");
        assert!(why.contains("TARGET_SELECTION_ERROR : no pod found with matching labels"), "{why}");
    }
    let lost = Signs { targets: Some(2), ..failing("Fail", "Completed", NO_TARGET) };
    assert_eq!(of(&lost, &[]).0, "broken");
    assert_eq!(of(&failing("Fail", "Completed", "CHAOS_INJECT_ERROR : denied"), &[]).0, "broken");
    assert_eq!(of(&failing("Fail", "Completed", "HTTP_PROBE_FAILURE : PostChaos"), &[]).0, "acted");
}

#[test]
fn a_stop_is_a_probes_own_or_somebodys() {
    let with = |targets| Signs { targets, result: Some("Stopped".to_owned()), ..signs("Fail", "Stopped") };
    for (targets, mode, kind) in [
        (Some(1), "Continuous", "cut"),
        (Some(1), "OnChaos", "cut"),
        (Some(1), "EOT", "acted"),
        (Some(1), "Edge", "acted"),
        (Some(1), "SOT", "broken"),
        (Some(0), "SOT", "unsteady"),
        (Some(0), "Edge", "unsteady"),
        (Some(0), "Continuous", "unsteady"),
        (Some(0), "EOT", "broken"),
        (None, "SOT", "broken"),
        (None, "Continuous", "broken"),
    ] {
        assert_eq!(of(&with(targets), &[probe(mode, "Failed")]).0, kind, "{targets:?} {mode}");
        assert_eq!(of(&with(targets), &[probe(mode, "N/A")]).0, "broken", "{targets:?} {mode}");
    }
    let aborted = Signs { targets: Some(1), ..failing("Fail", "Completed", "EXPERIMENT_ABORTED : stopped") };
    assert_eq!(of(&aborted, &[]).0, "broken");
}
