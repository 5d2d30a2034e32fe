//! The run's own rules and queue: they are made, proved by handshakes, and removed. Nothing is launched
//! before each rule has brought its handshake to the queue. Anything that may have been made counts as made
//! until it is removed or named.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use aws_sdk_eventbridge::error::ProvideErrorMetadata as _;
use aws_sdk_eventbridge::types::{Tag, Target};
use aws_sdk_sqs::types::QueueAttributeName;
use futures_util::stream::{self, StreamExt};
use serde_json::json;

pub(super) mod handshake;

use super::clients::Clients;
use super::error::{failure, unreadable};
use super::pattern::{AlarmsToTake, RulePattern, patterns};
use super::removal::{MAX_RULES_AT_ONCE, QueueToRemove, Removal, RuleTargets, not_removed, remove};
use super::tags::{EXPIRES_AT, RUN, moment, tag_value};
use crate::{EngineFailure, FailureKind};
use faultgate_core::model::{RunIdentity, SubscriptionRecord, SubscriptionState};
use faultgate_net::aws::AwsPlace;
use faultgate_net::aws::calls::{Attempts, attempts};

/// Time for which the queue keeps a message, in seconds: a day.
const RETENTION_SECONDS: u32 = 86_400;
/// Time for which a received message stays hidden, in seconds: longer than any run, so that it does not come
/// again.
const VISIBILITY_SECONDS: u32 = 43_200;
const TARGET_ID: &str = "queue";

/// The subscription of a run: the names, tags and patterns to make, and what has become of each.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) name: String,
    place: AwsPlace,
    rules: Vec<SubscriptionRule>,
    tags: Vec<(String, String)>,
    run_id: String,
    expires_at: jiff::Timestamp,
    queue_url: RefCell<Option<String>>,
    /// `true` if the queue exists or may exist.
    queue_made: Cell<bool>,
    /// Duration of the proof by handshakes.
    handshake: Cell<Option<Duration>>,
    /// The leftovers, each with the command that removes it; None as long as no removal was tried.
    left: RefCell<Option<Vec<String>>>,
}

#[derive(Debug)]
struct SubscriptionRule {
    name: String,
    pattern: RulePattern,
    /// `true` if the rule exists or may exist.
    made: Cell<bool>,
}

impl Subscription {
    pub(super) fn new(
        name: &str,
        run: &RunIdentity,
        place: AwsPlace,
        templates: &[String],
        alarms: &AlarmsToTake,
        expires_at: jiff::Timestamp,
    ) -> Self {
        let name = name.to_owned();
        let rules = patterns(templates, &name, alarms)
            .into_iter()
            .enumerate()
            .map(|(number, pattern)| SubscriptionRule {
                name: if number == 0 { name.clone() } else { format!("{name}-{}", number + 1) },
                pattern,
                made: Cell::new(false),
            })
            .collect();
        let mut tags = vec![(RUN.to_owned(), run.id.clone()), (EXPIRES_AT.to_owned(), moment(expires_at))];
        if let Some(url) = &run.url {
            tags.push(("faultgate:url".to_owned(), tag_value(url)));
        }
        Self {
            name,
            place,
            rules,
            tags,
            run_id: run.id.clone(),
            expires_at,
            queue_url: RefCell::new(None),
            queue_made: Cell::new(false),
            handshake: Cell::new(None),
            left: RefCell::new(None),
        }
    }

    /// Returns the subscription that another process has made or begun to make. It can only be removed: all
    /// of it may exist.
    pub(super) fn adopted(state: &SubscriptionState) -> Self {
        let rule = |name: &String| SubscriptionRule {
            name: name.clone(),
            pattern: RulePattern { pattern: String::new(), nonce: String::new(), alarms: Vec::new() },
            made: Cell::new(true),
        };
        Self {
            name: state.name.clone(),
            place: AwsPlace::in_region(&state.region),
            rules: state.rules.iter().map(rule).collect(),
            tags: Vec::new(),
            run_id: String::new(),
            expires_at: state.expires_at,
            queue_url: RefCell::new(state.queue_url.clone()),
            queue_made: Cell::new(true),
            handshake: Cell::new(state.handshake_ms.map(Duration::from_millis)),
            left: RefCell::new(None),
        }
    }

