use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::journal::tests::journal;
use super::super::life::Undone;
use super::*;
use crate::model::{CommandLine, Signal};

fn line(shown: &str) -> CommandLine {
    CommandLine { args: shown.split(' ').map(str::to_owned).collect(), shown: shown.to_owned() }
}

fn spec() -> CommandSpec {
    CommandSpec {
        run: line("chaos run e.json"),
        stop: Some(line("docker unpause cache")),
        dir: None,
        env: BTreeMap::new(),
        journal: None,
        expected_exit_code: 0,
        duration: Duration::ZERO,
    }
}

fn end(code: i32) -> End {
    let at: jiff::Timestamp = "2026-10-10T10:00:00Z".parse().unwrap();
    End {
        exit: Some(Exit::Code(code)),
        expected: code == 0,
        stopped: false,
        started_at: at,
        exited_at: at,
        ended_at: at,
        undone: None,
        journal: None,
        output: Vec::new(),
    }
}

fn judged(end: &End, stop: Option<&StopCause>) -> Judgement {
    let spec = spec();
    let record = record(end, &spec, "chaos");
    judge(
        &record,
        &Context { spec: &spec, end: Some(end), dry_run: false, injection: InjectionRule::default(), stop },
    )
}

fn by(code: i32, change: impl FnOnce(&mut Value)) -> Judgement {
    judged(&End { journal: Some(Ok(journal(change))), ..end(code) }, None)
}

fn unmet() -> Value {
    let probe = |name: &str, met: bool| json!({ "activity": { "name": name }, "status": "succeeded", "tolerance_met": met });
    json!({ "steady_state_met": false, "probes": [probe("a", true), probe("b", false)] })
}

#[test]
fn a_deviation_is_a_weakness_with_the_share_that_passed() {
    for status in ["completed", "failed"] {
        let judged = by(1, |j| {
            j["status"] = status.into();
            j["deviated"] = true.into();
            j["steady_states"]["after"] = unmet();
        });
        assert_eq!((judged.state, judged.verdict), (State::Completed, Verdict::Failed), "{}", judged.reason);
        assert_eq!((judged.score, judged.score_source), (Score::new(25.0), Some(ScoreSource::Engine)));
        assert!(judged.reason.ends_with("has deviated: b"), "{}", judged.reason);
    }
}

#[test]
fn a_deviation_that_ended_the_method_is_a_weakness_as_well() {
    let judged = by(1, |j| {
        j["status"] = "failed".into();
        j["steady_states"]["during"] = json!([unmet()]);
    });
    assert_eq!((judged.verdict, judged.score), (Verdict::Failed, Score::new(25.0)));
}

#[test]
fn what_was_not_steady_before_has_no_score() {
    // Chaos Toolkit calls this one completed.
    for code in [0, 1] {
        let judged = by(code, |j| {
            j["steady_states"]["before"] = unmet();
            j["run"] = json!([]);
        });
        assert_eq!((judged.state, judged.verdict, judged.score), (State::Failed, Verdict::Errored, None));
        assert!(
            judged.reason.contains("not steady before") && judged.reason.ends_with(": b"),
            "{}",
            judged.reason
        );
    }
}

#[test]
fn a_completed_journal_passes_only_with_all_that_belongs_to_it() {
    let judged = by(0, |j| j["experiment"] = json!({}));
    assert_eq!((judged.verdict, judged.score_source), (Verdict::Passed, Some(ScoreSource::Completion)));
    assert!(judged.reason.contains("injected: pause"));
    for (code, what, value, want) in [
        (0, "run", json!([]), "nothing was injected"),
        (
            0,
            "rollbacks",
            json!([{ "activity": { "name": "mend" }, "status": "failed" }]),
            "did not succeed: mend",
        ),
        (2, "title", json!("t"), "says completed, but chaos run e.json: exit code 2, expected 0"),
        (0, "status", json!("interrupted"), "Chaos Toolkit says interrupted"),
        (0, "status", json!("aborted"), "Chaos Toolkit says aborted"),
        (1, "status", json!("failed"), "Chaos Toolkit says failed"),
        (0, "status", json!("new-word"), "Chaos Toolkit says new-word"),
    ] {
        let judged = by(code, |j| j[what] = value);
        assert_eq!((judged.verdict, judged.score), (Verdict::Errored, None), "{}", judged.reason);
        assert!(judged.reason.contains(want), "{}", judged.reason);
    }
}

#[test]
fn what_was_measured_meanwhile_is_the_score() {
    let judged = by(0, |j| j["steady_states"]["during"] = json!([unmet()]));
    assert_eq!((judged.verdict, judged.score), (Verdict::Passed, Score::new(25.0)), "the floor decides");
}

#[test]
fn a_journal_that_cannot_be_read_is_an_error() {
    let judged =
        judged(&End { journal: Some(Err("the journal j is not a file".to_owned())), ..end(0) }, None);
    assert_eq!((judged.state, judged.verdict), (State::Failed, Verdict::Errored));
    assert!(judged.reason.starts_with("the journal j is not a file"));
}

#[test]
fn no_end_passes_with_a_fault_left_in() {
    let at = end(0).started_at;
    let undone = Some(Undone { started_at: at, ended_at: at, failed: Some("exit code 1".to_owned()) });
    let weak = journal(|j| {
        j["deviated"] = true.into();
        j["steady_states"]["after"] = unmet();
    });
    for (journal, verdict) in [(None, Verdict::Errored), (Some(Ok(weak)), Verdict::Failed)] {
        let judged = judged(&End { undone: undone.clone(), journal, ..end(0) }, None);
        assert_eq!(judged.verdict, verdict);
        assert!(judged.reason.ends_with("undo it by: docker unpause cache"), "{}", judged.reason);
    }
    let stopped = End { undone, stopped: true, ..end(0) };
    assert!(!record(&stopped, &spec(), "x").has_ended(), "what was asked for is not confirmed");
}

#[test]
fn a_stop_that_we_asked_for_is_never_a_pass() {
    let deadline = end(0).ended_at;
    for (cause, verdict) in [
        (StopCause::Cancelled(Signal::Interrupt), Verdict::Cancelled),
        (StopCause::Timeout(deadline - jiff::SignedDuration::from_secs(1)), Verdict::TimedOut),
        (StopCause::QueueTimeout, Verdict::TimedOut),
    ] {
        assert_eq!(judged(&end(0), Some(&cause)).verdict, verdict);
        assert_eq!(judged(&End { stopped: true, ..end(0) }, Some(&cause)).verdict, verdict);
    }
    let just_in_time = StopCause::Timeout(deadline);
    assert_eq!(judged(&end(0), Some(&just_in_time)).verdict, Verdict::Passed);
}

#[test]
fn a_program_that_a_variable_names_is_not_shown() {
    assert_eq!(shown_program("docker", "docker pause x"), "docker");
    assert_eq!(shown_program("s3cr3t", "\"${T}\" x"), "\"${T}\"");
}
