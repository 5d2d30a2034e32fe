//! The meaning of a control plane's open word for how a run is. Pure. A word that is not known ends no run by
//! itself, and passes none.

use super::manager::Run;
use faultgate_core::model::{Score, State};

/// Returns the state that a word stands for. Words come in several spellings, and new ones come without
/// notice.
pub fn state_of(word: &str) -> State {
    match word.trim().to_ascii_lowercase().as_str() {
        "" | "queued" | "pending" | "na" | "n/a" => State::Pending,
        "running" => State::Running,
        // The score decides how such a run went, not the word.
        "completed" | "completed_with_probe_failure" | "completed_with_error" => State::Completed,
        "stopped" | "terminated" => State::Stopped,
        "error" | "timeout" | "blocked" | "skipped" => State::Failed,
        _ => State::Unknown,
    }
}

/// Returns the state of a run. A run that is over is neither pending nor running, whatever its word.
pub(super) fn state(run: &Run) -> State {
    match state_of(&run.phase) {
        state if state.is_terminal() => state,
        _ if run.completed == Some(true) => State::Unknown,
        state => state,
    }
}

/// Returns `true` if the run is over, by its word or because the control plane says that it has completed.
pub(super) fn is_over(run: &Run) -> bool {
    state(run).is_terminal() || run.completed == Some(true)
}

/// Returns `true` if nothing more is to be expected of a run that is over. The score of a completed run is
/// written last.
pub(super) fn is_settled(run: &Run) -> bool {
    run.completed != Some(false) && (state(run) != State::Completed || score(run).is_some())
}

/// Returns the score of a run that is over. Before that it is 0 and means nothing.
pub(super) fn score(run: &Run) -> Option<Score> {
    run.score.and_then(Score::new).filter(|_| is_over(run))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_in_any_spelling_and_others_are_unknown() {
        for (words, state) in [
            (&["Queued", "QUEUED", " pending", "NA", "N/A", ""][..], State::Pending),
            (&["Running", "running"], State::Running),
            (&["Completed", "Completed_With_Probe_Failure", "COMPLETED_WITH_ERROR"], State::Completed),
            (&["Stopped", "Terminated"], State::Stopped),
            (&["Error", "Timeout", "Blocked", "Skipped"], State::Failed),
            (&["Succeeded", "Completed_", "All", "Läuft", "null"], State::Unknown),
        ] {
            for word in words {
                assert_eq!(state_of(word), state, "{word}");
            }
        }
    }

    #[test]
    fn a_run_that_is_over_is_over_whatever_its_word() {
        for phase in ["Running", "Queued", "Vanquished"] {
            let run = Run { phase: phase.to_owned(), completed: Some(true), ..Run::default() };
            assert_eq!(state(&run), State::Unknown, "{phase}");
            assert!(is_over(&run) && is_settled(&run), "{phase}");
        }
        let run = Run { phase: "Completed".to_owned(), completed: Some(true), ..Run::default() };
        assert_eq!(state(&run), State::Completed);
    }

    #[test]
    fn the_score_is_waited_for() {
        let run =
            |completed, score| Run { phase: "Completed".to_owned(), completed, score, ..Run::default() };
        assert!(is_settled(&run(None, Some(50.0))));
        assert!(is_settled(&run(Some(true), Some(0.0))));
        assert!(!is_settled(&run(Some(false), Some(0.0))), "its last event is still to come");
        assert!(!is_settled(&run(None, None)));
        assert!(is_settled(&Run { phase: "Error".to_owned(), ..Run::default() }));
    }
}