    /// Returns the state by which another process can remove the subscription.
    pub(super) fn state(&self, role_arn: Option<&str>) -> SubscriptionState {
        let left = self.left.borrow();
        SubscriptionState {
            name: self.name.clone(),
            region: self.place.region.clone(),
            role_arn: role_arn.map(str::to_owned),
            rules: self.rules.iter().map(|rule| rule.name.clone()).collect(),
            queue_url: self.queue_url.borrow().clone(),
            expires_at: self.expires_at,
            handshake_ms: self.handshake_ms(),
            removed: left.as_ref().is_some_and(Vec::is_empty) || self.list_made().is_nothing(),
            leftovers: left.clone().unwrap_or_default(),
        }
    }

    /// Returns the names of the alarms whose changes the rules take.
    pub(super) fn alarms(&self) -> impl Iterator<Item = String> {
        self.rules.iter().flat_map(|rule| rule.pattern.alarms.clone())
    }

    /// Makes the queue and the rules at once, then makes the queue the target of each rule. Returns the
    /// queue's URL.
    pub(super) async fn make(&self, clients: &Clients) -> Result<String, EngineFailure> {
        let rules = self.rules.iter().map(|rule| self.make_rule(clients, rule));
        let rules = stream::iter(rules).buffered(MAX_RULES_AT_ONCE).collect::<Vec<_>>();
        let (queue, rules) = tokio::join!(self.make_queue(clients), rules);
        // All of them have ended by here, so a failure leaves no request under way that may still make
        // something.
        rules.into_iter().collect::<Result<(), _>>()?;
        let url = queue?;
        let targets = self.rules.iter().map(|rule| self.make_target(clients, rule));
        let targets = stream::iter(targets).buffered(MAX_RULES_AT_ONCE).collect::<Vec<_>>().await;
        targets.into_iter().collect::<Result<(), _>>()?;
        Ok(url)
    }

    /// Returns everything that was made or may have been made.
    fn list_made(&self) -> Removal {
        let queue = QueueToRemove { name: self.name.clone(), url: self.queue_url.borrow().clone() };
        Removal {
            rules: self.rules.iter().filter(|rule| rule.made.get()).map(|rule| rule.name.clone()).collect(),
            targets: RuleTargets::Own(TARGET_ID),
            queue: self.queue_made.get().then_some(queue),
        }
    }

    /// Removes everything that was made or may have been made, within the given time.
    pub(super) async fn remove(&self, clients: &Clients, within: Duration) {
        let left = remove(clients, &self.place, &self.list_made(), within).await;
        *self.left.borrow_mut() = Some(left);
    }

    fn handshake_ms(&self) -> Option<u64> {
        self.handshake.get().and_then(|took| u64::try_from(took.as_millis()).ok())
    }

    pub(super) fn record(&self) -> SubscriptionRecord {
        let left = self.left.borrow().clone();
        SubscriptionRecord {
            name: self.name.clone(),
            region: Some(self.place.region.clone()),
            handshake_ms: self.handshake_ms(),
            leftovers: left.unwrap_or_else(|| not_removed(&self.place, &self.list_made())),
        }
    }

    fn queue_arn(&self) -> String {
        let AwsPlace { partition, region, account } = &self.place;
        format!("arn:{partition}:sqs:{region}:{account}:{}", self.name)
    }

    fn rule_arn(&self, rule: &SubscriptionRule) -> String {
        let AwsPlace { partition, region, account } = &self.place;
        format!("arn:{partition}:events:{region}:{account}:rule/{}", rule.name)
    }

