//! The trigger by which the probes of one experiment ask for a halt.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

/// A trigger that the probes of one experiment share. It fires when one of them has failed as often in a row
/// as its `aborts-after` allows.
#[derive(Debug)]
pub(crate) struct Trip {
    fired: Notify,
    /// The time from which failures count: the engine has said that the fault was not in before.
    armed_since: Mutex<Timestamp>,
    /// Number of looks under way that confirm why a halt was asked for.
    confirming: watch::Sender<usize>,
}

/// A look that confirms why a halt was asked for. It is under way until this value is dropped.
#[derive(Debug)]
pub(crate) struct Confirming(Arc<Trip>);

impl Drop for Confirming {
    fn drop(&mut self) {
        self.0.confirming.send_modify(|looks| *looks = looks.saturating_sub(1));
    }
}

impl Default for Trip {
    fn default() -> Self {
        Self {
            fired: Notify::new(),
            armed_since: Mutex::new(Timestamp::MIN),
            confirming: watch::Sender::new(0),
        }
    }
}

impl Trip {
    /// Waits until a probe asks for a halt.
    pub(crate) async fn wait_until_fired(&self) {
        self.fired.notified().await;
    }

    /// Asks for a halt.
    pub(crate) fn fire(&self) {
        self.fired.notify_one();
    }

    /// Begins a look that confirms why a halt is asked for.
    pub(crate) fn confirm(self: &Arc<Self>) -> Confirming {
        self.confirming.send_modify(|looks| *looks += 1);
        Confirming(self.clone())
    }

    /// Waits until no such look is under way.
    pub(crate) async fn wait_until_confirmed(&self) {
        // The sender lives as long as this value does.
        let _ = self.confirming.subscribe().wait_for(|looks| *looks == 0).await;
    }

    /// Returns the time from which failures count.
    pub(crate) fn armed_since(&self) -> Timestamp {
        *self.armed_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets failures count from this time on.
    pub(crate) fn arm(&self, since: Timestamp) {
        *self.armed_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }
}
