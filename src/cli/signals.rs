//! Signals: the first cancels the run, the second ends the process as soon as the stops have gone out.

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::time::sleep;

use crate::lifecycle::Cancel;
use faultgate_core::model::Signal;

/// A terminal or a wrapper may deliver one signal twice in a moment, to the process and to its group, and a runner or a
/// session that closes may send two different ones at once.
const ECHO: Duration = Duration::from_millis(100);

pub(super) struct Signals {
    hangup: Stream,
    interrupt: Stream,
    terminate: Stream,
    quit: Stream,
    /// Signals that would end the process by default, although nobody asks for a stop by them.
    _unheard: [Stream; 4],
}

impl Signals {
    /// From here on no signal ends the process by itself, also not as the first process of a container, which
    /// would ignore them.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            _unheard: [
                signal(SignalKind::user_defined1())?,
                signal(SignalKind::user_defined2())?,
                signal(SignalKind::alarm())?,
                signal(SignalKind::pipe())?,
            ],
        })
    }

    /// SIGQUIT wants an end as SIGTERM does: by itself it would leave all that was launched as it is.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.quit.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.hangup.recv() => Signal::Hangup,
        }
    }

    /// Passes the first signal on. Ends with the second, which wants the process gone: as soon as no experiment is left
    /// that nobody has asked to stop.
    pub(super) async fn forward(mut self, cancel: &Cancel) -> Signal {
        cancel.cancel(self.next().await);
        let second = second(async || self.next().await).await;
        cancel.stops_are_out().await;
        second
    }
}

/// Ends with a second signal that did not come together with the first. When one came is not known, only when it is
/// noticed; so whatever is noticed no later than that the time of echoes is over came together with the first, however
/// long that took.
async fn second(mut next: impl AsyncFnMut() -> Signal) -> Signal {
    let mut echoes = pin!(sleep(ECHO));
    let mut may_be_echo = true;
    loop {
        tokio::select! {
            biased;
            again = next() => {
                if !may_be_echo {
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
        let mut ending = pin!(second(async || signals.recv().await.unwrap()));
        assert_eq!(ending.as_mut().now_or_never(), None);
        sent.send(Signal::Interrupt).unwrap();
        // A machine that is too busy to look.
        advance(ECHO * 3).await;
        assert_eq!(ending.as_mut().now_or_never(), None);
        sent.send(Signal::Interrupt).unwrap();
        assert_eq!(ending.as_mut().now_or_never(), Some(Signal::Interrupt));
    }

    #[tokio::test(start_paused = true)]
    async fn two_signals_that_come_together_are_one() {
        let (sent, mut signals) = mpsc::unbounded_channel();
        let mut ending = pin!(second(async || signals.recv().await.unwrap()));
        sent.send(Signal::Hangup).unwrap();
        assert_eq!(ending.as_mut().now_or_never(), None, "another signal than the first");
        advance(ECHO * 3).await;
        assert_eq!(ending.as_mut().now_or_never(), None);
        sent.send(Signal::Terminate).unwrap();
        assert_eq!(ending.as_mut().now_or_never(), Some(Signal::Terminate));
    }
}
