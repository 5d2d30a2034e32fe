//! The removal of a run's rules and queue. Each is tried again until it is gone or the time is up; whatever
//! is left is named together with the command that removes it.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::clients::Clients;
use super::error::failure;
use super::pause::pause;
use crate::{Failure, FailureKind};
use faultgate_net::aws::AwsPlace;

/// Pauses between attempts to remove something: they grow from the first to the longest.
const FIRST_RETRY_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_RETRY_PAUSE: Duration = Duration::from_secs(3);
/// Time after which a queue that was just made can be found: SQS asks for a second before it is used.
const NEW_QUEUE_VISIBLE_AFTER: Duration = Duration::from_secs(1);

/// The rules and the queue to remove: only those that were made, or may have been.
#[derive(Debug)]
pub(super) struct Removal {
    pub(super) rules: Vec<String>,
    /// The id of each rule's one target.
    pub(super) target: &'static str,
    pub(super) queue: Option<Queue>,
}

impl Removal {
    /// Returns `true` if there is nothing to remove.
    pub(super) fn is_nothing(&self) -> bool {
        self.rules.is_empty() && self.queue.is_none()
    }
}

/// A queue to remove.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) name: String,
    /// The URL of the queue; None where the answer of CreateQueue, which holds it, was lost.
    pub(super) url: Option<String>,
}

/// Removes the rules and the queue, each tried again until it is gone or the time is up. Returns a text for
/// each that is left, with the command that removes it.
pub(super) async fn remove(
    clients: &Clients,
    place: &AwsPlace,
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

/// Returns a text for each rule and queue, as they are named when there was no time to remove them.
pub(super) fn not_removed(place: &AwsPlace, removal: &Removal) -> Vec<String> {
    const WHY: &str = "there was no time to remove it";
    let rules = removal.rules.iter().map(|rule| rule_left(place, rule, removal.target, WHY));
    rules.chain(removal.queue.as_ref().map(|queue| queue_left(place, queue, WHY))).collect()
}

/// Names a rule that is left, with the commands that remove it.
fn rule_left(AwsPlace { region, .. }: &AwsPlace, rule: &str, target: &str, why: &str) -> String {
    format!(
        "rule {rule} ({why}); remove it by: aws events remove-targets --region {region} --rule {rule} --ids {target} \
         && aws events delete-rule --region {region} --name {rule}"
    )
}

/// Names a queue that is left, with the command that removes it. Where the URL is not known, the command
/// looks it up.
pub(super) fn queue_left(
    AwsPlace { region, .. }: &AwsPlace,
    Queue { name, url }: &Queue,
    why: &str,
) -> String {
    let url = url.clone().unwrap_or_else(|| {
        format!(
            "$(aws sqs get-queue-url --region {region} --query QueueUrl --output text --queue-name {name})"
        )
    });
    format!("queue {name} ({why}); remove it by: aws sqs delete-queue --region {region} --queue-url {url}")
}

/// Repeats an attempt while another one may help. A thing that was just made may be missing for a moment, so
/// it counts as gone when it is missing twice.
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
        let mut next = Instant::now() + pause(FIRST_RETRY_PAUSE, LONGEST_RETRY_PAUSE, retry);
        if failed.kind == FailureKind::Missing {
            if std::mem::replace(&mut missing, true) {
                return Ok(());
            }
            next = Instant::now() + NEW_QUEUE_VISIBLE_AFTER;
        }
        // A permission does not come by waiting, and a pause past the deadline would only hide this failure.
        if failed.kind == FailureKind::Denied || next >= deadline {
            return Err(failed);
        }
        tokio::time::sleep_until(next).await;
    }
    unreachable!("the loop ends by a return")
}

/// Removes a rule. Its target goes first, because EventBridge does not delete a rule with targets.
async fn remove_rule(clients: &Clients, place: &AwsPlace, rule: &str, target: &str) -> Result<(), Failure> {
    let what = format!("remove the rule {rule}");
    let removed = clients.events.remove_targets().rule(rule).ids(target).send().await;
    let answer = removed.map_err(|error| failure(&error, "RemoveTargets", &what, place))?;
    // RemoveTargets answers 200 even where it did not remove the target.
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

/// Removes a queue. Its URL is looked up by its name where it is not known.
async fn remove_queue(clients: &Clients, place: &AwsPlace, removal: &Queue) -> Result<(), Failure> {
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
