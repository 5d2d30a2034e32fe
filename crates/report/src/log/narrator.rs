//! The narrator: it follows the run event by event, and puts each event into a line.

use std::time::Duration;

use faultgate_core::duration::coarse;
use faultgate_core::model::{ExperimentPlan, Level, RunEvent, Transition, Turn};
use faultgate_core::text;
use jiff::SignedDuration;
use tokio::time::Instant;

/// The facts about one experiment that displays show.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub(super) name: String,
    pub(super) timeout: Duration,
    pub(super) launched: Option<Instant>,
    pub(super) state: String,
    pub(super) ended: bool,
}

impl Shown {
    /// Returns a line such as `az-latency running for 12s of 20m`, or `None` if the experiment does not run.
    pub(super) fn line(&self) -> Option<String> {
        let launched = self.launched.filter(|_| !self.ended)?;
        let elapsed = SignedDuration::try_from(launched.elapsed()).unwrap_or_default();
        let limit = SignedDuration::try_from(self.timeout).unwrap_or_default();
        Some(format!("{} {} for {} of {}", self.name, self.state, coarse(elapsed), coarse(limit)))
    }
}

/// A follower of the run that puts its events into lines.
#[derive(Debug, Default)]
pub(super) struct Narrator {
    pub(super) experiments: Vec<Shown>,
}

impl Narrator {
    /// Returns the line that tells of an event, or `None` if it is not worth one.
    pub(super) fn tell(&mut self, event: &RunEvent<'_>) -> Option<String> {
        match event {
            RunEvent::Started { run, plan } => {
                self.experiments = plan
                    .experiments
                    .iter()
                    .map(|experiment| Shown {
                        name: text::plain(&experiment.name, 64),
                        timeout: experiment.timeout,
                        launched: None,
                        state: String::new(),
                        ended: false,
                    })
                    .collect();
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
            RunEvent::Launched { experiment, id, url } => {
                let shown = self.experiments.get_mut(*experiment)?;
                shown.launched = Some(Instant::now());
                let url = url.map(|url| format!(" {url}")).unwrap_or_default();
                Some(format!("{} launched as {id}{url}", shown.name))
            }
            RunEvent::Transition { experiment, transition } => {
                let shown = self.experiments.get_mut(*experiment)?;
                shown.state.clone_from(&transition.raw_state);
                Some(format!("{} {}", shown.name, describe_transition(transition)))
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
            RunEvent::Stopping { experiment, why } => {
                let shown = self.experiments.get_mut(*experiment)?;
                Some(format!("{} is being stopped: {why}", shown.name))
            }
            RunEvent::Ended { experiment, state, reason, .. } => {
                let shown = self.experiments.get_mut(*experiment)?;
                shown.ended = true;
                let is = if shown.launched.is_some() { state.as_str() } else { "not run" };
                Some(format!("{} {is}: {reason}", shown.name))
            }
            RunEvent::Warning(warning) => Some(format!("{}: {warning}", Level::Warning.as_str())),
            RunEvent::Decided(_) | RunEvent::Tick => None,
        }
    }
}

fn describe_transition(transition: &Transition) -> String {
    let reason = transition.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{} [{}]{reason}", transition.raw_state, transition.source.as_str())
}

fn describe_turn(turn: &Turn) -> String {
    match turn {
        Turn::Fails { reason: Some(reason) } => format!("fails: {reason}"),
        Turn::Fails { reason: None } => "fails".to_owned(),
        Turn::Passes { failed_for } => format!("passes again, after {}", coarse(*failed_for)),
        Turn::Flaps => "turns again and again: what follows is only in the report".to_owned(),
    }
}
