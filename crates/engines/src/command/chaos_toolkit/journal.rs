//! The journal itself, and what follows from it.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::activity::{Activity, MAX_TEXT_CHARS};
use super::declared::DeclaredExperiment;
use super::round::Round;
use crate::injection::{Idle, Injection};
use faultgate_config::Veil;
use faultgate_core::model::{Action, Effect, FaultWindow, Score};
use faultgate_core::text;

/// Number of activities that a report shows. All of them are judged.
const MAX_SHOWN: usize = 200;
/// The parts of a journal that matter here. Chaos Toolkit always writes the fields that are not optional, and
/// a journal without one of them is refused.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(in crate::command) struct ToolkitJournal {
    pub(in crate::command) status: String,
    pub(in crate::command) deviated: bool,
    pub(super) start: Option<String>,
    pub(super) end: Option<String>,
    pub(super) steady_states: SteadyStates,
    pub(super) run: Vec<Activity>,
    pub(super) rollbacks: Vec<Activity>,
    pub(super) experiment: DeclaredExperiment,
}

/// The rounds of probes before, during and after the method.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct SteadyStates {
    pub(super) before: Option<Round>,
    pub(super) after: Option<Round>,
    #[serde(default)]
    pub(super) during: Vec<Option<Round>>,
}

/// Rollbacks that the experiment declares and that did not take the fault away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::command) struct Unrolled {
    /// The names of rollbacks that were not played.
    pub(in crate::command) not_played: Vec<String>,
    /// The rollbacks that did not succeed, each with the reason.
    pub(in crate::command) failed: Vec<String>,
}

impl ToolkitJournal {
    /// Returns the kind of a dry run, in which something was left out.
    pub(in crate::command) fn dry(&self) -> Option<String> {
        match &self.experiment.dry {
            Value::Null | Value::Bool(false) => None,
            Value::String(kind) if kind.is_empty() => None,
            Value::String(kind) => Some(text::plain(kind, MAX_TEXT_CHARS)),
            other => Some(text::plain(&other.to_string(), MAX_TEXT_CHARS)),
        }
    }

    /// Returns the probe by which the system was not in its steady state before anything was done.
    pub(in crate::command) fn not_steady_before(&self) -> Option<&str> {
        let before = self.steady_states.before.as_ref().filter(|state| state.is_unmet())?;
        Some(before.failed().unwrap_or("the steady-state hypothesis"))
    }

    /// Returns a sentence about the point where the journal's words and details disagree. A round after the
    /// method that does not say whether it was met is taken as not measured.
    pub(in crate::command) fn contradiction(&self) -> Option<String> {
        let states = &self.steady_states;
        let after = states.after.as_ref().filter(|round| round.met.is_some());
        let rounds = states.before.iter().map(|round| ("before", round));
        let rounds = rounds.chain(states.during.iter().flatten().map(|round| ("during", round)));
        for (when, round) in rounds.chain(after.map(|round| ("after", round))) {
            if let Some(why) = round.contradiction(self.experiment.probes()) {
                return Some(format!("the steady state {when} the method {why}"));
            }
        }
        match (self.deviated, after.map(Round::is_unmet)) {
            (true, Some(false)) => {
                Some("it says deviated, though each probe after the method was in its tolerance".to_owned())
            }
            (true, None) => {
                Some("it says deviated, though the steady state was not measured after the method".to_owned())
            }
            (false, Some(true)) => {
                let name = after.and_then(Round::failed).unwrap_or("a probe");
                Some(format!(
                    "it does not say deviated, though {name} was out of its tolerance after the method"
                ))
            }
            _ => None,
        }
    }