    /// Makes the queue, together with its policy: a policy that is set later may take a minute to hold.
    async fn make_queue(&self, clients: &Clients) -> Result<String, EngineFailure> {
        let arns: Vec<_> = self.rules.iter().map(|rule| self.rule_arn(rule)).collect();
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "EventsOfThisRun",
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": self.queue_arn(),
                "Condition": {"ArnEquals": {"aws:SourceArn": arns}},
            }],
        });
        let mut request = clients
            .sqs()
            .create_queue()
            .queue_name(&self.name)
            .attributes(QueueAttributeName::Policy, policy.to_string())
            .attributes(QueueAttributeName::MessageRetentionPeriod, RETENTION_SECONDS.to_string())
            .attributes(QueueAttributeName::VisibilityTimeout, VISIBILITY_SECONDS.to_string());
        for (key, value) in &self.tags {
            request = request.tags(key, value);
        }
        let what = format!("make the queue {}", self.name);
        // Set before the request: if its future is dropped, the queue may exist.
        self.queue_made.set(true);
        let (answer, attempts) = attempts(request.send()).await;
        let answer = answer.map_err(|error| {
            let failure = failure(error, "CreateQueue", &what, &self.place);
            self.queue_made.set(may_have_taken_effect(&failure, attempts));
            failure
        })?;
        let url = answer.queue_url.ok_or_else(|| unreadable(&what, "CreateQueue gave no URL"))?;
        *self.queue_url.borrow_mut() = Some(url.clone());
        Ok(url)
    }

    async fn make_rule(&self, clients: &Clients, rule: &SubscriptionRule) -> Result<(), EngineFailure> {
        let what = format!("make the rule {}", rule.name);
        let tags: Result<Vec<_>, _> =
            self.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
        rule.made.set(true);
        let request = clients
            .events()
            .put_rule()
            .name(&rule.name)
            .description(format!(
                "FIS state changes for the faultgate run {}; may be deleted when it is over",
                self.run_id
            ))
            .event_pattern(&rule.pattern.pattern)
            .set_tags(Some(tags.map_err(|error| unreadable(&what, &error.to_string()))?));
        let (answer, attempts) = attempts(request.send()).await;
        answer.map(drop).map_err(|error| {
            let is_full = error.code().is_some_and(is_rule_limit);
            let failure = failure(error, "PutRule", what, &self.place);
            let failure = if is_full { failure.remedy(self.how_to_make_room()) } else { failure };
            rule.made.set(may_have_taken_effect(&failure, attempts));
            failure
        })
    }

    /// Returns what to do where the bus takes no more rules. Nothing has been launched then.
    fn how_to_make_room(&self) -> String {
        let region = &self.place.region;
        format!(
            "the bus has as many rules as it takes, 300 unless AWS has granted more; remove those that earlier runs have \
             left (faultgate sweep --aws-region {region}), or let all runs share one permanent rule: a hub and its queue \
             (monitor: queue, docs/hub.md), or ask AWS for a higher quota"
        )
    }

    async fn make_target(&self, clients: &Clients, rule: &SubscriptionRule) -> Result<(), EngineFailure> {
        let what = format!("make the queue {} a target of the rule {}", self.name, rule.name);
        let target = Target::builder().id(TARGET_ID).arn(self.queue_arn()).build();
        let answer = clients
            .events()
            .put_targets()
            .rule(&rule.name)
            .targets(target.map_err(|error| unreadable(&what, &error.to_string()))?)
            .send()
            .await
            .map_err(|error| failure(error, "PutTargets", &what, &self.place))?;
        match answer.failed_entries().first() {
            None => Ok(()),
            Some(entry) => {
                Err(unreadable(&what, entry.error_message().or(entry.error_code()).unwrap_or("refused")))
            }
        }
    }
}

/// Returns `true` for the code of EventBridge by which a bus takes no more rules. The SDK takes it for
/// throttling, which passes.
pub(super) fn is_rule_limit(code: &str) -> bool {
    code == "LimitExceededException"
}

/// Returns `true` if the failed request may have made something. One that was refused at each attempt has
/// not.
fn may_have_taken_effect(failure: &EngineFailure, attempts: Attempts) -> bool {
    attempts.may_have_taken_effect() || !matches!(failure.kind, FailureKind::Denied | FailureKind::Refused)
}

/// Returns the failure of a subscription whose run was cancelled.
pub(super) fn fail_as_cancelled(name: &str) -> EngineFailure {
    EngineFailure::new(
        FailureKind::Refused,
        format!("finish the subscription {name}"),
        "the run was cancelled",
    )
}
