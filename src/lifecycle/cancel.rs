//! A signal has come: who must stop hears of it, and how much time is left is known everywhere.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use faultgate_core::model::Signal;

/// A CI system kills what has not ended this long after its first signal, with a second to spare. What
/// follows are points in it, counted from the signal.
const BUDGET: Duration = Duration::from_secs(7);

/// What may take how long after a signal, in the order in which it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// A launch whose answer is on its way: without it nobody knows what to stop.
    Launch,
    /// The search for what a launch without an answer may have begun.
    Find,
    /// Asking the engine to stop.
    Stop,
    /// Hearing that it did.
    Confirm,
    /// Removing the subscription.
    Close,
    /// Writing the reports.
    Report,
}

impl Share {
    fn end(self) -> Duration {
        match self {
            Self::Launch => Duration::from_millis(2000),
            Self::Find => Duration::from_millis(2750),
            Self::Stop => Duration::from_millis(3500),
            Self::Confirm => Duration::from_millis(4500),
            Self::Close => Duration::from_millis(6000),
            Self::Report => BUDGET,
        }
    }
}

#[derive(Debug, Default)]
pub struct Cancel {
    token: CancellationToken,
    signal: Cell<Option<(Signal, Instant)>>,
    duties: Rc<Duties>,
}

/// How many experiments may be running that nobody has asked to stop yet.
#[derive(Debug, Default)]
struct Duties {
    count: Cell<usize>,
    changed: Notify,
}

/// The duty to ask one experiment to stop before the process may end at once. Dropping it says that this is done, or no
/// longer needed.
#[derive(Debug)]
pub struct Duty(Rc<Duties>);

impl Drop for Duty {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get().saturating_sub(1));
        self.0.changed.notify_waiters();
    }
}

impl Cancel {
    pub fn new() -> Self {
        Self::default()
    }

    /// The first signal counts.
    pub fn cancel(&self, signal: Signal) {
        if self.signal.get().is_none() {
            self.signal.set(Some((signal, Instant::now())));
            self.token.cancel();
        }
    }

    pub fn signal(&self) -> Option<Signal> {
        self.signal.get().map(|(signal, _)| signal)
    }

    /// From now on an experiment may be running.
    pub fn take_duty(&self) -> Duty {
        self.duties.count.set(self.duties.count.get() + 1);
        Duty(self.duties.clone())
    }

    /// Ends when every experiment that may be running has been asked to stop, or when a signal leaves no more time for it.
    pub async fn stops_are_out(&self) {
        let all_out = async {
            loop {
                let changed = self.duties.changed.notified();
                if self.duties.count.get() == 0 {
                    return;
                }
                changed.await;
            }
        };
        tokio::select! {
            biased;
            () = all_out => {}
            () = self.used_up(Share::Stop) => {}
        }
    }

    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Ends with the signal.
    pub async fn cancelled(&self) -> Signal {
        self.token.cancelled().await;
        self.signal().unwrap_or(Signal::Interrupt)
    }

    /// Ends when a share of the time after the signal is used up; never without a signal.
    pub async fn used_up(&self, share: Share) {
        self.token.cancelled().await;
        if let Some((_, at)) = self.signal.get() {
            tokio::time::sleep_until(at + share.end()).await;
        }
    }

    /// The work's result, unless it takes longer than `limit`, or than a signal leaves for it.
    pub async fn within<T>(&self, limit: Duration, share: Share, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            result = work => Some(result),
            () = self.used_up(share) => None,
            () = tokio::time::sleep(limit) => None,
        }
    }

    /// What is left of a limit, or of a share where a signal has come.
    pub fn left(&self, limit: Duration, share: Share) -> Duration {
        match self.signal.get() {
            Some((_, at)) => (at + share.end()).saturating_duration_since(Instant::now()).min(limit),
            _ => limit,
        }
    }
}
