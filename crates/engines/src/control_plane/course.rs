//! The course of a fault, as its details tell it: injected, not injected, or not told. Pure. A verdict alone
//! does not say which: a fault that failed may have found a weakness, or may never have begun. A pass
//! that another detail contradicts is never believed.

use super::step::{FailedStep, FaultPhase};
use faultgate_core::model::FaultProbe;

/// The course of a fault. Each text is the end of a sentence that begins with the fault's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FaultCourse {
    /// The fault was injected and did all that it should, even if it found a weakness.
    Acted,
    /// The fault was injected, and one of its own probes ended it early.
    Cut(String),
    /// The fault has not begun.
    Idle(String),
    /// The fault found nothing to inject into.
    NoTarget(String),
    /// The fault could not be injected, or was broken off.
    Broken(String),
    /// The fault was not injected, since the system was not steady.
    Unsteady(String),
    /// The details do not tell whether the fault was injected.
    Untold(String),
}

impl FaultCourse {
    /// Returns `true` if the fault was surely injected.
    pub(super) fn was_in(&self) -> bool {
        matches!(self, Self::Acted | Self::Cut(_))
    }
}

/// The details of a fault, besides its probes. A detail that is not told is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Signs {
    /// `true` if the fault has any data of its own.
    pub(super) has_data: bool,
    /// The verdict by which the control plane counts the fault; "" if it is told and says nothing.
    pub(super) own: Option<String>,
    /// The verdict of the fault's result, which may be newer than `own`.
    pub(super) result: Option<String>,
    /// The words for how the fault stands: its own, its result's and its step's.
    pub(super) status: Vec<String>,
    /// The step that failed, or the word that none did.
    pub(super) step: Option<FailedStep>,
    /// Number of resources that the fault was aimed at.
    pub(super) targets: Option<usize>,
}

/// A verdict, whatever its spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VerdictWord {
    Pass,
    Fail,
    Stopped,
    Error,
    /// The fault has not come to a verdict.
    Waiting,
    Unknown,
}

/// Returns the course of a fault of which nothing but its place in the experiment is told.
fn without_data(signs: &Signs) -> FaultCourse {
    let shown =
        if signs.status.is_empty() { String::new() } else { format!(" (its step is {})", signs.stands()) };
    let why = format!("tells no data{shown}");
    if signs.says(&["error", "failed", "stopped", "interrupted"]) {
        FaultCourse::Broken(why)
    } else {
        FaultCourse::Idle(why)
    }
}

/// Returns the course of a fault, by all of its details.
pub(super) fn course(signs: &Signs, probes: &[FaultProbe]) -> FaultCourse {
    if !signs.has_data {
        return without_data(signs);
    }
    let Some(own) = signs.own.as_deref() else {
        return FaultCourse::Untold("tells no verdict".to_owned());
    };
    let told = signs.result.as_deref().map(|result| (result, word_of(result)));
    let verdict = match (word_of(own), told) {
        (VerdictWord::Pass, Some((said, result))) if result != VerdictWord::Pass => {
            return FaultCourse::Untold(format!("has the verdict {own}, and its result says {said}"));
        }
        // The fault's engine may still wait when its result is there, and agents turn other words into
        // `Fail`.
        (VerdictWord::Waiting, Some((_, result)))
        | (VerdictWord::Fail, Some((_, result @ (VerdictWord::Stopped | VerdictWord::Error)))) => result,
        (own, _) => own,
    };
    match verdict {
        VerdictWord::Pass => judge_passed(signs),
        VerdictWord::Fail => judge_failed(signs, probes),
        VerdictWord::Stopped => judge_stopped(signs, probes),
        VerdictWord::Error => {
            let errored = || FaultCourse::Broken(format!("has the verdict Error{}", step(signs)));
            against(signs).unwrap_or_else(errored)
        }
        VerdictWord::Waiting if signs.says(&["error", "failed", "stopped"]) => {
            FaultCourse::Broken(format!("has no verdict and stands at {}", signs.stands()))
        }
        VerdictWord::Waiting if own.is_empty() => FaultCourse::Idle("has no verdict".to_owned()),
        VerdictWord::Waiting => FaultCourse::Idle(format!("stayed {own}")),
        VerdictWord::Unknown => {
            FaultCourse::Broken(format!("has the verdict {own}, which faultgate does not know"))
        }
    }
}

/// Returns the course of a fault that passed, unless something tells that it did not.
fn judge_passed(signs: &Signs) -> FaultCourse {
    if against(signs).is_some() || signs.says(&["error", "failed", "stopped"]) {
        return FaultCourse::Untold(format!("passed, and stands at {}{}", signs.stands(), step(signs)));
    }
    FaultCourse::Acted
}

/// Returns the course of a fault that failed. One whose probes found a weakness fails, and one that never
/// began does too.
fn judge_failed(signs: &Signs, probes: &[FaultProbe]) -> FaultCourse {
    if let Some(course) = against(signs) {
        return course;
    }
    if signs.says(&["stopped", "interrupted"]) || signs.step.as_ref().is_some_and(FailedStep::is_of_a_stop) {
        return judge_stopped(signs, probes);
    }
    if signs.says(&["error"]) {
        return FaultCourse::Broken(format!("stands at {}{}", signs.stands(), step(signs)));
    }
    // A fault that was stopped looks the same if there is no status.
    if !signs.status.is_empty() && proves_injection(signs, probes) {
        return FaultCourse::Acted;
    }
    FaultCourse::Untold("failed, and nothing tells whether it was injected".to_owned())
}

