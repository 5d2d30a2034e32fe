//! The inputs `compare-to` and `max-score-drop`.
//!
//! The earlier result is read together with the settings: before anything is launched, and before the run
//! removes the files of an earlier run, among which this result may be.

use std::path::Path;

use faultgate_core::mistake::{Mistake, Problem};
use faultgate_core::model::{CompareTo, Earlier, RunResult, Shard};

use super::result_file::read;
use crate::inputs::table::{COMPARE_TO, MAX_SCORE_DROP};
use crate::layers::merge::DEFAULT;
use crate::layers::values::Values;

const COMPARE: &str = COMPARE_TO.name();
const DROP: &str = MAX_SCORE_DROP.name();

/// Facts about the current run that decide whether a comparison makes sense.
#[derive(Debug, Clone, Copy)]
pub struct Compared {
    /// `true` in a rehearsal; `None` where nobody knows, since the results could not be read.
    pub is_rehearsal: Option<bool>,
    pub is_dry_run: bool,
    /// The shard that this run is.
    pub shard: Option<Shard>,
    /// `true` if this run is not the whole suite.
    pub is_part: bool,
}

/// Reads the earlier result that the run is compared with. A result that cannot be compared is a mistake
/// where the gate needs it (`max-score-drop`), and a warning otherwise.
pub(crate) fn read_earlier(
    values: &Values,
    dir: &Path,
    now: Compared,
    mistakes: &mut Vec<Mistake>,
    warnings: &mut Vec<String>,
) -> Option<CompareTo> {
    let is_gated = values.set(MAX_SCORE_DROP).is_some();
    if is_gated && values.set(COMPARE_TO).is_none() {
        let origin = values.set(MAX_SCORE_DROP).unwrap_or(DEFAULT);
        let hint = format!(
            "set {COMPARE} to the result.json of an earlier run, or, on the first run, neither of them"
        );
        let mistake = Mistake::new(origin, format!("{DROP}: needs {COMPARE}")).hint(hint);
        mistakes.push(mistake.at(values.place(MAX_SCORE_DROP)));
    }
    let path = values.get(COMPARE_TO)?;
    if now.is_dry_run {
        warnings.push(format!("{COMPARE} has no effect in a dry run, which measures nothing"));
        return None;
    }
    match read(&dir.join(path)).and_then(|earlier| comparable(earlier, now.is_rehearsal, now.is_part)) {
        Ok(earlier) => {
            if is_gated && now.is_part {
                let part =
                    now.shard.map_or("some of the experiments".to_owned(), |shard| format!("shard {shard}"));
                warnings.push(format!(
                    "{DROP} is not applied to {part}, since a part's score is not the suite's: faultgate report \
                     --merge applies it to the whole"
                ));
            }
            Some(CompareTo { earlier, max_score_drop: values.get(MAX_SCORE_DROP) })
        }
        Err(why) if is_gated => {
            let hint = format!("on the first run set neither {COMPARE} nor {DROP}");
            let problem = Problem::new(format!("{}, and {DROP} needs it", why.what));
            let hint = why.hint.map_or_else(|| hint.clone(), |first| format!("{first}, or {hint}"));
            mistakes.push(values.mistake(COMPARE_TO, problem.hint(hint)));
            None
        }
        Err(why) => {
            let problem = Problem::new(format!("{}; nothing is compared", why.what));
            warnings.push(values.mistake(COMPARE_TO, problem).to_string());
            None
        }
    }
}

/// The figures of an earlier result, if it is of the same nature as the run.
fn comparable(earlier: RunResult, is_rehearsal: Option<bool>, is_part: bool) -> Result<Earlier, Problem> {
    let refused = |what: &str| Err(Problem::new(what));
    if let Some(what) = earlier.contradiction() {
        return refused(&what);
    }
    match (earlier.rehearsal.is_some(), is_rehearsal) {
        (true, Some(false)) => return refused("is of a rehearsal, and this is a real run"),
        (false, Some(true)) => return refused("is of a real run, and this is a rehearsal"),
        _ => {}
    }
    if earlier.dry_run {
        return refused("is of a dry run, which has measured nothing");
    }
    let named = earlier.plan.as_ref().map_or(0, |plan| plan.experiments.len());
    let was_part = earlier.run.shard.is_some_and(|shard| !shard.is_whole())
        || (named > 0 && named != earlier.experiments.len());
    if was_part && !is_part {
        return refused("is of a part of a suite, whose score is not the suite's");
    }
    if earlier.gate.resilience_score.is_none() {
        return refused("has no resilience score: it was not known");
    }
    Ok(Earlier::from(earlier))
}

#[cfg(test)]
#[path = "comparison_tests.rs"]
mod tests;
