//! The judgement on the end of an experiment that faultgate itself has asked for, by a stop. It holds for
//! every engine, because the cause of the stop decides the verdict, and not the engine's word.

use jiff::Timestamp;

use super::{Judgement, Record, StopCause};
use faultgate_core::model::{ScoreSource, State, Verdict};
use faultgate_core::text;

/// Maximum length of the engine's own word for the state in a reason, in characters.
const MAX_STATE_CHARS: usize = 300;

/// Judges an end that faultgate asked for. Returns None where the experiment had ended by itself at the last
/// moment, so that its own end counts. `who` names the engine that left the experiment pending; `what` names
/// the experiment in the engine's words, such as `the command`.
pub(super) fn judge_stop(cause: &StopCause, record: &Record, who: &str, what: &str) -> Option<Judgement> {
    let raw = text::plain(&record.raw_state, MAX_STATE_CHARS);
    let judgement = match cause {
        StopCause::Cancelled(signal) => Judgement::plain(
            State::Cancelled,
            Verdict::Cancelled,
            format!("{} cancelled the run; state of {what}: {raw}", signal.as_str()),
        ),
        // The stop crossed an end that came in time: the experiment kept its timeout.
        StopCause::Timeout(deadline) if has_completed_by(record, *deadline) => return None,
        // The engine could not be asked in time. It has not left the experiment pending.
        StopCause::QueueTimeout(deadline) if has_completed_by(record, *deadline) => return None,
        StopCause::Timeout(_) => Judgement::plain(
            State::TimedOut,
            Verdict::TimedOut,
            format!("it did not end within its timeout; state of {what}: {raw}"),
        ),
        StopCause::QueueTimeout(_) => Judgement::plain(
            State::TimedOut,
            Verdict::TimedOut,
            format!("{who} left it pending past queue-timeout; state of {what}: {raw}"),
        ),
        StopCause::Unwatched(failure) => Judgement::plain(
            record.state,
            Verdict::Errored,
            format!("it could not be watched any longer: {}", failure.with_remedy()),
        ),
        StopCause::Forbidden(why) => Judgement::plain(record.state, Verdict::Errored, why),
        StopCause::Halted(why) => Judgement::weakness(record.state, ScoreSource::Halt, why),
    };
    Some(judgement)
}

/// Returns `true` if the experiment completed by itself, at the deadline or before it.
fn has_completed_by(record: &Record, deadline: Timestamp) -> bool {
    record.state == State::Completed && record.ended_at.is_some_and(|end| end <= deadline)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(1_000 + second).unwrap()
    }

    fn verdict(state: State, ended_at: i64) -> Option<Verdict> {
        let ended_at = Some(second(ended_at));
        let record = Record { state, ended_at, ..Record::unknown() };
        judge_stop(&StopCause::QueueTimeout(second(300)), &record, "FIS", "the experiment")
            .map(|judgement| judgement.verdict)
    }

    /// The engine did not answer when the queue-timeout ended, so nobody knew that it had not been pending.
    #[test]
    fn an_experiment_that_completed_within_its_queue_timeout_was_not_left_pending() {
        assert_eq!(verdict(State::Completed, 300), None);
        assert_eq!(verdict(State::Completed, 301), Some(Verdict::TimedOut));
        assert_eq!(verdict(State::Stopped, 299), Some(Verdict::TimedOut));
    }
}
