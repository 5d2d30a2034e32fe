//! The sweep of one account and Region. It finds leftovers of runs by their names and tags, and removes the
//! rules and queues that have expired. It is safe beside runs and other sweeps: it never touches what has not
//! expired, and a thing that somebody else has removed counts as removed.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_fis::types::ExperimentSummary;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use tokio::time::Instant;

use super::clients::Clients;
use super::error::failure;
use super::events::state_of;
use super::pages::{MAX_ENTRIES_PER_PAGE, next_page, read_listed};
use super::removal::{QueueToRemove, RuleTargets, queue_left, remove_queue, remove_rule, rule_left, until};
use super::tags::{EXPERIMENT, Expiry, RUN, Tags};
use crate::{EngineFailure, FailureKind};
use faultgate_net::aws::AwsPlace;

/// Prefix of the names of all rules and queues that runs make.
const NAME_PREFIX: &str = "faultgate-";
/// Maximum number of requests of one connection at once: EventBridge takes 50 of most of them in a second.
const MAX_REQUESTS_AT_ONCE: usize = 8;
/// Time for which the removal of one rule or queue is tried again.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(30);

/// The two halves of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionPartKind {
    Rule,
    Queue,
}

/// A rule or queue whose name begins as those of runs do.
#[derive(Debug)]
pub struct SubscriptionPart {
    pub kind: SubscriptionPartKind,
    pub name: String,
    /// The ARN of the rule, or the URL of the queue.
    handle: String,
    pub run_id: Option<String>,
    /// The expiry that its tags tell, or the failure to read its tags.
    pub expiry: Result<Expiry, EngineFailure>,
}

impl SubscriptionPart {
    /// Returns the queue to remove, whose URL is the handle.
    fn queue(&self) -> QueueToRemove {
        QueueToRemove { name: self.name.clone(), url: Some(self.handle.clone()) }
    }
}

/// All rules and queues of runs, as far as they could be listed.
#[derive(Debug, Default)]
pub struct SubscriptionParts {
    pub found: Vec<SubscriptionPart>,
    pub unlisted: Vec<EngineFailure>,
}

impl SubscriptionParts {
    /// Returns the ids of the runs that are over, each with the time since which it is: their rules or queues
    /// have expired.
    pub fn runs_over(&self) -> BTreeMap<String, Timestamp> {
        let over = |part: &SubscriptionPart| match (&part.run_id, &part.expiry) {
            (Some(run), Ok(Expiry::Past(since))) => Some((run.clone(), *since)),
            _ => None,
        };
        self.found.iter().filter_map(over).collect()
    }
}

/// An experiment of some run that has not ended.
#[derive(Debug, PartialEq, Eq)]
pub struct OpenExperiment {
    pub id: String,
    pub name: Option<String>,
    pub run_id: String,
    pub expiry: Expiry,
}

/// The sweep's connection to one account and Region.
#[derive(Debug)]
pub struct Sweeper {
    clients: Clients,
    place: AwsPlace,
    now: Timestamp,
}

impl Sweeper {
    /// Makes a sweeper without any request. `sdk` must have a Region; `now` is the time by which expiry is
    /// judged.
    pub fn new(sdk: &SdkConfig, role_arn: Option<&str>, now: Timestamp) -> Self {
        Self { clients: Clients::new(sdk), place: find_place(sdk, role_arn), now }
    }

    /// Lists the rules and queues of runs by their names, each with what its tags say.
    pub async fn parts(&self) -> SubscriptionParts {
        let (mut rules, mut queues) = (Vec::new(), Vec::new());
        let listed = tokio::join!(self.list_rules(&mut rules), self.list_queues(&mut queues));
        let read = |(kind, name, handle)| self.read(kind, name, handle);
        let found = stream::iter(rules.into_iter().chain(queues)).map(read).buffered(MAX_REQUESTS_AT_ONCE);
        SubscriptionParts {
            found: found.filter_map(std::future::ready).collect().await,
            unlisted: [listed.0.err(), listed.1.err()].into_iter().flatten().collect(),
        }
    }