    /// Returns the probes that failed during or after the method.
    pub(in crate::command) fn deviations(&self) -> Vec<&str> {
        let unmet = self.measured_rounds().filter(|state| state.is_unmet());
        let mut names: Vec<&str> = Vec::new();
        for name in unmet.filter_map(Round::failed) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Returns the share of probes that passed during or after the method. Chaos Toolkit ends a round with
    /// the first probe that fails: those that it left out count as not passed.
    pub(in crate::command) fn share(&self) -> Option<Score> {
        let planned = self.planned_probes();
        let (mut passed, mut total) = (0_u32, 0_u32);
        for state in self.measured_rounds() {
            passed += count(state.probes.iter().filter(|probe| probe.tolerance_met == Some(true)).count());
            total += count(state.probes.len().max(planned));
        }
        (total > 0).then(|| Score::new(100.0 * f64::from(passed) / f64::from(total))).flatten()
    }

    /// Says for each probe of the hypothesis in how many rounds it was out of its tolerance, the most costly
    /// probe first.
    pub(in crate::command) fn losses(&self) -> Vec<String> {
        let rounds = self.measured_rounds().count();
        let mut failures: Vec<(&str, usize)> = Vec::new();
        for name in self.measured_rounds().filter_map(Round::failed) {
            match failures.iter_mut().find(|(known, _)| *known == name) {
                Some((_, times)) => *times += 1,
                None => failures.push((name, 1)),
            }
        }
        failures.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
        let told = |(name, times)| format!("{name} was out of its tolerance in {times} of {rounds} rounds");
        failures.into_iter().map(told).collect()
    }

    /// Returns `true` if a hypothesis was declared and nobody has measured after the method whether it holds.
    pub(in crate::command) fn is_unmeasured_after(&self) -> bool {
        let after = self.steady_states.after.as_ref().and_then(|state| state.met);
        self.planned_probes() > 0 && after.is_none()
    }

    /// Returns `true` if a probe of the hypothesis has failed during the method, which may end the method.
    pub(in crate::command) fn deviated_meanwhile(&self) -> bool {
        self.steady_states.during.iter().flatten().any(Round::is_unmet)
    }

    /// Returns the outcome of the method's actions.
    pub(in crate::command) fn injection(&self) -> Injection {
        let mut injection = Injection::default();
        for activity in self.run.iter().filter(|activity| !activity.is_probe()) {
            match activity.trouble() {
                Some(why) => injection.broken.push(Idle::new(activity.name(), why)),
                None if activity.is_action() => injection.done.push(activity.name().to_owned()),
                None => {}
            }
        }
        injection
    }

    /// Returns the actions of the method that were declared and never begun.
    pub(in crate::command) fn never_begun(&self) -> Vec<String> {
        self.experiment.left_out_actions(&self.run)
    }

    /// Returns the rollbacks that failed or were not played. The lists are empty where nothing was done that
    /// has to be undone.
    pub(in crate::command) fn find_unrolled(&self) -> Unrolled {
        let acted = self.has_acted() && self.run.iter().any(|activity| !activity.is_probe());
        let failed = self.rollbacks.iter().filter(|_| self.has_acted()).filter_map(describe_trouble);
        let not_played = if acted { self.experiment.left_out_rollbacks(&self.rollbacks) } else { Vec::new() };
        Unrolled { not_played, failed: failed.collect() }
    }

    /// Returns the probes of the method that could not look. Chaos Toolkit goes on without them.
    pub(in crate::command) fn blind_probes(&self) -> Vec<String> {
        self.run.iter().filter(|activity| activity.is_probe()).filter_map(describe_trouble).collect()
    }

    /// Returns the activities in their order, as far as a report shows them.
    pub(in crate::command) fn actions(&self) -> Vec<Action> {
        let method = self.run.iter().map(|activity| activity.action(Effect::Injects));
        let rollbacks = self.rollbacks.iter().map(|activity| activity.action(Effect::Recovers));
        let mut actions: Vec<Action> = method.chain(rollbacks).take(MAX_SHOWN).collect();
        if !self.has_acted() {
            let left_out = actions.iter_mut().filter(|action| action.effect != Effect::Asserts);
            left_out.for_each(|action| "left out (dry)".clone_into(&mut action.state));
        }
        actions
    }

    /// Returns the number of activities beyond those that a report shows.
    pub(in crate::command) fn count_not_shown(&self) -> usize {
        (self.run.len() + self.rollbacks.len()).saturating_sub(MAX_SHOWN)
    }

    /// Returns the fault window: from the start of the first action until the fault was taken away by the
    /// first rollback, by `stop` at `undone_at`, or by the end of the last action. `None` if nothing was
    /// done.
    pub(in crate::command) fn fault(&self, undone_at: Option<Timestamp>) -> Option<FaultWindow> {
        let actions = || self.run.iter().filter(|activity| !activity.is_probe());
        let started_at = actions().filter_map(Activity::started_at).min().filter(|_| self.has_acted())?;
        let rolled_back_at = self.rollbacks.iter().filter_map(Activity::started_at).min();
        let last_end = actions().filter_map(Activity::ended_at).max();
        Some(FaultWindow { started_at, ended_at: rolled_back_at.or(undone_at).or(last_end) })
    }

    /// Returns `false` for a dry run, in which actions were left out although the journal tells of them as if
    /// they had been carried out.
    fn has_acted(&self) -> bool {
        !matches!(self.dry().as_deref(), Some("actions" | "activities"))
    }

    /// Returns the number of probes in the hypothesis.
    fn planned_probes(&self) -> usize {
        self.experiment.probes().len()
    }

    /// Returns the rounds during and after the method.
    fn measured_rounds(&self) -> impl Iterator<Item = &Round> {
        self.steady_states.during.iter().flatten().chain(&self.steady_states.after)
    }

    /// Shortens all texts and hides secrets in them: outputs may be of any size and hold anything.
    pub(super) fn shorten(&mut self, veil: &Veil) {
        let states = &mut self.steady_states;
        let rounds = states.during.iter_mut().flatten().chain(&mut states.before).chain(&mut states.after);
        let measured = rounds.flat_map(|round| &mut round.probes);
        self.run
            .iter_mut()
            .chain(&mut self.rollbacks)
            .chain(measured)
            .for_each(|activity| activity.shorten(veil));
        self.status = text::plain(&self.status, MAX_TEXT_CHARS);
    }
}

/// Says what is wrong with an activity, beginning with its name.
fn describe_trouble(activity: &Activity) -> Option<String> {
    activity.trouble().map(|why| format!("{} {why}", activity.name()))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
