//! Signals: the first one cancels the run, and the second one ends the process as soon as the stops have been
//! sent.

use std::io;
use std::pin::pin;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::time::sleep;

use super::complain;
use crate::lifecycle::Cancel;
use faultgate_core::model::{Signal, Verdict};

/// Time in which another signal counts as a repeat of the first. A terminal or a wrapper may deliver one
/// signal twice, to the process and to its group, and a runner or a session that closes may send two
/// different ones at once.
const REPEAT_WINDOW: Duration = Duration::from_millis(100);

/// Seconds on the processor that a run keeps for its end.
const TIME_TO_STOP: u64 = 5;

/// The signals that this process listens to.
pub(crate) struct Signals {
    hangup: Stream,
    interrupt: Stream,
    terminate: Stream,
    quit: Stream,
    no_time_left: Stream,
    /// Signals that would end the process by default, although nobody asks for a stop by them. They are
    /// received and ignored.
    _unheard: [Stream; 5],
}

impl Signals {
    /// Begins to listen. From then on no signal ends the process by itself. That holds for the first process
    /// of a container too, which would otherwise ignore signals.
    pub(crate) fn listen() -> io::Result<Self> {
        leave_time_to_stop();
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            no_time_left: signal(SignalKind::from_raw(rustix::process::Signal::XCPU.as_raw()))?,
            _unheard: [
                signal(SignalKind::user_defined1())?,
                signal(SignalKind::user_defined2())?,
                signal(SignalKind::alarm())?,
                signal(SignalKind::pipe())?,
                // A write beyond `ulimit -f` then fails as one on a full disk does.
                signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?,
            ],
        })
    }

    /// Returns the next signal. SIGQUIT and SIGXCPU, which a used-up `ulimit -t` sends, count as SIGTERM: by
    /// themselves they would end the process and leave all that was launched as it is.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            // The order counts if several signals are there at once: the one that demands most is taken.
            biased;
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.quit.recv() => Signal::Terminate,
            _ = self.no_time_left.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.hangup.recv() => Signal::Hangup,
        }
    }

    /// Passes the first signal on, and returns with the second one. A second signal wants the process gone,
    /// which happens as soon as a stop was requested for every experiment.
    pub(crate) async fn forward(mut self, cancel: &Cancel) -> Signal {
        cancel.cancel(self.next().await);
        let second = second(async || self.next().await).await;
        cancel.stops_are_out().await;
        second
    }
}

/// Lets the signal for used-up time on the processor come before the hard limit, at which the kernel kills: a plain
/// `ulimit -t` sets both alike.
fn leave_time_to_stop() {
    let limit = getrlimit(Resource::Cpu);
    if let Some(hard) = limit.maximum
        && limit.current.is_none_or(|soft| soft >= hard)
    {
        let current = hard - (hard / 2).min(TIME_TO_STOP);
        // A limit that cannot be lowered keeps no run from going on.
        let _ = setrlimit(Resource::Cpu, Rlimit { current: Some(current), ..limit });
    }
}

/// Works until the end, or until a signal. Returns the exit code.
pub(crate) async fn until_signal(work: impl Future<Output = u8>) -> u8 {
    let mut signals = match listen("") {
        Ok(signals) => signals,
        Err(code) => return code,
    };
    tokio::select! {
        // An end that is complete counts, even if a signal has come in the same moment.
        biased;
        code = work => code,
        signal = signals.next() => signal.exit_code(),
    }
}

/// Works until the end, or until a second signal: the first one cancels the run. Returns the exit code.
pub(crate) async fn until_second_signal(cancel: &Cancel, work: impl Future<Output = u8>) -> u8 {
    let signals = match listen(", so it launches nothing") {
        Ok(signals) => signals,
        Err(code) => return code,
    };
    tokio::select! {
        // A result that is ready counts, even if a second signal has come in the same moment.
        biased;
        code = work => code,
        signal = signals.forward(cancel) => signal.exit_code(),
    }
}

/// Begins to listen. The error is the exit code, after the reason was printed with its consequence.
pub(crate) fn listen(consequence: &str) -> Result<Signals, u8> {
    Signals::listen().map_err(|error| {
        complain(&format!("faultgate could not listen to signals{consequence}: {error}"));
        Verdict::Errored.exit_code(None)
    })
}

/// Waits for a second signal that is not a repeat of the first.
///
/// The time at which a signal came is not known, only when it is noticed. So a signal that is noticed before
/// the timer is seen to have fired counts as a repeat, however late this task gets to look.
async fn second(mut next: impl AsyncFnMut() -> Signal) -> Signal {
    let mut repeats_end = pin!(sleep(REPEAT_WINDOW));
    let mut may_be_repeat = true;
    loop {
        tokio::select! {
            // The signal is looked at before the timer, so that one that waited along with it counts as a
            // repeat.
            biased;
            again = next() => {
                if !may_be_repeat {
                    return again;
                }
            }
            () = &mut repeats_end, if may_be_repeat => may_be_repeat = false,
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
        // The machine was too busy to look in time.
        advance(REPEAT_WINDOW * 3).await;
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
        advance(REPEAT_WINDOW * 3).await;
        assert_eq!(ending.as_mut().now_or_never(), None);
        sent.send(Signal::Terminate).unwrap();
        assert_eq!(ending.as_mut().now_or_never(), Some(Signal::Terminate));
    }
}