    /// Adds the rules of all pages to `rules`. The pages before one that fails count all the same.
    async fn list_rules(&self, rules: &mut Vec<ListedPart>) -> Result<(), EngineFailure> {
        let mut token: Option<String> = None;
        loop {
            let request =
                self.clients.events().list_rules().name_prefix(NAME_PREFIX).limit(MAX_ENTRIES_PER_PAGE);
            let answer = request.set_next_token(token.clone()).send().await;
            let page = answer.map_err(|error| failure(error, "ListRules", "list the rules", &self.place))?;
            for rule in page.rules.unwrap_or_default() {
                // The prefix is checked again: a name that does not begin with it must never be removed.
                if let (Some(name), Some(arn)) = (rule.name, rule.arn)
                    && name.starts_with(NAME_PREFIX)
                {
                    rules.push((SubscriptionPartKind::Rule, name, arn));
                }
            }
            match next_page(page.next_token, token.as_deref(), "list the rules")? {
                Some(next) => token = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn list_queues(&self, queues: &mut Vec<ListedPart>) -> Result<(), EngineFailure> {
        // SQS returns a token of the next page only where the request has a size of pages.
        let request =
            self.clients.sqs().list_queues().queue_name_prefix(NAME_PREFIX).max_results(MAX_ENTRIES_PER_PAGE);
        let mut urls = request.into_paginator().items().send();
        while let Some(url) = urls.next().await {
            let url = url.map_err(|error| failure(error, "ListQueues", "list the queues", &self.place))?;
            let name = url.rsplit('/').next().unwrap_or_default().to_owned();
            if name.starts_with(NAME_PREFIX) {
                queues.push((SubscriptionPartKind::Queue, name, url));
            }
        }
        Ok(())
    }

    /// Reads the tags of a rule or queue. Returns None where it is gone: SQS goes on to list a deleted queue
    /// for a while.
    async fn read(
        &self,
        kind: SubscriptionPartKind,
        name: String,
        handle: String,
    ) -> Option<SubscriptionPart> {
        let tags = match kind {
            SubscriptionPartKind::Rule => self.tags_of_rule(&name, &handle).await,
            SubscriptionPartKind::Queue => self.tags_of_queue(&name, &handle).await,
        };
        let (run_id, expiry) = match tags {
            Ok(tags) => (tags.get(RUN).cloned(), Ok(Expiry::read(&tags, self.now))),
            // Another sweep, or the run itself, has removed it since it was listed.
            Err(failure) if failure.kind == FailureKind::Missing => return None,
            Err(failure) => (None, Err(failure)),
        };
        Some(SubscriptionPart { kind, name, handle, run_id, expiry })
    }

    async fn tags_of_rule(&self, name: &str, arn: &str) -> Result<Tags, EngineFailure> {
        let answer = self.clients.events().list_tags_for_resource().resource_arn(arn).send().await;
        let what = format!("read the tags of the rule {name}");
        let answer = answer.map_err(|error| failure(error, "ListTagsForResource", what, &self.place))?;
        Ok(answer.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    async fn tags_of_queue(&self, name: &str, url: &str) -> Result<Tags, EngineFailure> {
        let answer = self.clients.sqs().list_queue_tags().queue_url(url).send().await;
        let what = format!("read the tags of the queue {name}");
        let answer = answer.map_err(|error| failure(error, "ListQueueTags", what, &self.place))?;
        Ok(answer.tags.unwrap_or_default().into_iter().collect())
    }

    /// Lists the experiments of runs that have not ended. `over` has the runs that are known to be over, and
    /// since when.
    pub async fn open_experiments(
        &self,
        over: &BTreeMap<String, Timestamp>,
    ) -> Result<Vec<OpenExperiment>, EngineFailure> {
        const WHAT: &str = "list the experiments";
        let mut open = Vec::new();
        let mut pages =
            self.clients.fis.list_experiments().max_results(MAX_ENTRIES_PER_PAGE).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failure(error, "ListExperiments", WHAT, &self.place))?;
            let listed = read_listed(page.experiments, WHAT)?;
            open.extend(listed.iter().filter_map(|summary| open_experiment(summary, over, self.now)));
        }
        Ok(open)
    }

    /// Removes a rule or queue. [`describe_leftover`](Self::describe_leftover) tells of one that could not be removed.
    pub async fn remove(&self, part: &SubscriptionPart) -> Result<(), EngineFailure> {
        let deadline = Instant::now() + REMOVE_TIMEOUT;
        let (clients, place) = (&self.clients, &self.place);
        let removed = until(deadline, || async {
            was_gone(match part.kind {
                SubscriptionPartKind::Rule => remove_rule(clients, place, &part.name, RuleTargets::All).await,
                SubscriptionPartKind::Queue => remove_queue(clients, place, &part.queue()).await,
            })
        });
        removed.await
    }

    /// Returns the text that names a rule or queue which is not removed, with the command that removes it.
    pub fn describe_leftover(&self, part: &SubscriptionPart, why: &str) -> String {
        match part.kind {
            SubscriptionPartKind::Rule => rule_left(&self.place, &part.name, RuleTargets::All, why),
            SubscriptionPartKind::Queue => queue_left(&self.place, &part.queue(), why),
        }
    }
}

/// Returns the place of a connection before the first answer: the account is known by the role, if there is
/// one.
pub(super) fn find_place(sdk: &SdkConfig, role_arn: Option<&str>) -> AwsPlace {
    let region = sdk.region().map(AsRef::as_ref).unwrap_or_default();
    let of_role = role_arn.and_then(|arn| AwsPlace::of_role(arn, region));
    of_role.unwrap_or_else(|| AwsPlace::in_region(region))
}

/// Kind, name, and ARN or URL of a rule or queue that a list holds.
type ListedPart = (SubscriptionPartKind, String, String);

/// Takes a missing rule or queue for removed. It has expired, so it was made long ago and is not merely
/// invisible yet.
fn was_gone(removed: Result<(), EngineFailure>) -> Result<(), EngineFailure> {
    match removed {
        Err(failure) if failure.kind == FailureKind::Missing => Ok(()),
        other => other,
    }
}

/// Returns an experiment of a listing if it is of a run and has not ended.
fn open_experiment(
    summary: &ExperimentSummary,
    over: &BTreeMap<String, Timestamp>,
    now: Timestamp,
) -> Option<OpenExperiment> {
    let status = summary.state().and_then(|state| state.status()).map_or("", |status| status.as_str());
    // An unknown word counts as open, since it might go on to inject.
    if state_of(status).is_terminal() {
        return None;
    }
    let tags: Tags = summary.tags()?.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let run_id = tags.get(RUN)?.clone();
    // Anybody may write a run's id on a queue, so the experiment's own tag decides where it has a time.
    let expiry = match (Expiry::read(&tags, now), over.get(&run_id)) {
        (Expiry::Untagged | Expiry::Unreadable(_), Some(since)) => Expiry::Past(*since),
        (own, _) => own,
    };
    Some(OpenExperiment { id: summary.id()?.to_owned(), name: tags.get(EXPERIMENT).cloned(), expiry, run_id })
}

#[cfg(test)]
mod tests {
    use aws_sdk_fis::types::{ExperimentState, ExperimentStatus};

    use super::super::error::unreadable;
    use super::*;

    const NOW: &str = "2026-11-22T10:00:00Z";
    const BEFORE: &str = "2026-11-22T09:00:00Z";
    const LATER: &str = "2026-11-22T11:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn judged(status: &str, tags: &[(&str, &str)], over: &[&str]) -> Option<Expiry> {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let state = ExperimentState::builder().status(ExperimentStatus::from(status)).build();
        let summary = ExperimentSummary::builder().id("EXP1").state(state).set_tags(Some(tags)).build();
        let over = over.iter().map(|run| ((*run).to_owned(), at(BEFORE))).collect();
        open_experiment(&summary, &over, at(NOW)).map(|open| open.expiry)
    }

    #[test]
    fn an_experiment_is_over_by_its_own_tag_or_without_one_by_its_run() {
        let run = (RUN, "a");
        let past = Some(Expiry::Past(at(BEFORE)));
        let expires = super::super::tags::EXPIRES_AT;
        for status in ["pending", "initiating", "running", "stopping", "a word to come"] {
            assert_eq!(judged(status, &[run], &["a"]), past, "{status}");
            assert_eq!(judged(status, &[run, (expires, BEFORE)], &[]), past, "{status}");
            let ahead = Some(Expiry::Ahead(at(LATER)));
            assert_eq!(judged(status, &[run, (expires, LATER)], &["a"]), ahead, "its own tag counts");
            assert_eq!(judged(status, &[run, (expires, LATER)], &["b"]), ahead, "{status}");
            assert_eq!(judged(status, &[run, (expires, "soon")], &["a"]), past, "its own says nothing");
            assert_eq!(judged(status, &[run], &["b"]), Some(Expiry::Untagged));
            let odd = Some(Expiry::Unreadable("soon".to_owned()));
            assert_eq!(judged(status, &[run, (expires, "soon")], &[]), odd);
            assert_eq!(judged(status, &[(expires, BEFORE)], &["a"]), None, "of no run: not ours");
        }
        for status in ["completed", "stopped", "failed", "cancelled"] {
            assert_eq!(judged(status, &[run, (expires, BEFORE)], &["a"]), None, "{status}");
        }
    }

    #[test]
    fn only_what_has_expired_says_that_a_run_is_over() {
        let part = |run: Option<&str>, expiry| SubscriptionPart {
            kind: SubscriptionPartKind::Queue,
            name: "faultgate-x".to_owned(),
            handle: String::new(),
            run_id: run.map(str::to_owned),
            expiry,
        };
        let found = vec![
            part(Some("a"), Ok(Expiry::Past(at(BEFORE)))),
            part(Some("b"), Ok(Expiry::Ahead(at(LATER)))),
            part(Some("c"), Ok(Expiry::Untagged)),
            part(Some("d"), Ok(Expiry::Unreadable("x".to_owned()))),
            part(None, Ok(Expiry::Past(at(BEFORE)))),
            part(Some("e"), Err(unreadable("read", "x"))),
        ];
        let parts = SubscriptionParts { found, unlisted: Vec::new() };
        assert_eq!(parts.runs_over(), BTreeMap::from([("a".to_owned(), at(BEFORE))]));
    }
}
