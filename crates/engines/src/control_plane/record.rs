//! The engine's record of an experiment, made of a run as the control plane tells it. Pure.

use jiff::Timestamp;

use super::execution::Execution;
use super::manager::Run;
use super::phase;
use crate::Record;
use faultgate_core::model::{EngineError, Fault, State};
use faultgate_core::text::plain;

/// Most characters of a reason that are kept.
const MAX_REASON_CHARS: usize = 400;
/// Most characters of a word for a phase that are kept.
const MAX_WORD_CHARS: usize = 100;

/// Returns the record of a run. `seen_at` is when this process saw that the run is over, if it is.
pub(super) fn record(run: &Run, execution: Option<&Execution>, seen_at: Option<Timestamp>) -> Record {
    let state = phase::state(run);
    let over = phase::is_over(run);
    let started_at = execution.and_then(|execution| execution.started_at).or(run.created_at);
    // Agents' clocks may be wrong: an end before the start is passed over for the next best one.
    let after_start = |end: &Timestamp| started_at.is_none_or(|start| start <= *end);
    let told = [execution.and_then(|execution| execution.ended_at), run.updated_at];
    let ended_at = told.into_iter().flatten().find(after_start).or(seen_at).filter(|_| over);
    let mut record = Record {
        state,
        raw_state: word(&run.phase),
        reason: reason(run, execution),
        started_at,
        ended_at,
        ..Record::unknown()
    };
    if let Some(execution) = execution {
        record.actions.clone_from(&execution.actions);
        record.targets.clone_from(&execution.targets);
        record.faults.clone_from(&execution.faults);
        record.fault = execution.fault(ended_at);
        record.error = (state == State::Failed).then(|| execution.faults.iter().find_map(error)).flatten();
    }
    record
}

/// Returns the control plane's word as plain text that is never empty.
pub(super) fn word(phase: &str) -> String {
    match plain(phase, MAX_WORD_CHARS) {
        word if word.is_empty() => "(no word)".to_owned(),
        word => word,
    }
}

fn reason(run: &Run, execution: Option<&Execution>) -> Option<String> {
    let said = run.blocked.as_deref().or(run.error.as_deref()).map(|said| plain(said, MAX_REASON_CHARS));
    said.filter(|said| !said.is_empty()).or_else(|| execution?.message.clone())
}

fn error(fault: &Fault) -> Option<EngineError> {
    let code = Some(fault.error_code.clone()?);
    Some(EngineError { code, location: Some(fault.name.clone()), account: None })
}
