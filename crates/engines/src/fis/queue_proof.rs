//! The proof that the events of one account and Region come through to a queue of the user's. It takes a handshake,
//! as that of a subscription, or the first event of an experiment of the run. It is sought while the run goes on, and
//! FIS is asked directly until it is found: nothing waits for it, and nothing relies on events without it.

use std::time::Duration;

use tokio::time::Instant;

use super::inbox::Inbox;
use super::pause::pause;
use super::subscription::handshake::{HANDSHAKE_TIMEOUT, put_handshakes};
use crate::{EngineFailure, FailureKind};
use faultgate_net::aws::AwsPlace;

/// Pauses between two handshakes: they grow from the first to the longest.
const FIRST_PUT_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PUT_PAUSE: Duration = Duration::from_secs(10);

/// The search for the proof.
pub(super) struct QueueProof {
    pub(super) events: aws_sdk_eventbridge::Client,
    pub(super) inbox: Inbox,
    pub(super) place: AwsPlace,
    pub(super) nonce: String,
    pub(super) run_id: String,
    /// Name of the queue.
    pub(super) queue: String,
}

impl QueueProof {
    /// Puts handshakes on the default bus until one has come out of the queue or the time is up.
    pub(super) async fn seek(self) {
        let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
        let mut changed = self.inbox.subscribe();
        let mut refused: Option<EngineFailure> = None;
        for attempt in 0.. {
            // A permission that is missing does not come by waiting, but an event of an experiment may.
            let may_put = refused.as_ref().is_none_or(|failure| failure.kind != FailureKind::Denied);
            if may_put {
                let nonce = [self.nonce.as_str()];
                let putting = put_handshakes(&self.events, &nonce, &self.run_id, &self.place);
                if let Ok(put) = tokio::time::timeout_at(deadline, putting).await {
                    refused = put.err();
                }
            }
            let next = deadline.min(Instant::now() + pause(FIRST_PUT_PAUSE, LONGEST_PUT_PAUSE, attempt));
            while Instant::now() < next {
                if self.inbox.is_proved() {
                    return;
                }
                let _ = tokio::time::timeout_at(next, changed.changed()).await;
            }
            if next == deadline {
                self.inbox.miss_proof(self.tell(refused.as_ref()));
                return;
            }
        }
    }

    fn tell(&self, refused: Option<&EngineFailure>) -> String {
        let (AwsPlace { account, region, .. }, queue) = (&self.place, &self.queue);
        let why = refused.map_or_else(
            || {
                "the handshakes on its default bus are lost: a rule there and each bus on the way must take \
                 aws.fis and faultgate.handshake (docs/hub.md)"
                    .to_owned()
            },
            EngineFailure::with_remedy,
        );
        format!(
            "no event of account {account} in {region} has come out of {queue} within {}s: {why}",
            HANDSHAKE_TIMEOUT.as_secs()
        )
    }
}
