//! The context of a judgement on a command, and the judgements that end and journal have in common.

use super::end::{CommandEnd, Exit};
use crate::{Judgement, Record, StopCause};
use faultgate_core::model::{CommandSpec, InjectionRule, Score, ScoreSource, Verdict};
use faultgate_core::text;

/// Maximum length, in characters, of a command or of an output within a reason: none may hide what else there
/// is to tell.
pub(super) const MAX_SAID_CHARS: usize = 200;
/// Maximum length, in characters, of a command that a reason hands to its reader. One that is cut off would undo
/// something else.
const MAX_BY_HAND_CHARS: usize = 400;

/// The facts that decide, besides the record.
pub(super) struct CommandContext<'a> {
    pub(super) spec: &'a CommandSpec,
    pub(super) end: Option<&'a CommandEnd>,
    pub(super) dry_run: bool,
    pub(super) injection: InjectionRule,
    /// The reason for a stop that the run asked for.
    pub(super) stop: Option<&'a StopCause>,
}

/// Returns a verdict of `passed`, with the score that the engine itself has measured if there is one.
pub(super) fn judge_passed(record: &Record, score: Option<Score>, reason: String) -> Judgement {
    Judgement {
        score: Some(score.unwrap_or(Score::FULL)),
        score_source: Some(if score.is_some() { ScoreSource::Engine } else { ScoreSource::Completion }),
        ..Judgement::plain(record.state, Verdict::Passed, reason)
    }
}

/// Says how the process ended, as a sentence.
pub(super) fn describe_end(end: &CommandEnd, spec: &CommandSpec) -> String {
    let shown = text::plain(&spec.run.shown, MAX_SAID_CHARS);
    let expected = match &end.exit {
        _ if end.expected => String::new(),
        Some(Exit::Code(_)) => format!(", expected {}", spec.expected_exit_code),
        _ => String::new(),
    };
    let exit = end.exit.as_ref().map_or_else(|| "it could not be killed".to_owned(), ToString::to_string);
    let said = end
        .output
        .last()
        .filter(|_| !end.expected)
        .map(|line| format!(" ({})", text::plain(line, MAX_SAID_CHARS)));
    let said = said.unwrap_or_default();
    format!("{shown}: {exit}{expected}{said}")
}

/// Returns the command that a person runs, or where to find it if it is too long to stand in a sentence.
pub(super) fn by_hand(command: &str) -> String {
    if command.chars().count() <= MAX_BY_HAND_CHARS {
        text::code(command)
    } else {
        "the stop command of this experiment in the suite".to_owned()
    }
}
