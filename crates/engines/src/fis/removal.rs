//! The removal of rules and queues, by a run and by a sweep. Each is tried again until it is gone or the time
//! is up; whatever is left is named together with the command that removes it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

use super::clients::Clients;
use super::error::{failure, unreadable};
use super::pages::{MAX_ENTRIES_PER_PAGE, next_page};
use super::pause::pause;
use crate::{EngineFailure, FailureKind};
use faultgate_core::text;
use faultgate_net::aws::AwsPlace;

/// Pauses between attempts to remove something: they grow from the first to the longest.
const FIRST_RETRY_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_RETRY_PAUSE: Duration = Duration::from_secs(3);
/// Time after which a queue that was just made can be found: SQS asks for a second before it is used.
const NEW_QUEUE_VISIBLE_AFTER: Duration = Duration::from_secs(1);
/// Maximum number of targets that one RemoveTargets takes.
const MAX_TARGETS_PER_REQUEST: usize = 100;

/// Number of rules of one subscription that are made or removed at once: there is one for every few dozen
/// templates.
pub(super) const MAX_RULES_AT_ONCE: usize = 8;

/// The targets that are removed with a rule: EventBridge does not delete a rule with targets.
#[derive(Debug, Clone, Copy)]
pub(super) enum RuleTargets {
    /// The one target with this id, which the run has made.
    Own(&'static str),
    /// All targets, whoever has added them.
    All,
}

/// The rules and the queue to remove: only those that were made, or may have been.
#[derive(Debug)]
pub(super) struct Removal {
    pub(super) rules: Vec<String>,
    pub(super) targets: RuleTargets,
    pub(super) queue: Option<QueueToRemove>,
}

impl Removal {
    /// Returns `true` if there is nothing to remove.
    pub(super) fn is_nothing(&self) -> bool {
        self.rules.is_empty() && self.queue.is_none()
    }
}

/// A queue to remove.
#[derive(Debug)]
pub(super) struct QueueToRemove {
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
        let failure = until(deadline, || remove_rule(clients, place, rule, removal.targets)).await.err()?;
        Some(rule_left(place, rule, removal.targets, &failure.to_string()))
    });
    let queue = async {
        let queue = removal.queue.as_ref()?;
        let failure = until(deadline, || remove_queue(clients, place, queue)).await.err()?;
        Some(queue_left(place, queue, &failure.to_string()))
    };
    let rules = stream::iter(rules).buffered(MAX_RULES_AT_ONCE).collect::<Vec<_>>();
    let (rules, queue) = tokio::join!(rules, queue);
    rules.into_iter().chain([queue]).flatten().collect()
}

/// Returns a text for each rule and queue, as they are named when there was no time to remove them.
pub(super) fn not_removed(place: &AwsPlace, removal: &Removal) -> Vec<String> {
    const WHY: &str = "there was no time to remove it";
    let rules = removal.rules.iter().map(|rule| rule_left(place, rule, removal.targets, WHY));
    rules.chain(removal.queue.as_ref().map(|queue| queue_left(place, queue, WHY))).collect()
}

/// Names a rule that is left, with the commands that remove it.
pub(super) fn rule_left(place: &AwsPlace, rule: &str, targets: RuleTargets, why: &str) -> String {
    let region = &place.region;
    let ids = match targets {
        RuleTargets::Own(id) => format!("{id} &&"),
        RuleTargets::All => format!(
            "$(aws events list-targets-by-rule --region {region} --rule {rule} --query 'Targets[].Id' --output text);"
        ),
    };
    let command = text::code(&format!(
        "aws events remove-targets --region {region} --rule {rule} --ids {ids} aws events delete-rule \
         --region {region} --name {rule}"
    ));
    format!("rule {rule} ({why}); remove it by: {command}")
}

