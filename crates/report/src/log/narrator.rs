//! The narrator: it follows the run event by event, and puts each event into a line.

use std::time::Duration;

use faultgate_core::duration::{coarse, exact};
use faultgate_core::model::{
    ExperimentPlan, Forecast, Level, RunEvent, Score, State, Transition, Turn, Verdict, weighted_mean,
};
use faultgate_core::text;
use tokio::time::Instant;

use super::medium::Tone;

/// Most characters of a state in the engine's word.
const MAX_STATE_CHARS: usize = 40;
/// Most characters of the names of the actions that run.
const MAX_ACTING_CHARS: usize = 80;

/// The facts about one experiment that displays show.
#[derive(Debug, Clone, Default)]
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) timeout: Duration,
    pub(super) launched: Option<Instant>,
    /// Moment since which it is pending no more.
    pub(super) begun: Option<Instant>,
    pub(super) forecast: Forecast,
    pub(super) state: String,
    /// `true` if the engine has a score of its own.
    pub(super) has_own_score: bool,
    pub(super) weight: u32,
    pub(super) ended: bool,
    pub(super) has_passed: bool,
    pub(super) score: Option<Score>,
}

impl Shown {
    /// Returns the time since the launch.
    pub(super) fn elapsed(&self) -> Duration {
        self.launched.map(|launched| launched.elapsed()).unwrap_or_default()
    }

    /// Returns the names of the actions that should run by now.
    pub(super) fn acting(&self) -> String {
        let Some(since) = self.begun else { return String::new() };
        let since = since.elapsed();
        let acting =
            self.forecast.actions.iter().filter(|action| action.starts <= since && since < action.ends);
        text::plain(
            &acting.map(|action| action.name.as_str()).collect::<Vec<_>>().join(" + "),
            MAX_ACTING_CHARS,
        )
    }
}

/// A line of the log, and its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ToldLine {
    pub(super) tone: Tone,
    pub(super) text: String,
}

/// A follower of the run that puts its events into lines.
#[derive(Debug, Default)]
pub(super) struct Narrator {
    pub(super) experiments: Vec<Shown>,
    /// `true` if it leaves out how each state was learned.
    is_terse: bool,
    is_dry_run: bool,
}

impl Narrator {
    /// Creates one that leaves out how each state was learned.
    pub(super) fn terse() -> Self {
        Self { is_terse: true, ..Self::default() }
    }

    /// Returns the experiments that run, with their places in the plan.
    pub(super) fn running(&self) -> impl Iterator<Item = (usize, &Shown)> {
        self.experiments.iter().enumerate().filter(|(_, shown)| shown.launched.is_some() && !shown.ended)
    }

    /// Returns the experiments that have ended.
    pub(super) fn ended(&self) -> impl Iterator<Item = &Shown> {
        self.experiments.iter().filter(|shown| shown.ended)
    }

    /// Returns the mean score of the experiments that have ended. None if one of them has none.
    pub(super) fn score_so_far(&self) -> Option<Score> {
        weighted_mean(self.ended().map(|shown| (shown.score, shown.weight)))
    }

    /// Returns the line that tells of an event with its meaning, or `None` if it is not worth one.
    pub(super) fn tell(&mut self, event: &RunEvent<'_>) -> Option<ToldLine> {
        let tone = tone_of(event);
        self.put_in_words(event).map(|text| ToldLine { tone, text })
    }

