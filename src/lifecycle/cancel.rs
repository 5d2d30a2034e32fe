//! The end of a run by a signal: whoever must stop hears of it, and how much time is left is known
//! everywhere.
//!
//! A CI system kills a step a few seconds after its first signal. This time is one budget, which is shared
//! out here and nowhere else, so that no stage takes the time of a later one.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use faultgate_core::model::Signal;

/// Time from the first signal to the end of the process. It leaves some time to spare: GitHub kills a step
/// 7.5 s after the signal. The ends of the shares are points within this budget.
const SIGNAL_BUDGET: Duration = Duration::from_secs(7);

/// The stages that follow a signal, in the order in which they happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// The answer of a launch that is on its way: without it nobody knows what to stop.
    Launch,
    /// The search for what a launch without an answer may have begun.
    Find,
    /// The request to stop.
    Stop,
    /// The confirmation of the stop.
    Confirm,
    /// The removal of the subscription.
    Close,
    /// The writing of reports.
    Report,
}

impl Share {
    /// Returns the point at which this stage must be over, counted from the signal.
    fn end(self) -> Duration {
        match self {
            Self::Launch => Duration::from_millis(2000),
            Self::Find => Duration::from_millis(2750),
            Self::Stop => Duration::from_millis(3500),
            Self::Confirm => Duration::from_millis(4500),
            Self::Close => Duration::from_millis(6000),
            Self::Report => SIGNAL_BUDGET,
        }
    }
}

/// The signal of a run, if one has come.
#[derive(Debug, Default)]
pub struct Cancel {
    token: CancellationToken,
    /// The first signal, and when it came.
    signal: Cell<Option<(Signal, Instant)>>,
    duties: Rc<Duties>,
}

/// Number of experiments that may be running and that nobody has asked to stop yet.
#[derive(Debug, Default)]
struct Duties {
    count: Cell<usize>,
    changed: Notify,
}

/// The duty to ask one experiment to stop before the process may end at once. Dropping it says that this is
/// done, or no longer needed.
#[derive(Debug)]
pub struct Duty(Rc<Duties>);

impl Drop for Duty {
    fn drop(&mut self) {
        self.0.count.set(self.0.count.get().saturating_sub(1));
        self.0.changed.notify_waiters();
    }
}

impl Cancel {
    /// Creates the state of a run without a signal.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells everybody of a signal. Only the first one counts, since the budget runs from it.
    pub fn cancel(&self, signal: Signal) {
        if self.signal.get().is_none() {
            self.signal.set(Some((signal, Instant::now())));
            self.token.cancel();
        }
    }

    /// Returns the signal that has come.
    pub fn signal(&self) -> Option<Signal> {
        self.signal.get().map(|(signal, _)| signal)
    }

    /// Registers an experiment that may be running from now on.
    pub fn take_duty(&self) -> Duty {
        self.duties.count.set(self.duties.count.get() + 1);
        Duty(self.duties.clone())
    }

    /// Waits until every experiment that may be running has been asked to stop, or until a signal leaves no
    /// more time for it.
    pub async fn stops_are_out(&self) {
        let all_out = async {
            loop {
                // The notification is subscribed to before the count is read, or a change in between would be
                // missed.
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
            () = self.wait_until_used_up(Share::Stop) => {}
        }
    }

    /// Returns the token that the first signal cancels.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Waits for the signal, and returns it.
    pub async fn cancelled(&self) -> Signal {
        self.token.cancelled().await;
        self.signal().unwrap_or(Signal::Interrupt)
    }

    /// Waits until a share of the time after the signal is used up; without a signal it never returns.
    pub async fn wait_until_used_up(&self, share: Share) {
        self.token.cancelled().await;
        if let Some((_, at)) = self.signal.get() {
            tokio::time::sleep_until(at + share.end()).await;
        }
    }

    /// Returns the result of the work, or `None` if it takes longer than `limit` or than a signal leaves for
    /// it.
    pub async fn within<T>(&self, limit: Duration, share: Share, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            // A result that is there at the last moment counts.
            biased;
            result = work => Some(result),
            () = self.deadline(limit, share) => None,
        }
    }

    /// Waits until `limit`, or the time that a signal leaves for the share, is over.
    pub async fn deadline(&self, limit: Duration, share: Share) {
        tokio::select! {
            () = self.wait_until_used_up(share) => {}
            () = tokio::time::sleep(limit) => {}
        }
    }

    /// Returns what is left of the limit, or, after a signal, of the share if that is less.
    pub fn shorten_limit(&self, limit: Duration, share: Share) -> Duration {
        match self.signal.get() {
            Some((_, at)) => (at + share.end()).saturating_duration_since(Instant::now()).min(limit),
            _ => limit,
        }
    }
}