/// Returns the course of a fault that was stopped: by a probe before it, in it or after it, or by somebody.
fn judge_stopped(signs: &Signs, probes: &[FaultProbe]) -> FaultCourse {
    if let Some(course) = against(signs) {
        return course;
    }
    let failed_in =
        |modes: &[&str]| probes.iter().find(|probe| has_failed(&probe.verdict) && is_in(probe, modes));
    // The number of targets tells when the probe failed: a fault gets its targets only as it is injected.
    match signs.targets {
        Some(1..) => {
            if let Some(probe) = failed_in(&["continuous", "onchaos"]) {
                return FaultCourse::Cut(format!(
                    "was stopped by its own probe {}{}",
                    probe.name,
                    quote_description(probe)
                ));
            }
            if failed_in(&["eot", "edge"]).is_some() {
                return FaultCourse::Acted;
            }
        }
        Some(0) => {
            if let Some(probe) = failed_in(&["sot", "edge", "continuous"]) {
                let why = format!(
                    "was not injected: its probe {} failed before{}",
                    probe.name,
                    quote_description(probe)
                );
                return FaultCourse::Unsteady(why);
            }
        }
        None => {}
    }
    FaultCourse::Broken(format!("was stopped{}", step(signs)))
}

/// Returns the course that the failing step tells, if it speaks against an injection.
fn against(signs: &Signs) -> Option<FaultCourse> {
    let told = signs.step.as_ref()?;
    let text = step(signs);
    if told.phase() == Some(FaultPhase::Before) {
        return Some(if told.is_of_a_check() {
            FaultCourse::Unsteady(format!("was not injected, since a check before it failed{text}"))
        } else {
            FaultCourse::Broken(format!("could not be injected{text}"))
        });
    }
    if told.found_no_target() {
        return Some(if signs.targets.is_some_and(|count| count > 0) {
            FaultCourse::Broken(format!("lost its targets{text}"))
        } else {
            FaultCourse::NoTarget(format!("found no target{text}"))
        });
    }
    told.is_of_the_fault().then(|| FaultCourse::Broken(format!("could not be carried out{text}")))
}

/// Returns `true` if something is told that is there only once a fault was injected.
fn proves_injection(signs: &Signs, probes: &[FaultProbe]) -> bool {
    let looked_later = probes.iter().any(|probe| {
        let failed_later = is_in(probe, &["eot", "onchaos"]) && has_failed(&probe.verdict);
        failed_later
            || (is_in(probe, &["eot", "onchaos", "edge", "continuous"]) && has_passed(&probe.verdict))
    });
    let step = signs.step.as_ref();
    let came_to_its_end =
        signs.says(&["completed", "completed_with_probe_failure", "completed_with_error"]) && step.is_some();
    let failed_later =
        matches!(step.and_then(FailedStep::phase), Some(FaultPhase::During | FaultPhase::After));
    signs.targets.is_some_and(|count| count > 0) || looked_later || came_to_its_end || failed_later
}

impl Signs {
    /// Returns `true` if one of the words for how the fault stands is among these.
    fn says(&self, words: &[&str]) -> bool {
        self.status.iter().any(|status| words.contains(&status.to_ascii_lowercase().as_str()))
    }

    fn stands(&self) -> String {
        self.status.join(", ")
    }
}

fn step(signs: &Signs) -> String {
    let step = signs.step.as_ref().map(FailedStep::text).filter(|step| !step.is_empty());
    step.map(|step| format!(" ({step})")).unwrap_or_default()
}

fn quote_description(probe: &FaultProbe) -> String {
    probe.description.as_deref().map(|said| format!(" ({said})")).unwrap_or_default()
}

fn is_in(probe: &FaultProbe, modes: &[&str]) -> bool {
    let mode = probe.mode.as_deref().unwrap_or_default().to_ascii_lowercase();
    modes.contains(&mode.as_str())
}

fn word_of(verdict: &str) -> VerdictWord {
    match first_word(verdict).as_str() {
        "pass" | "passed" => VerdictWord::Pass,
        "fail" | "failed" => VerdictWord::Fail,
        "stopped" | "abort" | "aborted" => VerdictWord::Stopped,
        "error" => VerdictWord::Error,
        "" | "awaited" | "n/a" | "na" | "skipped" => VerdictWord::Waiting,
        _ => VerdictWord::Unknown,
    }
}

pub(super) fn has_passed(verdict: &str) -> bool {
    word_of(verdict) == VerdictWord::Pass
}

pub(super) fn has_failed(verdict: &str) -> bool {
    word_of(verdict) == VerdictWord::Fail
}

pub(super) fn has_stopped(verdict: &str) -> bool {
    word_of(verdict) == VerdictWord::Stopped
}

/// Returns the verdict alone, since some agents add a picture to it.
fn first_word(verdict: &str) -> String {
    verdict.split_whitespace().next().unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
#[path = "course_tests.rs"]
mod tests;