/// Names a queue that is left, with the command that removes it. Where the URL is not known, the command
/// looks it up.
pub(super) fn queue_left(
    AwsPlace { region, .. }: &AwsPlace,
    QueueToRemove { name, url }: &QueueToRemove,
    why: &str,
) -> String {
    let url = url.clone().unwrap_or_else(|| {
        format!(
            "$(aws sqs get-queue-url --region {region} --query QueueUrl --output text --queue-name {name})"
        )
    });
    let command = text::code(&format!("aws sqs delete-queue --region {region} --queue-url {url}"));
    format!("queue {name} ({why}); remove it by: {command}")
}

/// Repeats an attempt while another one may help. A thing that was just made may be missing for a moment, so
/// it counts as gone when it is missing twice.
pub(super) async fn until<F: Future<Output = Result<(), EngineFailure>>>(
    deadline: Instant,
    mut attempt: impl FnMut() -> F,
) -> Result<(), EngineFailure> {
    let mut missing = false;
    for retry in 0.. {
        let failed = match tokio::time::timeout_at(deadline, attempt()).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure)) => failure,
            Err(_) => {
                let why = "no answer in the time there was";
                return Err(EngineFailure::new(FailureKind::Unanswered, "remove it", why));
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

/// Removes a rule, its targets first.
pub(super) async fn remove_rule(
    clients: &Clients,
    place: &AwsPlace,
    rule: &str,
    targets: RuleTargets,
) -> Result<(), EngineFailure> {
    let what = format!("remove the rule {rule}");
    let ids = match targets {
        RuleTargets::Own(id) => vec![id.to_owned()],
        RuleTargets::All => list_targets(clients, place, rule).await?,
    };
    let events = clients.events();
    for ids in ids.chunks(MAX_TARGETS_PER_REQUEST) {
        let request = events.remove_targets().rule(rule).set_ids(Some(ids.to_vec()));
        let answer = request.send().await.map_err(|error| failure(error, "RemoveTargets", &what, place))?;
        // RemoveTargets answers 200 even where it did not remove a target.
        if let Some(entry) = answer.failed_entries().first() {
            return Err(unreadable(&what, entry.error_message().unwrap_or("a target was not removed")));
        }
    }
    let deleted = events.delete_rule().name(rule).send().await;
    deleted.map(drop).map_err(|error| failure(error, "DeleteRule", what, place))
}

/// Lists the ids of all targets of a rule.
async fn list_targets(clients: &Clients, place: &AwsPlace, rule: &str) -> Result<Vec<String>, EngineFailure> {
    let what = format!("list the targets of the rule {rule}");
    let events = clients.events();
    let mut ids = BTreeSet::new();
    let mut token: Option<String> = None;
    loop {
        let request = events.list_targets_by_rule().rule(rule).limit(MAX_ENTRIES_PER_PAGE);
        let answer = request.set_next_token(token.clone()).send().await;
        let page = answer.map_err(|error| failure(error, "ListTargetsByRule", &what, place))?;
        ids.extend(page.targets.unwrap_or_default().into_iter().map(|target| target.id));
        match next_page(page.next_token, token.as_deref(), &what)? {
            Some(next) => token = Some(next),
            None => return Ok(ids.into_iter().collect()),
        }
    }
}

/// Removes a queue. Its URL is looked up by its name where it is not known.
pub(super) async fn remove_queue(
    clients: &Clients,
    place: &AwsPlace,
    queue: &QueueToRemove,
) -> Result<(), EngineFailure> {
    let what = format!("remove the queue {}", queue.name);
    let sqs = clients.sqs();
    let url = if let Some(url) = &queue.url {
        url.clone()
    } else {
        let found = sqs.get_queue_url().queue_name(&queue.name).send().await;
        let found = found.map_err(|error| failure(error, "GetQueueUrl", &what, place))?;
        found.queue_url.unwrap_or_default()
    };
    let deleted = sqs.delete_queue().queue_url(url).send().await;
    deleted.map(drop).map_err(|error| failure(error, "DeleteQueue", what, place))
}
