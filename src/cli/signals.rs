//! Signals: the first cancels the run, the second ends the process at once.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::time::Instant;

use crate::lifecycle::Cancel;
use crate::model::Signal;

/// A terminal or a wrapper may deliver one signal twice in a moment: to the process and to its group.
const ECHO: Duration = Duration::from_millis(100);

pub(super) struct Signals {
    hangup: Stream,
    interrupt: Stream,
    terminate: Stream,
}

impl Signals {
    /// From here on no signal ends the process by itself, also not as the first process of a container, which
    /// would ignore them.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.hangup.recv() => Signal::Hangup,
        }
    }

    /// Passes the first signal on. Ends with the second, which wants the process gone at once.
    pub(super) async fn forward(mut self, cancel: &Cancel) -> Signal {
        let first = self.next().await;
        cancel.cancel(first);
        let at = Instant::now();
        loop {
            let again = self.next().await;
            if again != first || at.elapsed() > ECHO {
                return again;
            }
        }
    }
}
