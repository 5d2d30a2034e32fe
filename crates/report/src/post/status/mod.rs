//! Commit statuses: one for each experiment, and one for the run.
//!
//! A `queue` holds the newest word of each context, and `courier` posts them beside the run, so that a slow
//! forge delays nobody; `pace` keeps them within the limits of the forge. `style` gives the names. No status may
//! hide the failure of another job that uses the same name.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::task::AbortOnDropHandle;

mod courier;
mod pace;
mod queue;
mod style;

use self::courier::{PostOffice, carry};
use self::queue::{Obstacle, Queue};
pub use self::style::StatusStyle;
use crate::forge::{Again, Connection, StatusState};
use crate::sink::{Sink, Stage, no_forge, report_failed, report_refused_by, report_skipped, report_written};
use crate::words::{name_warnings, warnings};
use faultgate_core::model::{Gate, Reported, RunEvent, RunResult, Score, State, Verdict};

/// The remedy if another job posts under the same name.
const REMEDY: &str = "set `matrix` to what tells the jobs apart, or `status-context` to a name of each";
/// The remedy if the limits of the forge left no room for the status of the run.
const LIMIT_OF_RUN: &str = "whoever uses the same token uses up its limits, so give the job a token of its own, or post the \
                            status later in the same run of the pipeline by faultgate report --merge with its result.json";
/// The remedy if the limits of the forge left no room for those of experiments alone.
const LIMIT_OF_EXPERIMENTS: &str = "the run's own status is told; set `commit-status` to run, or give the job a token of \
                                    its own";
/// Number of contexts without any status that are named. All that are left pending are named.
const MAX_NAMED: usize = 5;

/// The statuses of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusScope {
    /// `true` if each experiment has a status.
    pub experiments: bool,
    /// `true` if the run has one of its own.
    pub run: bool,
}

impl StatusScope {
    /// One status for the run alone.
    pub const RUN: Self = Self { experiments: false, run: true };

    /// One status for each experiment and one for the run. The status of a single experiment stands for its run,
    /// unless that is a part of a suite.
    pub fn all(experiments: usize, is_part: bool) -> Self {
        Self { experiments: true, run: experiments > 1 || is_part }
    }
}

/// The sink that posts the commit statuses of a run.
pub struct CommitStatuses {
    style: StatusStyle,
    connection: Connection,
    office: Arc<PostOffice>,
    courier: AbortOnDropHandle<()>,
    /// Names of the experiments, in the order of the plan.
    names: Vec<String>,
    scope: StatusScope,
    /// Warnings of the experiments that have ended, by their places in the plan.
    warnings: Vec<Vec<String>>,
    /// Says of each experiment, by its place in the plan, whether it has ended.
    ended: Vec<bool>,
    /// The end of the experiment that stands for the run.
    end: Option<StatusEnd>,
}

/// The end of an experiment or of the run, as a status tells it.
#[derive(Debug, Clone)]
struct StatusEnd {
    verdict: Verdict,
    score: Option<Score>,
    text: String,
}

impl StatusEnd {
    fn of_gate(gate: &Gate, warnings: &[String]) -> Self {
        let text = with_warnings(&gate.reasons.join("; "), warnings);
        Self { verdict: gate.verdict, score: gate.resilience_score, text }
    }

    /// Returns the words of the status. The score comes first, unless the reason tells it already.
    fn in_words(&self) -> String {
        let score = self.score.filter(|_| !self.text.contains("score "));
        let score = score.map(|score| format!("score {score}: ")).unwrap_or_default();
        format!("{}: {score}{}", self.verdict, self.text)
    }
}

impl CommitStatuses {
    const SINK: &'static str = "commit status";

    pub fn new(experiments: &[&str], scope: StatusScope, style: StatusStyle, connection: Connection) -> Self {
        let each = experiments.iter().filter(|_| scope.experiments);
        let contexts = each.map(|name| style.context(Some(name))).collect();
        let office = PostOffice::new(Queue::new(contexts, scope.run.then(|| style.context(None))));
        let courier = hire(&office, &connection);
        let names: Vec<String> = experiments.iter().map(|name| (*name).to_owned()).collect();
        let warnings = vec![Vec::new(); names.len()];
        let ended = vec![false; names.len()];
        Self { style, connection, office, courier, names, scope, warnings, ended, end: None }
    }

