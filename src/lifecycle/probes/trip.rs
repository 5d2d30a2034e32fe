//! The trigger by which the probes of one experiment ask for a halt.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

/// A trigger that the probes of one experiment share. It fires when one of them has failed as often in a row
/// as its `aborts-after` allows.
#[derive(Debug)]
pub(crate) struct Trip {
    fired: Notify,
    /// The time from which failures count: the engine has said that the fault was not in before.
    armed_since: Mutex<Timestamp>,
}

impl Default for Trip {
    fn default() -> Self {
        Self { fired: Notify::new(), armed_since: Mutex::new(Timestamp::MIN) }
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

    /// Returns the time from which failures count.
    pub(crate) fn armed_since(&self) -> Timestamp {
        *self.armed_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets failures count from this time on.
    pub(crate) fn arm(&self, since: Timestamp) {
        *self.armed_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }
}
