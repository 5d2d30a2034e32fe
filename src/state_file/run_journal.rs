//! The journal that keeps a run's state file while the run goes on.
//!
//! Each change is in the file before the lifecycle goes on, and changes that come together are written
//! together. A file that cannot be written stops no run.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::file::{read, write};
use crate::lifecycle::Journal;
use faultgate_core::clock::Clock;
use faultgate_core::model::{
    ExperimentState, Handover, Intent, LaunchRecord, PreviewRecord, Probe, RunPhase, RunState,
    SubscriptionState,
};
use faultgate_core::panics;
use faultgate_core::versioned::Unreadable;

/// Returns the subscriptions that earlier runs with this state file have not removed, to be kept in the next
/// state.
///
/// # Errors
///
/// A new run must not forget an experiment that may be running. The error then says which run's it is.
pub fn find_left_subscriptions(path: &Path) -> Result<Vec<SubscriptionState>, Unreadable> {
    let Some(state) = read(path)? else { return Ok(Vec::new()) };
    let open: Vec<_> = state.open_experiments().map(|experiment| experiment.name.as_str()).collect();
    if open.is_empty() {
        // A name that faultgate does not give is passed over: a file that was changed must not make a run
        // remove what it has not made.
        return Ok(state.open_subscriptions().filter(|left| left.is_ours()).cloned().collect());
    }
    Err(Unreadable {
        what: format!(
            "says that experiments of the run {} may be going on: {}",
            faultgate_core::text::plain(&state.run.id, 80),
            faultgate_core::text::plain(&open.join(", "), 300)
        ),
        hint: Some(
            "end them with faultgate stop, or give this run a state-file or report-dir of its own".to_owned(),
        ),
    })
}

/// The state file of one run. If it cannot be written, a warning is given once and the run goes on: as long
/// as it lives, it ends by itself what it has begun.
pub struct RunJournal<'a> {
    path: PathBuf,
    clock: Clock,
    state: RefCell<RunState>,
    /// Number of changes so far, and number of those that are in the file.
    changes: Cell<u64>,
    written: Cell<u64>,
    /// A lock that is held while the file is written, even by a write for which nobody waits any more.
    writing: Arc<Mutex<()>>,
    warned: Cell<bool>,
    warn: &'a dyn Fn(&str),
}

impl<'a> RunJournal<'a> {
    /// Creates the journal. `state` holds the planned experiments, and what earlier runs have left.
    pub fn new(path: PathBuf, clock: Clock, state: RunState, warn: &'a dyn Fn(&str)) -> Self {
        Self {
            path,
            clock,
            state: RefCell::new(state),
            changes: Cell::default(),
            written: Cell::default(),
            writing: Arc::default(),
            warned: Cell::default(),
            warn,
        }
    }

    /// Makes a change, which is in the state at once and in the file when this returns. A failure is a
    /// warning, and only the first time.
    async fn change(&self, change: impl FnOnce(&mut RunState)) {
        if let Err(error) = self.write_down(change).await
            && !self.warned.replace(true)
        {
            (self.warn)(&format!(
                "the state file {} cannot be written, so faultgate stop will not know of this run if it is killed: {error}",
                self.path.display()
            ));
        }
    }

    /// Makes a change and writes the state. Changes that come while the file is being written are written
    /// together.
    pub async fn write_down(&self, change: impl FnOnce(&mut RunState)) -> io::Result<()> {
        change(&mut self.state.borrow_mut());
        self.changes.set(self.changes.get() + 1);
        let ours = self.changes.get();
        let turn = self.writing.clone().lock_owned().await;
        // Another call has written this change while this one waited for its turn.
        if self.written.get() >= ours {
            return Ok(());
        }
        let (path, state, all) = (self.path.clone(), self.state.borrow().clone(), self.changes.get());
        let writing = tokio::task::spawn_blocking(move || {
            // The lock goes with the write and not with the waiting future, which may be dropped: two writes
            // at once could put an old state over a new one.
            let _turn = turn;
            panics::point("file");
            write(&path, &state)
        });
        let done = writing.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        if done.is_ok() {
            self.written.set(self.written.get().max(all));
        }
        done
    }

    /// Returns the state as it is now.
    pub fn state(&self) -> RunState {
        self.state.borrow().clone()
    }

    /// Makes a change to one experiment of the state.
    async fn change_one(&self, experiment: usize, change: impl FnOnce(&mut ExperimentState)) {
        self.change(|state| {
            if let Some(experiment) = state.experiments.get_mut(experiment) {
                change(experiment);
            }
        })
        .await;
    }
}

#[async_trait(?Send)]
impl Journal for RunJournal<'_> {
    async fn note_intent(&self, experiment: usize, intent: Intent) {
        let now = self.clock.now();
        self.change_one(experiment, |experiment| {
            experiment.phase = RunPhase::Intended;
            // A launch that is tried again keeps the time of the first attempt, from which on it may have
            // begun.
            experiment.intended_at.get_or_insert(now);
            // A request that waits for a slot goes out again and again with the same token.
            for token in intent.client_tokens {
                if !experiment.intent.client_tokens.contains(&token) {
                    experiment.intent.client_tokens.push(token);
                }
            }
            experiment.intent.earlier_runs = intent.earlier_runs.or(experiment.intent.earlier_runs.take());
        })
        .await;
    }

    async fn note_previewing(&self, experiment: usize) {
        self.change_one(experiment, |experiment| experiment.phase = RunPhase::Previewing).await;
    }

    async fn note_previewed(&self, experiment: usize, preview: Option<PreviewRecord>) {
        self.change_one(experiment, |experiment| {
            (experiment.phase, experiment.preview) = (RunPhase::Planned, preview);
        })
        .await;
    }

    async fn note_launch(&self, experiment: usize, launch: LaunchRecord) {
        self.change_one(experiment, |experiment| {
            experiment.phase = RunPhase::Launched;
            experiment.launch = Some(launch);
        })
        .await;
    }

    async fn note_unfound(&self, experiment: usize) {
        let now = self.clock.now();
        self.change_one(experiment, |experiment| experiment.unfound_at = Some(now)).await;
    }

    async fn note_over(&self, experiment: usize) {
        self.change_one(experiment, |experiment| experiment.phase = RunPhase::Over).await;
    }

    async fn note_subscriptions(&self, all: Vec<SubscriptionState>) {
        self.change(|state| {
            state.subscriptions.retain(|known| all.iter().all(|new| !is_same(known, new)));
            state.subscriptions.extend(all);
        })
        .await;
    }

    async fn handed_over(&self, handover: Handover, before: Vec<Vec<Probe>>) -> Result<(), String> {
        let noted = self.write_down(|state| {
            for (experiment, before) in state.experiments.iter_mut().zip(before) {
                experiment.before = before;
            }
            let inputs = state.handover.take().map(|known| known.inputs).unwrap_or_default();
            state.handover = Some(Handover { inputs, ..handover });
        });
        noted
            .await
            .map_err(|error| format!("the state file {} cannot be written: {error}", self.path.display()))
    }
}

/// Returns `true` if both are states of the same subscription.
fn is_same(one: &SubscriptionState, other: &SubscriptionState) -> bool {
    (&one.name, &one.region, &one.role_arn) == (&other.name, &other.region, &other.role_arn)
}