    fn put_in_words(&mut self, event: &RunEvent<'_>) -> Option<String> {
        match event {
            RunEvent::Started { run, plan } => {
                self.experiments = plan
                    .experiments
                    .iter()
                    .map(|experiment| Shown {
                        name: text::short(&experiment.name, 64),
                        timeout: experiment.timeout,
                        has_own_score: experiment.spec.kind().has_own_score(),
                        weight: experiment.weight,
                        ..Shown::default()
                    })
                    .collect();
                self.is_dry_run = plan.dry_run;
                let count = plan.experiments.len();
                let has_choice = |experiment: &ExperimentPlan| experiment.spec.kind().has_choice_of_monitor();
                let monitored = if plan.experiments.iter().any(has_choice) {
                    format!(", monitored by {}", plan.monitor.as_str())
                } else {
                    String::new()
                };
                let plural = if count == 1 { "" } else { "s" };
                let dry = if plan.dry_run { ", dry run" } else { "" };
                Some(format!("run {}: {count} experiment{plural}{monitored}{dry}", run.id))
            }
            RunEvent::Found(finding) => {
                let remedy =
                    finding.remedy.as_deref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
                let level = finding.level.as_str();
                Some(format!("{level}: {}: {}{remedy}", finding.subject, finding.message))
            }
            RunEvent::Subscribed { name, handshake_ms } => {
                Some(format!("subscribed by {name}: the handshake took {handshake_ms} ms"))
            }
            RunEvent::Previewed { experiment, preview } => {
                let shown = self.experiments.get(*experiment)?;
                Some(format!(
                    "{} would hit {} (preview {})",
                    shown.name,
                    preview.describe(),
                    preview.experiment_id
                ))
            }
            RunEvent::Launched { experiment, id, url, forecast } => {
                let shown = self.experiments.get_mut(*experiment)?;
                shown.launched = Some(Instant::now());
                shown.forecast = (*forecast).clone();
                "launched".clone_into(&mut shown.state);
                let url = url.map(|url| format!(" {url}")).unwrap_or_default();
                Some(format!("{} launched as {id}{url}", shown.name))
            }
            RunEvent::Transition { experiment, transition } => {
                let shown = self.experiments.get_mut(*experiment)?;
                shown.state = text::plain(&transition.raw_state, MAX_STATE_CHARS);
                if transition.state.rank() > State::Pending.rank() {
                    shown.begun.get_or_insert_with(Instant::now);
                }
                Some(format!("{} {}", shown.name, describe_transition(transition, self.is_terse)))
            }
            RunEvent::AlarmChanged { experiment, change } => {
                let shown = self.experiments.get(*experiment)?;
                let reason = change.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
                Some(format!("{}: alarm {}{reason}", shown.name, change.in_words()))
            }
            RunEvent::ProbeTurned { experiment, probe, turn } => {
                let shown = self.experiments.get(*experiment)?;
                Some(format!("{}: probe {probe} {}", shown.name, describe_turn(turn)))
            }
            RunEvent::Recovering { experiment, probes, within } => {
                let shown = self.experiments.get(*experiment)?;
                let (within, probes) = (exact(*within), probes.join(", "));
                Some(format!("{}: waiting up to {within} for {probes} to recover", shown.name))
            }
            RunEvent::Stopping { experiment, why } => {
                let shown = self.experiments.get_mut(*experiment)?;
                Some(format!("{} is being stopped: {why}", shown.name))
            }
            RunEvent::Ended { experiment, state, verdict, score, reason, .. } => {
                let shown = self.experiments.get_mut(*experiment)?;
                (shown.ended, shown.has_passed, shown.score) = (true, *verdict == Verdict::Passed, *score);
                let is = match shown.launched {
                    None => "not run",
                    // Only some engines launch something in a dry run.
                    Some(_) if self.is_dry_run => shown.state.as_str(),
                    Some(_) => state.as_str(),
                };
                // An experiment that completes may still have shown a weakness.
                let but = match verdict {
                    Verdict::Failed | Verdict::Errored if *state == State::Completed && !self.is_dry_run => {
                        format!(", but {verdict}")
                    }
                    _ => String::new(),
                };
                Some(format!("{} {is}{but}: {reason}", shown.name))
            }
            RunEvent::Warning(warning) => Some(format!("{}: {warning}", Level::Warning.as_str())),
            RunEvent::Decided(_) | RunEvent::Tick(_) => None,
        }
    }
}

/// Returns the meaning of the line that tells of an event.
fn tone_of(event: &RunEvent<'_>) -> Tone {
    match event {
        RunEvent::Found(finding) => match finding.level {
            Level::Error => Tone::Bad,
            Level::Warning => Tone::Caution,
            Level::Ok => Tone::Good,
            Level::Note => Tone::Plain,
        },
        RunEvent::ProbeTurned { turn, .. } => match turn {
            Turn::Fails { .. } | Turn::Calms { passes: false } => Tone::Bad,
            Turn::Passes { .. } | Turn::Calms { passes: true } => Tone::Good,
            Turn::Flaps | Turn::Flapped { .. } => Tone::Caution,
        },
        RunEvent::Ended { verdict: Verdict::Passed, .. } => Tone::Good,
        RunEvent::Ended { .. } => Tone::Bad,
        RunEvent::Stopping { .. } | RunEvent::Warning(_) | RunEvent::AlarmChanged { .. } => Tone::Caution,
        RunEvent::Transition { .. } | RunEvent::Subscribed { .. } => Tone::Faint,
        RunEvent::Launched { .. } => Tone::Strong,
        RunEvent::Started { .. }
        | RunEvent::Previewed { .. }
        | RunEvent::Recovering { .. }
        | RunEvent::Decided(_)
        | RunEvent::Tick(_) => Tone::Plain,
    }
}

fn describe_transition(transition: &Transition, is_terse: bool) -> String {
    let reason = transition.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    let source = if is_terse { String::new() } else { format!(" [{}]", transition.source.as_str()) };
    format!("{}{source}{reason}", transition.raw_state)
}

fn describe_turn(turn: &Turn) -> String {
    match turn {
        Turn::Fails { reason: Some(reason) } => format!("fails: {reason}"),
        Turn::Fails { reason: None } => "fails".to_owned(),
        Turn::Passes { failed_for } => format!("passes again, after {}", coarse(*failed_for)),
        Turn::Flaps => "turns again and again: its looks are summed up from now on".to_owned(),
        Turn::Flapped { failed, evaluations, within, reason } => {
            let last = reason.as_deref().map(|reason| format!("; the last: {reason}")).unwrap_or_default();
            format!("flaps: {failed} of {evaluations} failed in the last {}{last}", coarse(*within))
        }
        Turn::Calms { passes } => {
            let how = if *passes { "passes" } else { "fails" };
            format!("flaps no more: it {how} all the time")
        }
    }
}
