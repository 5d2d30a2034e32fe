//! The proof of a subscription by handshakes: events that the run sends to itself, one for each rule.

use std::time::Duration;

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Subscription, fail_as_cancelled};
use crate::fis::clients::Clients;
use crate::fis::error::{failure, is_missing, unreadable};
use crate::fis::events::{HANDSHAKE_DETAIL_TYPE, HANDSHAKE_SOURCE};
use crate::fis::inbox::Inbox;
use crate::fis::pause::pause;
use crate::{EngineFailure, FailureKind};
use faultgate_core::clock::Clock;
use faultgate_net::aws::AwsPlace;

/// Time within which each handshake has to arrive. A new rule may take a while to match.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);
/// Pauses between two handshakes: they grow from the first to the longest.
const FIRST_PUT_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PUT_PAUSE: Duration = Duration::from_secs(3);
const BUS: &str = "default";
const PUT_HANDSHAKE: &str = "put a handshake event on the default bus";

impl Subscription {
    /// Puts handshakes on the bus until each rule has brought its own to the queue, or the time is up.
    pub(in crate::fis) async fn prove(
        &self,
        clients: &Clients,
        inbox: &Inbox,
        clock: &Clock,
        cancelled: &CancellationToken,
    ) -> Result<(), EngineFailure> {
        let begun = clock.elapsed();
        let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
        let mut changed = inbox.subscribe();
        for rule in &self.rules {
            inbox.await_handshake(&rule.pattern.nonce);
        }
        let events = clients.events();
        for attempt in 0.. {
            let missing = self.list_unproved(inbox);
            if missing.is_empty() {
                self.handshake.set(Some(clock.elapsed().saturating_sub(begun)));
                return Ok(());
            }
            let putting = tokio::time::timeout_at(
                deadline,
                put_handshakes(&events, &missing, &self.run_id, &self.place),
            );
            let put = putting
                .await
                .unwrap_or_else(|_| Err(unreadable(PUT_HANDSHAKE, "EventBridge does not answer")));
            let refused = match put {
                Ok(()) => None,
                Err(failure) if failure.kind == FailureKind::Denied => return Err(failure),
                Err(failure) => Some(failure),
            };
            // A handshake that was put before the rule matched is lost, so each round puts new ones.
            let next = Instant::now() + pause(FIRST_PUT_PAUSE, LONGEST_PUT_PAUSE, attempt);
            while !self.list_unproved(inbox).is_empty() {
                tokio::select! {
                    () = cancelled.cancelled() => return Err(fail_as_cancelled(&self.name)),
                    () = tokio::time::sleep_until(deadline) => {
                        return Err(match refused {
                            Some(failure) => failure,
                            None => self.diagnose(clients, inbox).await,
                        });
                    }
                    () = tokio::time::sleep_until(next) => break,
                    _ = changed.changed() => {}
                }
            }
        }
        unreachable!("the loop ends by a return")
    }

    /// Returns the nonces of the rules whose handshakes have not arrived.
    fn list_unproved(&self, inbox: &Inbox) -> Vec<&str> {
        self.rules
            .iter()
            .map(|rule| rule.pattern.nonce.as_str())
            .filter(|nonce| !inbox.has_handshake(nonce))
            .collect()
    }

    /// Finds out which part of the way from the bus to the queue is missing. A part that cannot be looked at
    /// is not blamed.
    async fn diagnose(&self, clients: &Clients, inbox: &Inbox) -> EngineFailure {
        let unproved = self.list_unproved(inbox);
        let rule = self.rules.iter().find(|rule| unproved.contains(&rule.pattern.nonce.as_str()));
        let name = rule.map_or(self.name.as_str(), |rule| rule.name.as_str());
        let url = self.queue_url.borrow().clone().unwrap_or_default();
        let events = clients.events();
        let (rule, targets, queue) = tokio::join!(
            events.describe_rule().name(name).send(),
            events.list_targets_by_rule().rule(name).send(),
            clients
                .sqs()
                .get_queue_attributes()
                .queue_url(url)
                .attribute_names(QueueAttributeName::Policy)
                .send(),
        );
        let part = if let Some(trouble) = inbox.trouble() {
            format!("the queue cannot be read: {trouble}")
        } else if rule.as_ref().err().is_some_and(is_missing) {
            format!("the rule {name} is gone: somebody has deleted it")
        } else if matches!(&rule, Ok(rule) if rule.state().is_some_and(|state| state.as_str() == "DISABLED"))
        {
            format!("the rule {name} is disabled")
        } else if matches!(&targets, Ok(targets) if targets.targets().is_empty()) {
            format!("the rule {name} has no target")
        } else if queue.as_ref().err().is_some_and(is_missing) {
            format!("the queue {} is gone: somebody has deleted it", self.name)
        } else if matches!(&queue, Ok(queue) if queue.attributes().is_none_or(|all| !all.contains_key(&QueueAttributeName::Policy)))
        {
            format!("the queue {} has lost the policy that lets EventBridge send to it", self.name)
        } else {
            format!(
                "rule, target, queue and policy are in place, but EventBridge delivers nothing from the default bus \
                 to the queue {}",
                self.name
            )
        };
        let why = format!(
            "no handshake event came out of the queue within {}s: {part}",
            HANDSHAKE_TIMEOUT.as_secs()
        );
        EngineFailure::new(FailureKind::Unanswered, "subscribe to FIS state changes", why).remedy(
            "look for a service control policy, a KMS key on new queues that events.amazonaws.com may not use, or a \
             VPC endpoint policy; or set monitor to poll"
                .to_owned(),
        )
    }
}

/// Puts handshakes with these nonces on the default bus.
pub(in crate::fis) async fn put_handshakes(
    events: &aws_sdk_eventbridge::Client,
    nonces: &[&str],
    run_id: &str,
    place: &AwsPlace,
) -> Result<(), EngineFailure> {
    // PutEvents takes ten entries at most.
    for nonces in nonces.chunks(10) {
        let entries = nonces.iter().map(|nonce| {
            PutEventsRequestEntry::builder()
                .source(HANDSHAKE_SOURCE)
                .detail_type(HANDSHAKE_DETAIL_TYPE)
                .detail(json!({"nonce": nonce, "run-id": run_id}).to_string())
                .event_bus_name(BUS)
                .build()
        });
        let answer = events
            .put_events()
            .set_entries(Some(entries.collect()))
            .send()
            .await
            .map_err(|error| failure(error, "PutEvents", PUT_HANDSHAKE, place))?;
        if let Some(entry) = answer.entries().iter().find(|entry| entry.error_code().is_some()) {
            let code = entry.error_code().unwrap_or_default();
            return Err(unreadable(
                PUT_HANDSHAKE,
                &format!("{code}: {}", entry.error_message().unwrap_or_default()),
            ));
        }
    }
    Ok(())
}
