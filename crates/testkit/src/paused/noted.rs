//! A journal in memory, which holds what a state file would hold.

use std::cell::RefCell;

use async_trait::async_trait;
use faultgate::lifecycle::Journal;
use faultgate_core::model::{
    ExperimentPlace, ExperimentState, Intent, LaunchRecord, Plan, PreviewRecord, RunIdentity, RunPhase,
    RunState, SubscriptionState,
};

/// The journal.
pub struct Noted(RefCell<RunState>);

impl Noted {
    pub fn of(run: &RunIdentity, plan: &Plan, now: jiff::Timestamp) -> Self {
        let planned = plan.experiments.iter().map(|experiment| {
            ExperimentState::planned(&experiment.name, ExperimentPlace::of(&experiment.spec, None))
        });
        Self(RefCell::new(RunState { experiments: planned.collect(), ..RunState::of(run, false, now) }))
    }

    pub fn state(self) -> RunState {
        self.0.into_inner()
    }

    fn change(&self, experiment: usize, change: impl FnOnce(&mut ExperimentState)) {
        change(&mut self.0.borrow_mut().experiments[experiment]);
    }
}

#[async_trait(?Send)]
impl Journal for Noted {
    async fn note_intent(&self, experiment: usize, intent: Intent) {
        self.change(experiment, |entry| (entry.phase, entry.intent) = (RunPhase::Intended, intent));
    }

    async fn note_previewing(&self, experiment: usize) {
        self.change(experiment, |entry| entry.phase = RunPhase::Previewing);
    }

    async fn note_previewed(&self, experiment: usize, preview: Option<PreviewRecord>) {
        self.change(experiment, |entry| (entry.phase, entry.preview) = (RunPhase::Planned, preview));
    }

    async fn note_launch(&self, experiment: usize, launch: LaunchRecord) {
        self.change(experiment, |entry| (entry.phase, entry.launch) = (RunPhase::Launched, Some(launch)));
    }

    async fn note_unfound(&self, experiment: usize) {
        self.change(experiment, |entry| entry.unfound_at = Some(jiff::Timestamp::UNIX_EPOCH));
    }

    async fn note_over(&self, experiment: usize) {
        self.change(experiment, |entry| entry.phase = RunPhase::Over);
    }

    async fn note_subscriptions(&self, all: Vec<SubscriptionState>) {
        self.0.borrow_mut().subscriptions = all;
    }
}