    /// The place of an experiment's status in the queue, if it has one.
    fn place_of(&self, experiment: usize) -> Option<usize> {
        (self.scope.experiments && experiment < self.names.len()).then_some(experiment)
    }

    /// The place of the run's status in the queue, if it has one.
    fn place_of_run(&self) -> Option<usize> {
        let experiments = if self.scope.experiments { self.names.len() } else { 0 };
        self.scope.run.then_some(experiments)
    }

    fn say(&self, place: Option<usize>, state: StatusState, what: &str) {
        let Some(place) = place else { return };
        self.office.change(|queue| {
            let Some(context) = queue.context(place).map(str::to_owned) else { return };
            queue.say(place, self.style.status(context, state, what));
        });
    }

    fn say_end(&self, place: Option<usize>, end: &StatusEnd) {
        self.say(place, state_of(end.verdict), &end.in_words());
    }

    /// Says how the run ended, in its own status or in that of the experiment that stands for it.
    fn say_end_of_run(&self, gate: &Gate, warnings: &[String], ended: Option<&StatusEnd>) {
        let of_gate = StatusEnd::of_gate(gate, warnings);
        if self.scope.run {
            return self.say_end(self.place_of_run(), &of_gate);
        }
        // The gate may know more than the experiment's engine did.
        let ended = ended.filter(|ended| ended.verdict == gate.verdict);
        self.say_end(self.place_of(0), ended.unwrap_or(&of_gate));
    }

    /// Says whether all other experiments have ended.
    fn is_last(&self, experiment: usize) -> bool {
        self.ended.iter().enumerate().all(|(place, ended)| *ended || place == experiment)
    }

    /// `true` if the status of the only experiment stands for the run.
    fn stands_for_run(&self) -> bool {
        !self.scope.run && self.names.len() == 1
    }

    /// Says everything that a result tells. Words that are said already are not posted again.
    fn say_all(&self, result: &RunResult) {
        let mut ends = result.experiments.iter().map(|experiment| StatusEnd {
            verdict: experiment.verdict,
            score: experiment.score,
            text: with_warnings(&experiment.reason, &experiment.warnings),
        });
        if self.stands_for_run() {
            return self.say_end_of_run(&result.gate, &[], ends.next().as_ref());
        }
        if self.scope.run {
            self.say_end_of_run(&result.gate, &warnings(result).collect::<Vec<_>>(), None);
        }
        for (experiment, end) in ends.enumerate() {
            self.say_end(self.place_of(experiment), &end);
        }
    }

    /// Returns what to do where the forge's limits left no room.
    fn remedy_of_limit(&self, queue: &Queue) -> &'static str {
        let place = self.place_of_run().or(self.place_of(0).filter(|_| self.stands_for_run()));
        let of_run = place.and_then(|place| queue.context(place));
        let lost = [queue.left_pending(), queue.left_untold()].concat();
        if lost.into_iter().any(|context| Some(context) == of_run) {
            LIMIT_OF_RUN
        } else {
            LIMIT_OF_EXPERIMENTS
        }
    }

    /// Returns how the statuses fared. `cut` is the reason if the wait for them was cut off.
    fn report(&self, cut: Option<&str>) -> Reported {
        let queue = self.office.queue();
        let (mut refused, mut hidden) = (None, None);
        for obstacle in queue.obstacles() {
            match obstacle {
                Obstacle::Refused(failure) => refused = refused.or(Some(failure)),
                Obstacle::Hidden(said) => hidden = hidden.or(Some(said)),
            }
        }
        let lost = describe_lost(&queue.left_pending(), &queue.left_untold());
        let lost = |mut reported: Reported| {
            let detail = lost.clone().into_iter().chain(reported.detail.take());
            reported.detail = Some(detail.collect::<Vec<_>>().join("; "));
            reported
        };
        match (refused, hidden) {
            // The contexts come first, since the end may be cut off where a line is short.
            (Some(failure), _) => {
                let reported = lost(report_refused_by(&self.connection, Self::SINK, failure));
                match failure.kind.again {
                    Again::After(_) => reported.with_remedy(self.remedy_of_limit(&queue)),
                    Again::Never | Again::Soon | Again::Anew => reported,
                }
            }
            _ if !queue.is_settled() => {
                lost(report_failed(Self::SINK, cut.unwrap_or("they were not posted in time")))
            }
            (None, Some(said)) => report_skipped(Self::SINK, said).with_remedy(REMEDY),
            (None, None) => report_written(Self::SINK),
        }
    }
}

