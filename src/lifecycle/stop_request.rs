//! The request to stop an experiment: asked until it is accepted, and confirmed by the engine's own record.
//! A run and `faultgate stop` ask in the same way.

use std::cell::RefCell;
use std::fmt;
use std::time::Duration;

use tokio::sync::Notify;

use faultgate_core::backoff::Backoff;
use faultgate_engines::{Engine, EngineFailure, FailureKind, Launched, Record};

/// Time for requests to stop: more than a minute without a network, and a request that was sent in it.
pub const STOP_LIMIT: Duration = Duration::from_secs(120);
/// Time for the confirmation of an accepted stop. FIS finishes post actions before it says `stopped`.
pub const CONFIRM_LIMIT: Duration = Duration::from_secs(60);
/// Number of experiments that are stopped at once. It is large, since none of them may wait long for those
/// that do not answer.
pub const MAX_STOPPED_AT_ONCE: usize = 256;
/// Pause before a request that was not answered is sent again.
pub(super) const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// Pauses between requests for the record, which tell whether the experiment has ended. They are not changed by
/// chance, since few experiments are asked about.
const RECORD_PAUSES: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));

/// The reason why a stop was not accepted. It is displayed with its remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopFailure {
    Failed(EngineFailure),
    /// The experiment ended before the engine took the request, with the first failure to take it.
    Ended(EngineFailure),
    /// The engine has given no answer.
    NoAnswer,
}

impl fmt::Display for StopFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(failure) | Self::Ended(failure) => f.write_str(&failure.with_remedy()),
            Self::NoAnswer => f.write_str("the engine did not answer the request to stop"),
        }
    }
}

/// A request to stop one experiment.
#[derive(Clone, Copy)]
pub struct StopRequest<'a> {
    pub engine: &'a dyn Engine,
    pub launched: &'a Launched,
}

impl StopRequest<'_> {
    /// Sends the request until it is accepted, refused for good, or `deadline` is over. From the first request
    /// without an answer on, the record is read too, since an experiment that has ended needs no stop.
    /// `tell_trouble` gets the sentence for the user about that request.
    pub async fn send(
        self,
        deadline: impl Future<Output = ()>,
        tell_trouble: impl Fn(&str),
    ) -> Result<(), StopFailure> {
        let unanswered = RefCell::new(None);
        let is_unanswered = Notify::new();
        let asking = async {
            loop {
                match self.engine.stop(self.launched).await {
                    Err(failure) if failure.kind == FailureKind::Unanswered => {
                        tracing::debug!(%failure, "asking for the stop again");
                        if unanswered.borrow().is_none() {
                            tell_trouble(&self.describe_trouble(&failure));
                            is_unanswered.notify_one();
                        }
                        unanswered.borrow_mut().get_or_insert(failure);
                        tokio::time::sleep(RETRY_PAUSE).await;
                    }
                    other => return other.map_err(StopFailure::Failed),
                }
            }
        };
        let ending = async {
            is_unanswered.notified().await;
            self.wait_for_end(&RefCell::default()).await
        };
        tokio::select! {
            // An answer that is there at the last moment counts.
            biased;
            answer = asking => answer,
            _ = ending => Err(unanswered.take().map_or(StopFailure::NoAnswer, StopFailure::Ended)),
            () = deadline => {
                let so_far = self.engine.stop_so_far(self.launched).or(unanswered.take());
                Err(so_far.map_or(StopFailure::NoAnswer, StopFailure::Failed))
            }
        }
    }

    fn describe_trouble(self, failure: &EngineFailure) -> String {
        format!(
            "the request to stop {} is not taken yet, and is repeated until it is or the experiment has ended: \
             by hand: {}; {failure}",
            self.launched.id,
            self.engine.stop_command(self.launched)
        )
    }

    /// Reads the record until it says that the experiment has ended. The error is the last failure to read it
    /// before `deadline`, if the last request failed.
    pub async fn confirm(self, deadline: impl Future<Output = ()>) -> Result<Record, Option<EngineFailure>> {
        let trouble = RefCell::new(None);
        tokio::select! {
            biased;
            record = self.wait_for_end(&trouble) => Ok(record),
            () = deadline => Err(trouble.take()),
        }
    }

    /// Reads the record until it says that the experiment has ended. `trouble` keeps the failure of the last
    /// request, if it failed.
    async fn wait_for_end(self, trouble: &RefCell<Option<EngineFailure>>) -> Record {
        for attempt in 0.. {
            match self.engine.look(self.launched).await {
                Ok(record) if record.has_ended() => return record,
                answer => *trouble.borrow_mut() = answer.err(),
            }
            tokio::time::sleep(RECORD_PAUSES.pause(attempt, 0.0)).await;
        }
        unreachable!("the loop ends by a return")
    }
}
