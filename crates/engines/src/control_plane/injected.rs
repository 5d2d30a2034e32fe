//! The judgement of what a run has injected, by its counts and by the course of each of its faults. Pure.
//! The counts never make better what the details of the faults tell.

use super::course::FaultCourse;
use super::execution::ToldFault;
use super::manager::FaultCounts;
use crate::injection::{Idle, Injection, Weighed};
use faultgate_core::model::InjectionRule;

/// The verdict on what a run has injected.
#[derive(Debug, PartialEq)]
pub(super) enum Injected {
    Something {
        names: Vec<String>,
        warnings: Vec<String>,
    },
    /// Nothing was injected. `by_choice` is `true` if there was nothing to inject into, or nothing has begun;
    /// an error is no choice.
    Nothing {
        why: String,
        by_choice: bool,
    },
    TooLittle(String),
    Unsteady(String),
    Unknown(String),
}

/// Judges what was injected. Both the counts and the faults' own details must say that something was. The
/// counts alone suffice only if every fault has passed, since a fault that failed may never have been
/// injected.
pub(super) fn judge_injected(counts: &FaultCounts, told: &[ToldFault], rule: InjectionRule) -> Injected {
    let by_details = (!told.is_empty()).then(|| by_course(told, rule));
    match (judge_counts(counts), by_details) {
        // The counts say that no fault ran, and the details contradict them: nothing is believed to be
        // injected.
        (Counted::None(why), None | Some(Injected::Something { .. })) => {
            Injected::Nothing { why, by_choice: true }
        }
        (_, Some(by_details)) => by_details,
        (counted, None) => by_counts(counted, counts),
    }
}

/// Returns `true` if the fault says nothing against a run that injects nothing.
fn is_harmless(course: &FaultCourse) -> bool {
    matches!(course, FaultCourse::Acted | FaultCourse::Idle(_) | FaultCourse::NoTarget(_))
}

fn by_course(told: &[ToldFault], rule: InjectionRule) -> Injected {
    let mut injection = Injection::default();
    let mut unsteady: Option<String> = None;
    for ToldFault { name, course, .. } in told {
        match course {
            FaultCourse::Acted | FaultCourse::Cut(_) => injection.done.push(name.clone()),
            FaultCourse::Idle(why) => injection.idle.push(Idle::new(name, why)),
            FaultCourse::NoTarget(why) | FaultCourse::Broken(why) => {
                injection.broken.push(Idle::new(name, why));
            }
            FaultCourse::Unsteady(why) => {
                unsteady.get_or_insert_with(|| format!("{name} {why}"));
                injection.broken.push(Idle::new(name, why));
            }
            // One fault that nobody knows of leaves the whole run unknown, whatever the others did.
            FaultCourse::Untold(why) => return Injected::Unknown(format!("{name} {why}")),
        }
    }
    match (injection.weigh(rule), unsteady) {
        (Weighed::Nothing(_), Some(why)) => Injected::Unsteady(why),
        (Weighed::Nothing(why), None) => {
            Injected::Nothing { why, by_choice: told.iter().all(|told| is_harmless(&told.course)) }
        }
        (Weighed::TooLittle(why), _) => Injected::TooLittle(why),
        (Weighed::Enough { warnings }, _) => Injected::Something { names: injection.done, warnings },
    }
}

fn by_counts(counted: Counted, counts: &FaultCounts) -> Injected {
    match counted {
        Counted::None(why) => Injected::Nothing { why, by_choice: true },
        Counted::AllPassed(count) => {
            let names = if count == 1 { "1 fault".to_owned() } else { format!("{count} faults") };
            Injected::Something { names: vec![names], warnings: Vec::new() }
        }
        Counted::Unknown => {
            let told = in_words(counts);
            let told = if told.is_empty() { "nor how they ended".to_owned() } else { format!("only {told}") };
            Injected::Unknown(format!("its faults are not told, {told}"))
        }
    }
}

/// The verdict of the counts alone.
enum Counted {
    None(String),
    AllPassed(u64),
    Unknown,
}

fn judge_counts(counts: &FaultCounts) -> Counted {
    let ran = [counts.passed, counts.failed, counts.stopped];
    let others = [counts.failed, counts.stopped, counts.awaited, counts.not_available];
    let sum = |of: &[Option<u64>]| of.iter().flatten().fold(0_u64, |sum, count| sum.saturating_add(*count));
    let passed = counts.passed.unwrap_or_default();
    match counts.total {
        Some(0) => Counted::None("it has no faults".to_owned()),
        _ if sum(&ran) == 0 && ran.iter().all(Option::is_some) => {
            Counted::None(format!("no fault ran ({})", in_words(counts)))
        }
        Some(total) if passed == total && sum(&others) == 0 => Counted::AllPassed(passed),
        // Every other count must be told if there is no total: a missing one could hide a fault that failed.
        None if passed > 0 && others.iter().all(|count| *count == Some(0)) => Counted::AllPassed(passed),
        _ => Counted::Unknown,
    }
}

/// Returns what the counts tell, in words; empty if they tell nothing.
pub(super) fn in_words(counts: &FaultCounts) -> String {
    let all = [
        ("in all", counts.total),
        ("passed", counts.passed),
        ("failed", counts.failed),
        ("awaited", counts.awaited),
        ("stopped", counts.stopped),
        ("not available", counts.not_available),
    ];
    let told: Vec<String> =
        all.into_iter().filter_map(|(what, count)| Some(format!("{} {what}", count?))).collect();
    told.join(", ")
}
