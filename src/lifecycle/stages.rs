//! The stages of a run: checks, subscriptions, previews, experiments, removal and result.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};

use super::cancel::Share;
use super::guard::{self, Outlook, PreviewedCount};
use super::run::{Lifecycle, describe_signal};
use super::run_result::RunFacts;
use super::scheduled::Scheduled;
use super::unreached::MAX_PLACES_AT_ONCE;
use faultgate_core::model::{ExperimentPlan, ExperimentResult, Finding, Level, RunEvent, RunResult, Verdict};
use faultgate_core::panics;
use faultgate_engines::{Channel, Engine};

/// Time within which an engine tries again and again to remove its subscription.
pub const CLOSE_LIMIT: Duration = Duration::from_secs(30);

/// The facts that are known of a run which has come to no result, as after a panic.
#[derive(Debug, Default)]
pub struct Known {
    /// Results of the experiments that have ended, with their places in the plan.
    pub ended: Vec<(usize, ExperimentResult)>,
    /// Number of requests so far, by operation.
    pub calls: BTreeMap<String, u64>,
}

impl Lifecycle<'_> {
    /// Lets the engines verify what they can without changing anything, then the guard judge the run, and
    /// publishes the findings. What only previews need is verified last.
    pub(super) async fn preflight(&self, outlook: Outlook<'_>) -> Vec<Finding> {
        let mut found = self.check_all().await;
        self.note_unreached(&mut found);
        let mut findings: Vec<Finding> = found.into_iter().flatten().chain(self.unready_probes()).collect();
        findings.extend(self.ask_guard(outlook).await);
        findings.extend(self.check_accounts_to_preview().await);
        for finding in &findings {
            (self.publish)(&RunEvent::Found(finding));
        }
        findings
    }

    /// Lets the guard judge the run, and returns its findings.
    pub(super) async fn ask_guard(&self, outlook: Outlook<'_>) -> Vec<Finding> {
        // An experiment that cannot be reached is not launched, and nothing is known of it.
        let is_reached = |scheduled: &&Scheduled<'_>| self.course.unreached.why(&scheduled.engine).is_none();
        let reached = self.scheduled.iter().filter(is_reached);
        let experiments: Vec<(&ExperimentPlan, &dyn Engine)> =
            reached.map(|scheduled| (scheduled.plan, scheduled.engine.as_ref())).collect();
        let Outlook::Previewed(counts) = outlook else {
            return self.guard.judge(self.plan, &experiments, outlook).await;
        };
        let all = self.scheduled.iter().zip(counts).filter(|(scheduled, _)| is_reached(scheduled));
        let counts: Vec<PreviewedCount> = all.map(|(_, count)| *count).collect();
        self.guard.judge(self.plan, &experiments, Outlook::Previewed(&counts)).await
    }

    /// Lets the engines check their experiments, and returns what each of them finds.
    pub(super) async fn check_all(&self) -> Vec<Vec<Finding>> {
        let check = async |engine: &Rc<dyn Engine>| {
            let own = self.scheduled.iter().filter(|scheduled| Rc::ptr_eq(&scheduled.engine, engine));
            engine.check(&own.map(|scheduled| scheduled.plan).collect::<Vec<_>>()).await
        };
        self.for_each_engine(MAX_PLACES_AT_ONCE, check).await
    }

    /// Returns a finding for each probe that cannot be evaluated on this machine. A failure for such a reason
    /// says nothing about the system.
    fn unready_probes(&self) -> Vec<Finding> {
        let mut unready = Vec::new();
        for Scheduled { plan: experiment, evaluators, .. } in &self.scheduled {
            for (probe, evaluator) in experiment.probes.iter().zip(evaluators) {
                let Some(what) = evaluator.missing() else { continue };
                let subject = format!("probe {} of {}", probe.name, experiment.name);
                unready.push(Finding::new(Level::Error, subject, format!("cannot look: {what}")));
            }
        }
        unready
    }

    /// Takes the run through all its stages. It ends in a result, whatever happens.
    pub async fn run(&self) -> RunResult {
        self.publish_during(self.stages()).await
    }

    /// Checks, subscribes, runs all experiments, and removes what was made.
    async fn stages(&self) -> RunResult {
        let (findings, ready) = self.make_ready().await;
        let experiments = match ready {
            Ok(()) => self.run_experiments().await,
            Err(none_launched) => none_launched,
        };
        self.close_decided(experiments, findings).await
    }

    /// Publishes the verdict, and returns the result when all that the run has made is removed. Whoever posts the
    /// verdict need not wait for the removal.
    pub(super) async fn close_decided(
        &self,
        experiments: Vec<ExperimentResult>,
        findings: Vec<Finding>,
    ) -> RunResult {
        let RunResult { gate, experiments, findings, .. } = self.result(experiments, findings);
        (self.publish)(&RunEvent::Decided(&gate));
        let experiments = self.close_and_await_reports(experiments).await;
        self.result(experiments, findings)
    }

    /// Removes what the run has made, and meanwhile completes the results by the reports of the engines.
    pub(super) async fn close_and_await_reports(
        &self,
        experiments: Vec<ExperimentResult>,
    ) -> Vec<ExperimentResult> {
        // The results survive a panic there.
        *self.course.ended.borrow_mut() = experiments.into_iter().enumerate().collect();
        tokio::join!(self.close(), self.await_reports());
        self.take_ended()
    }

    /// Checks, subscribes and previews. The error holds the results of all experiments where none may be
    /// launched.
    pub(super) async fn make_ready(&self) -> (Vec<Finding>, Result<(), Vec<ExperimentResult>>) {
        let mut findings = tokio::select! {
            biased;
            found = self.preflight(Outlook::Ahead) => found,
            signal = self.cancel.cancelled() => {
                return (Vec::new(), Err(self.none_launched(Verdict::Cancelled, &describe_signal(signal))));
            }
        };
        let ready = match guard::why_not_launched(&findings) {
            None => match self.subscribe(&mut findings).await {
                Ok(()) => self.preview_all(&mut findings).await,
                unsubscribed => unsubscribed,
            },
            Some(why) => Err(self.none_launched(Verdict::Errored, &why)),
        };
        (findings, ready)
    }

    /// Opens the engines' subscriptions. The error holds the results of all experiments where none could be
    /// opened or a signal came.
    async fn subscribe(&self, findings: &mut Vec<Finding>) -> Result<(), Vec<ExperimentResult>> {
        // The journal learns of the names before anything is made, so that a takeover can remove what a
        // killed run has made.
        self.note_intended_subscriptions().await;
        // An answer that is on its way is waited for even after a signal: what was made must be known to be
        // removed.
        let opened = self.cancel.within(Duration::MAX, Share::Launch, self.open_channels()).await;
        self.note_subscriptions(Share::Launch).await;
        if let Some(signal) = self.cancel.signal() {
            return Err(self.none_launched(Verdict::Cancelled, &describe_signal(signal)));
        }
        if let Err(why) = self.note_unopened(opened.unwrap_or_default(), findings) {
            return Err(self.none_launched(Verdict::Errored, &why));
        }
        for record in self.reached_channels().filter_map(Channel::subscription_record) {
            let handshake_ms = record.handshake_ms.unwrap_or_default();
            (self.publish)(&RunEvent::Subscribed { name: &record.name, handshake_ms });
        }
        Ok(())
    }

    /// Runs all experiments, as many at once as the plan allows, and returns their results in the plan's
    /// order.
    async fn run_experiments(&self) -> Vec<ExperimentResult> {
        stream::iter(&self.scheduled)
            .map(|scheduled| async move {
                let result = self.run_experiment(scheduled).await;
                if result.verdict != Verdict::Passed {
                    self.course.not_passed.borrow_mut().get_or_insert_with(|| result.name.clone());
                }
                // Results are kept outside the futures, so that they survive a panic in another experiment.
                self.course.ended.borrow_mut().push((scheduled.number, result));
            })
            .buffer_unordered(self.count_taken_up_at_once())
            .collect::<()>()
            .await;
        self.take_ended()
    }

    /// Takes out the results of the experiments that have ended, in the plan's order.
    fn take_ended(&self) -> Vec<ExperimentResult> {
        let mut ended = self.course.ended.take();
        ended.sort_by_key(|(number, _)| *number);
        ended.into_iter().map(|(_, result)| result).collect()
    }

    /// Removes the subscriptions, and warns of what could not be removed.
    pub(super) async fn close(&self) {
        let within = self.cancel.shorten_limit(CLOSE_LIMIT, Share::Close);
        let closing = self.close_channels(within);
        // A signal may come during the removal and leave less time; what is not removed by then is named all
        // the same. The outer limit is for an engine that does not keep to its own.
        let _ = self.cancel.within(CLOSE_LIMIT * 2, Share::Close, closing).await;
        self.note_subscriptions(Share::Report).await;
        for record in self.channels().filter_map(Channel::subscription_record) {
            for leftover in &record.leftovers {
                (self.publish)(&RunEvent::Warning(&format!("not removed: {leftover}")));
            }
        }
    }

    /// Puts together the result, with the decision of the gate.
    pub(super) fn result(&self, mut experiments: Vec<ExperimentResult>, findings: Vec<Finding>) -> RunResult {
        // The counts of requests are taken last, when all requests have been made.
        for (experiment, Scheduled { plan, engine, .. }) in experiments.iter_mut().zip(&self.scheduled) {
            experiment.monitor = engine.monitoring(plan, experiment.id.as_deref());
        }
        let facts = RunFacts {
            plan: self.plan,
            run: self.run,
            rehearsal: self.rehearsal.clone(),
            signal: self.cancel.signal(),
            started_at: self.clock.started_at(),
            ended_at: self.clock.now(),
            experiments,
            findings,
            subscriptions: self.channels().filter_map(Channel::subscription_record).collect(),
            api_calls: self.calls(),
        };
        facts.into_result()
    }

    /// Returns what is known of the run now, whatever has become of [`run`](Self::run). It takes the results
    /// out.
    pub fn take_known(&self) -> Known {
        Known {
            ended: self.course.ended.take(),
            // The engines' state may be broken after a panic, and counts are not worth another one.
            calls: panics::catch_now(|| self.calls()).unwrap_or_default(),
        }
    }
}
