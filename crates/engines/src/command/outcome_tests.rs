use std::collections::BTreeMap;
use std::time::Duration;

use super::super::end::Undone;
use super::super::toolkit::tests::deviated_journal;
use super::*;
use crate::StopCause;
use faultgate_core::model::{CommandLine, InjectionRule, Signal};

#[path = "outcome_state_tests.rs"]
mod states;

fn line(shown: &str) -> CommandLine {
    CommandLine { args: shown.split(' ').map(str::to_owned).collect(), shown: shown.to_owned() }
}

pub(in crate::command) fn spec() -> CommandSpec {
    CommandSpec {
        run: line("chaos run e.json"),
        stop: Some(line("docker unpause cache")),
        stop_within: Duration::from_secs(30),
        proof: None,
        dir: None,
        env: BTreeMap::new(),
        journal: None,
        expected_exit_code: 0,
        duration: Duration::ZERO,
    }
}

pub(in crate::command) fn end(code: i32) -> CommandEnd {
    let at: jiff::Timestamp = "2026-10-10T10:00:00Z".parse().unwrap();
    CommandEnd {
        exit: Some(Exit::Code(code)),
        expected: code == 0,
        stopped: false,
        started_at: at,
        exited_at: at,
        ended_at: at,
        undone: None,
        unproved: None,
        left: Vec::new(),
        survivors: Vec::new(),
        journal: None,
        output: Vec::new(),
    }
}

pub(in crate::command) fn judged(end: &CommandEnd, stop: Option<&StopCause>) -> Judgement {
    let spec = spec();
    let record = record(end, &spec, "chaos");
    judge(
        &record,
        &CommandContext {
            spec: &spec,
            end: Some(end),
            dry_run: false,
            injection: InjectionRule::default(),
            stop,
        },
    )
}

#[test]
fn a_journal_that_cannot_be_read_is_an_error() {
    let judged =
        judged(&CommandEnd { journal: Some(Err("the journal j is not a file".to_owned())), ..end(0) }, None);
    assert_eq!((judged.state, judged.verdict), (State::Failed, Verdict::Errored));
    assert!(judged.reason.starts_with("the journal j is not a file"));
}

#[test]
fn no_end_passes_with_a_fault_left_in() {
    let at = end(0).started_at;
    let undone = Some(Undone { started_at: at, ended_at: at, failed: Some("exit code 1".to_owned()) });
    let weak = deviated_journal();
    for (journal, verdict) in [(None, Verdict::Errored), (Some(Ok(weak)), Verdict::Failed)] {
        let judged = judged(&CommandEnd { undone: undone.clone(), journal, ..end(0) }, None);
        assert_eq!(judged.verdict, verdict);
        assert!(judged.fault_may_be_in, "{judged:?}");
        let begins = "a fault may be left in; undo it by: `docker unpause cache` (the stop command failed: exit \
                      code 1); ";
        assert!(judged.reason.starts_with(begins), "{}", judged.reason);
    }
    let stopped = CommandEnd { undone, stopped: true, ..end(0) };
    assert!(!record(&stopped, &spec(), "x").has_ended(), "what was asked for is not confirmed");
}

#[test]
fn no_command_is_so_long_that_it_hides_what_else_there_is_to_tell() {
    let at = end(0).started_at;
    let long = "x".repeat(10_000);
    let failed = Some(format!("exit code 9: {long}"));
    let end = CommandEnd {
        undone: Some(Undone { started_at: at, ended_at: at, failed }),
        output: vec![long.clone()],
        ..end(3)
    };
    for (stop, by_hand) in [
        ("docker unpause cache", "`docker unpause cache`"),
        (&long, "the stop command of this experiment in the suite"),
    ] {
        let spec = CommandSpec { run: line(&long), stop: Some(line(stop)), ..spec() };
        let record = record(&end, &spec, "chaos");
        let injection = InjectionRule::default();
        let context = CommandContext { spec: &spec, end: Some(&end), dry_run: false, injection, stop: None };
        let reason = judge(&record, &context).reason;
        assert!(reason.starts_with(&format!("a fault may be left in; undo it by: {by_hand} (")), "{reason}");
        assert!(reason.contains("exit code 3, expected 0") && reason.chars().count() < 900, "{reason}");
    }
}

#[test]
fn a_stop_that_we_asked_for_is_never_a_pass() {
    let deadline = end(0).ended_at;
    for (cause, verdict) in [
        (StopCause::Cancelled(Signal::Interrupt), Verdict::Cancelled),
        (StopCause::Timeout(deadline - jiff::SignedDuration::from_secs(1)), Verdict::TimedOut),
        (StopCause::QueueTimeout(jiff::Timestamp::UNIX_EPOCH), Verdict::TimedOut),
    ] {
        assert_eq!(judged(&end(0), Some(&cause)).verdict, verdict);
        assert_eq!(judged(&CommandEnd { stopped: true, ..end(0) }, Some(&cause)).verdict, verdict);
    }
    let just_in_time = StopCause::Timeout(deadline);
    assert_eq!(judged(&end(0), Some(&just_in_time)).verdict, Verdict::Passed);
}

#[test]
fn a_program_that_a_variable_names_is_not_shown() {
    assert_eq!(shown_program("docker", "docker pause x"), "docker");
    assert_eq!(shown_program("s3cr3t", "\"${T}\" x"), "\"${T}\"");
}

#[test]
fn no_fault_window_is_told_where_nothing_says_that_the_fault_went_in() {
    let window = |end: CommandEnd| record(&end, &spec(), "chaos").fault();
    assert!(window(end(0)).is_some());
    assert!(window(CommandEnd { stopped: true, ..end(7) }).is_some(), "it was stopped while it ran");
    assert_eq!(window(end(7)), None, "it could not be carried out");
    assert_eq!(window(CommandEnd { unproved: Some("no such line".to_owned()), ..end(0) }), None);
}
