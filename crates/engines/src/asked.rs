//! What the end of an experiment means where faultgate has asked for it. The same for every engine.

use super::{Judgement, Record, StopCause};
use faultgate_core::model::{ScoreSource, State, Verdict};
use faultgate_core::text;

/// Characters of the engine's own word in a reason.
const WORD: usize = 300;

/// Judges an end that faultgate asked for. None where the experiment had ended by itself in the last moment, so that
/// its own end counts. `who` left it pending; `what` is the experiment in the engine's words, such as `the command`.
pub(super) fn judge(cause: &StopCause, record: &Record, who: &str, what: &str) -> Option<Judgement> {
    let raw = text::plain(&record.raw_state, WORD);
    let judgement = match cause {
        StopCause::Cancelled(signal) => Judgement::plain(
            State::Cancelled,
            Verdict::Cancelled,
            format!("{} cancelled the run; {what} is {raw}", signal.as_str()),
        ),
        StopCause::Timeout(deadline)
            if record.state == State::Completed && record.ended_at.is_some_and(|end| end <= *deadline) =>
        {
            return None;
        }
        StopCause::Timeout(_) => Judgement::plain(
            State::TimedOut,
            Verdict::TimedOut,
            format!("it did not end within its timeout; {what} is {raw}"),
        ),
        StopCause::QueueTimeout => Judgement::plain(
            State::TimedOut,
            Verdict::TimedOut,
            format!("{who} left it pending past queue-timeout; {what} is {raw}"),
        ),
        StopCause::Unwatched(failure) => Judgement::plain(
            record.state,
            Verdict::Errored,
            format!("it could not be watched any longer: {}", failure.with_remedy()),
        ),
        StopCause::Aborted(why) => Judgement::weakness(record.state, ScoreSource::Abort, why),
    };
    Some(judgement)
}
