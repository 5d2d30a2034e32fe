//! Tests of the state that an end leaves behind, of its record, and of processes that live on.

use serde_json::json;

use super::super::super::chaos_toolkit::tests::journal;
use super::*;
use faultgate_core::model::FaultWindow;
use faultgate_core::processes::kin::{Kin, Member};

const WITHOUT_EXIT: fn() -> CommandEnd = || CommandEnd { exit: None, ..end(0) };

/// Runs a test with a process that lives on.
fn with_survivor(test: impl FnOnce(Vec<Member>)) {
    const MARK: &str = "FAULTGATE_TEST_SURVIVOR";
    let mark = std::process::id().to_string();
    let mut child = std::process::Command::new("sleep").arg("1000").env(MARK, &mark).spawn().unwrap();
    // The process has its own environment only after it has become the new program.
    let survivors = loop {
        let living = Kin::with_mark(MARK, &mark).living();
        if !living.is_empty() {
            break living;
        }
        std::thread::yield_now();
    };
    test(survivors);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_state_says_how_it_ended() {
    assert_eq!(state(&end(0)), (State::Completed, "exit code 0".to_owned()));
    assert_eq!(state(&end(1)).0, State::Failed);
    assert_eq!(state(&WITHOUT_EXIT()).0, State::Unknown);
    let stopped = CommandEnd { stopped: true, ..end(0) };
    assert_eq!(state(&stopped), (State::Stopped, "stopped (exit code 0)".to_owned()));
    with_survivor(|survivors| {
        let left = CommandEnd { survivors: survivors.clone(), ..end(0) };
        assert_eq!(state(&left).0, State::Failed, "it was not stopped, and lives on");
        let not_gone = CommandEnd { survivors, ..stopped };
        assert_eq!(state(&not_gone).0, State::Unknown, "its stop is not confirmed");
    });
}

#[test]
fn an_end_that_was_not_expected_is_told_with_its_last_line() {
    let output = vec!["bye".to_owned()];
    let well = judged(&CommandEnd { output: output.clone(), ..end(0) }, None);
    assert!(well.reason.ends_with("chaos run e.json: exit code 0"), "{}", well.reason);
    let ill = judged(&CommandEnd { output, ..end(1) }, None);
    assert_eq!(ill.verdict, Verdict::Errored);
    assert!(ill.reason.ends_with("chaos run e.json: exit code 1, expected 0 (bye)"), "{}", ill.reason);
}

#[test]
fn the_word_of_a_journal_is_its_state() {
    for (word, code, expected) in [
        ("completed", 0, State::Completed),
        ("completed", 1, State::Failed),
        ("interrupted", 1, State::Stopped),
        ("aborted", 1, State::Failed),
    ] {
        let told = journal(|j| j["status"] = word.into());
        let known = state(&CommandEnd { journal: Some(Ok(told)), ..end(code) });
        assert_eq!(known, (expected, format!("{word} (exit code {code})")));
    }
    let unsteady = journal(|j| {
        j["steady_states"]["before"] = json!({ "steady_state_met": false, "probes": [{
            "activity": { "name": "a", "type": "probe" }, "status": "succeeded", "tolerance_met": false }] });
    });
    assert_eq!(state(&CommandEnd { journal: Some(Ok(unsteady)), ..end(0) }).0, State::Failed);
}

#[test]
fn the_record_has_the_times_and_the_action_of_the_process() {
    let later = end(0).started_at + jiff::SignedDuration::from_secs(5);
    let known = CommandEnd { exited_at: later, ended_at: later, ..end(0) };
    let made = record(&known, &spec(), "chaos");
    assert_eq!((made.raw_state.as_str(), made.started_at), ("exit code 0", Some(known.started_at)));
    let window = FaultWindow { started_at: known.started_at, ended_at: Some(later) };
    assert_eq!(made.fault, FaultTimes::In(window), "the fault ended with the process");
    let undone_at = known.started_at + jiff::SignedDuration::from_secs(2);
    let undone = Some(Undone { started_at: undone_at, ended_at: later, failed: None });
    let undone = record(&CommandEnd { undone, ..known.clone() }, &spec(), "chaos");
    let window = FaultWindow { started_at: known.started_at, ended_at: Some(undone_at) };
    assert_eq!(undone.fault, FaultTimes::In(window), "the fault ended with the stop command");
    let silent = journal(|j| j["run"] = json!([]));
    let silent = record(&CommandEnd { journal: Some(Ok(silent)), ..known }, &spec(), "chaos");
    assert_eq!(silent.actions[0].name, "run", "a journal without activities does not hide the process");
}

#[test]
fn a_process_that_lives_on_is_no_pass() {
    assert_eq!(judged(&end(0), None).verdict, Verdict::Passed);
    with_survivor(|survivors| {
        let judged = judged(&CommandEnd { survivors, ..end(0) }, None);
        assert_eq!((judged.verdict, judged.score), (Verdict::Errored, None));
        assert!(judged.reason.contains("so a fault may be left in: "), "{}", judged.reason);
    });
    with_survivor(|left| {
        let judged = judged(&CommandEnd { left, ..end(0) }, None);
        assert_eq!(judged.verdict, Verdict::Passed, "they were ended");
        let [warning] = &judged.warnings[..] else { panic!("{:?}", judged.warnings) };
        assert!(warning.starts_with("run left processes behind") && warning.contains("sleep"), "{warning}");
        assert!(!judged.reason.contains("live on"), "{}", judged.reason);
    });
}

#[test]
fn activities_that_are_not_shown_are_told_only_where_there_are_some() {
    let told = |count: usize| {
        let known = journal(|j| {
            let one = j["run"][0].clone();
            j["run"] = vec![one; count].into();
        });
        let judged = judged(&CommandEnd { journal: Some(Ok(known)), ..end(0) }, None);
        judged.evidence.iter().any(|fact| fact.fact.contains("are not shown"))
    };
    assert!(!told(1) && told(5_000));
}
