//! Removes rules and queues, and says what could not be removed.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::clients::Clients;
use super::error::failure;
use super::pause::pause;
use crate::{Failure, FailureKind};
use faultgate_net::aws::Place;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// SQS asks for a second before a new queue is used.
const VISIBLE_AFTER: Duration = Duration::from_secs(1);

/// What is to be gone: only what was made, or may have been.
#[derive(Debug)]
pub(super) struct Removal {
    pub(super) rules: Vec<String>,
    /// The id of each rule's one target.
    pub(super) target: &'static str,
    pub(super) queue: Option<Queue>,
}

impl Removal {
    pub(super) fn is_nothing(&self) -> bool {
        self.rules.is_empty() && self.queue.is_none()
    }
}

#[derive(Debug)]
pub(super) struct Queue {
    pub(super) name: String,
    /// None where the answer that holds it was lost.
    pub(super) url: Option<String>,
}

/// Removes everything, each part tried again until it is gone or the time is up. Returns what is left, each
/// with the command that removes it.
pub(super) async fn remove(
    clients: &Clients,
    place: &Place,
    removal: &Removal,
    within: Duration,
) -> Vec<String> {
    let deadline = Instant::now() + within;
    let rules = removal.rules.iter().map(|rule| async move {
        let failure = until(deadline, || remove_rule(clients, place, rule, removal.target)).await.err()?;
        Some(rule_left(place, rule, removal.target, &failure.to_string()))
    });
    let queue = async {
        let queue = removal.queue.as_ref()?;
        let failure = until(deadline, || remove_queue(clients, place, queue)).await.err()?;
        Some(queue_left(place, queue, &failure.to_string()))
    };
    let (rules, queue) = tokio::join!(join_all(rules), queue);
    rules.into_iter().chain([queue]).flatten().collect()
}

/// Everything, as it is named when there was no time to remove it.
pub(super) fn not_removed(place: &Place, removal: &Removal) -> Vec<String> {
    const WHY: &str = "there was no time to remove it";
    let rules = removal.rules.iter().map(|rule| rule_left(place, rule, removal.target, WHY));
    rules.chain(removal.queue.as_ref().map(|queue| queue_left(place, queue, WHY))).collect()
}

fn rule_left(Place { region, .. }: &Place, rule: &str, target: &str, why: &str) -> String {
    format!(
        "rule {rule} ({why}); remove it by: aws events remove-targets --region {region} --rule {rule} --ids {target} \
         && aws events delete-rule --region {region} --name {rule}"
    )
}

pub(super) fn queue_left(Place { region, .. }: &Place, Queue { name, url }: &Queue, why: &str) -> String {
    let url = url.clone().unwrap_or_else(|| {
        format!(
            "$(aws sqs get-queue-url --region {region} --query QueueUrl --output text --queue-name {name})"
        )
    });
    format!("queue {name} ({why}); remove it by: aws sqs delete-queue --region {region} --queue-url {url}")
}

/// Tries again while trying may help. What was just made may be missing for a moment, so it is gone when it is
/// missing twice.
pub(super) async fn until<F: Future<Output = Result<(), Failure>>>(
    deadline: Instant,
    mut attempt: impl FnMut() -> F,
) -> Result<(), Failure> {
    let mut missing = false;
    for retry in 0.. {
        let failed = match tokio::time::timeout_at(deadline, attempt()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure)) => failure,
            Err(_) => {
                return Err(Failure {
                    kind: FailureKind::Unanswered,
                    what: "remove it".to_owned(),
                    why: "no answer in the time there was".to_owned(),
                    remedy: None,
                });
            }
        };
        let mut next = Instant::now() + pause(FIRST_PAUSE, LONGEST_PAUSE, retry);
        if failed.kind == FailureKind::Missing {
            if std::mem::replace(&mut missing, true) {
                return Ok(());
            }
            next = Instant::now() + VISIBLE_AFTER;
        }
        if failed.kind == FailureKind::Denied || next >= deadline {
            return Err(failed);
        }
        tokio::time::sleep_until(next).await;
    }
    unreachable!("the loop ends by a return")
}

/// A rule with targets cannot be deleted, so the target goes first.
async fn remove_rule(clients: &Clients, place: &Place, rule: &str, target: &str) -> Result<(), Failure> {
    let what = format!("remove the rule {rule}");
    let removed = clients.events.remove_targets().rule(rule).ids(target).send().await;
    let answer = removed.map_err(|error| failure(&error, "RemoveTargets", &what, place))?;
    if let Some(entry) = answer.failed_entries().first() {
        return Err(Failure {
            kind: FailureKind::Unanswered,
            what,
            why: entry.error_message().unwrap_or("its target was not removed").to_owned(),
            remedy: None,
        });
    }
    let deleted = clients.events.delete_rule().name(rule).send().await;
    deleted.map(drop).map_err(|error| failure(&error, "DeleteRule", what, place))
}

async fn remove_queue(clients: &Clients, place: &Place, removal: &Queue) -> Result<(), Failure> {
    let what = format!("remove the queue {}", removal.name);
    let url = if let Some(url) = &removal.url {
        url.clone()
    } else {
        let found = clients.sqs.get_queue_url().queue_name(&removal.name).send().await;
        let found = found.map_err(|error| failure(&error, "GetQueueUrl", &what, place))?;
        found.queue_url.unwrap_or_default()
    };
    let deleted = clients.sqs.delete_queue().queue_url(url).send().await;
    deleted.map(drop).map_err(|error| failure(&error, "DeleteQueue", what, place))
}