/// Starts the courier.
fn hire(office: &Arc<PostOffice>, connection: &Connection) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(carry(Arc::clone(office), connection.clone())))
}

/// Returns a sentence about the contexts whose last word was lost, or `None` where it adds nothing to the
/// refusal of the only one.
fn describe_lost(pending: &[&str], untold: &[&str]) -> Option<String> {
    let mut said = Vec::new();
    if !pending.is_empty() {
        said.push(format!("left pending: {}", pending.join(", ")));
    }
    if pending.len() + untold.len() > 1 && !untold.is_empty() {
        let named = untold.iter().take(MAX_NAMED).copied().collect::<Vec<_>>().join(", ");
        let more = untold.len().saturating_sub(MAX_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        said.push(format!("not told: {named}{more}"));
    }
    (!said.is_empty()).then(|| said.join("; "))
}

/// Returns the reason, and after it the warnings.
fn with_warnings(reason: &str, warnings: &[String]) -> String {
    match warnings {
        [] => reason.to_owned(),
        warnings => format!("{reason}; warning: {}", warnings.join("; ")),
    }
}

fn state_of(verdict: Verdict) -> StatusState {
    match verdict {
        Verdict::Passed => StatusState::Success,
        Verdict::Failed => StatusState::Failure,
        Verdict::Errored | Verdict::TimedOut => StatusState::Error,
        Verdict::Cancelled => StatusState::Cancelled,
    }
}

#[async_trait(?Send)]
impl Sink for CommitStatuses {
    fn name(&self) -> &str {
        Self::SINK
    }

    fn stage(&self) -> Stage {
        Stage::Network
    }

    fn on(&mut self, event: &RunEvent<'_>) {
        match event {
            RunEvent::Launched { experiment, id, .. } => {
                self.say(self.place_of_run(), StatusState::Pending, "experiments are running");
                self.say(self.place_of(*experiment), StatusState::Pending, &format!("launched as {id}"));
            }
            RunEvent::Transition { experiment, transition } if transition.state == State::Running => {
                self.say(self.place_of(*experiment), StatusState::Running, "the experiment is running");
            }
            // The look for a rival goes out while the end is confirmed.
            RunEvent::Transition { experiment, transition } if transition.state.is_terminal() => {
                let of_run = self.place_of_run().filter(|_| self.is_last(*experiment));
                for place in of_run.into_iter().chain(self.place_of(*experiment)) {
                    self.office.change(|queue| queue.foresee(place));
                }
            }
            RunEvent::Ended { experiment, verdict, score, reason, warnings, .. } => {
                let text = with_warnings(reason, warnings);
                let end = StatusEnd { verdict: *verdict, score: *score, text };
                if let Some(ended) = self.ended.get_mut(*experiment) {
                    *ended = true;
                    self.warnings[*experiment] = warnings.to_vec();
                }
                if self.stands_for_run() {
                    self.end = Some(end);
                } else {
                    self.say_end(self.place_of(*experiment), &end);
                }
            }
            RunEvent::Decided(gate) if self.scope.run || self.stands_for_run() => {
                let warnings = self.names.iter().zip(&self.warnings);
                let is_alone = self.names.len() == 1;
                let warnings: Vec<String> =
                    warnings.flat_map(|(name, warnings)| name_warnings(name, warnings, is_alone)).collect();
                self.say_end_of_run(gate, &warnings, self.end.as_ref());
            }
            _ => {}
        }
    }

    async fn finish(&mut self, result: &RunResult) -> Option<Reported> {
        self.say_all(result);
        self.office.change(Queue::close);
        if let Err(why) = self.connection.forge().await {
            return Some(no_forge(Self::SINK, why));
        }
        if self.courier.is_finished() {
            // A panic has ended it, and what it had under way is posted by another one.
            self.office.queue().recover();
            self.courier = hire(&self.office, &self.connection);
        }
        tokio::select! {
            () = self.office.wait_until_settled() => {}
            ended = &mut self.courier => {
                let why = ended.err().map_or_else(|| "it ended early".to_owned(), |error| error.to_string());
                return Some(report_failed(Self::SINK, why));
            }
        }
        Some(self.report(None))
    }

    fn cut_off(&mut self, result: &RunResult, why: &str) -> Reported {
        self.say_all(result);
        self.report(Some(why))
    }
}

#[cfg(test)]
mod queue_tests;
#[cfg(test)]
mod scale_tests;
#[cfg(test)]
mod tests;
