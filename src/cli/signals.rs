//! Signals: the first cancels the run, the second ends the process at once.

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::time::sleep;

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
        meant(first, async || self.next().await).await
    }
}

/// Ends with a second signal that is no echo of the first. When one came is not known, only when it is noticed; so
/// whatever is noticed no later than that the time of echoes is over is taken for one, however long that took.
async fn meant(first: Signal, mut next: impl AsyncFnMut() -> Signal) -> Signal {
    let mut echoes = pin!(sleep(ECHO));
    let mut may_be_echo = true;
    loop {
        tokio::select! {
            biased;
            again = next() => {
                if again != first || !may_be_echo {
                    return again;
                }
            }
            () = &mut echoes, if may_be_echo => may_be_echo = false,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::sync::mpsc;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_echo_that_is_noticed_late_is_an_echo_all_the_same() {
        let (sent, mut signals) = mpsc::unbounded_channel();
        let mut ending = pin!(meant(Signal::Interrupt, async || signals.recv().await.unwrap()));
        assert_eq!(ending.as_mut().now_or_never(), None);
        sent.send(Signal::Interrupt).unwrap();
        // A machine that is too busy to look.
        advance(ECHO * 3).await;
        assert_eq!(ending.as_mut().now_or_never(), None);
        sent.send(Signal::Interrupt).unwrap();
        assert_eq!(ending.as_mut().now_or_never(), Some(Signal::Interrupt));
    }

    #[tokio::test(start_paused = true)]
    async fn another_signal_is_no_echo() {
        let mut others = [Signal::Interrupt, Signal::Terminate].into_iter();
        let second = meant(Signal::Interrupt, async || others.next().unwrap()).await;
        assert_eq!(second, Signal::Terminate);
    }
}
