//! The preview of an experiment: FIS resolves the targets of an experiment of its own, and skips all actions.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_fis::types::ResolvedTarget;

use super::FisEngine;
use super::error::{failure, unreadable};
use super::pages::{MAX_ENTRIES_PER_PAGE, next_page};
use crate::{EngineFailure, FailureKind, Launched, Preview, Unnoted};
use faultgate_core::model::{ExperimentPlan, Finding, ResourceCount};
use faultgate_core::text;
use faultgate_net::aws::AwsPlace;

/// Maximum number of pages of resolved targets that are read, of 100 targets each.
const MAX_PAGES: usize = 1_000;
/// Maximum length of a text from outside, in characters.
const MAX_TEXT_CHARS: usize = 300;

#[async_trait(?Send)]
impl Preview for FisEngine {
    async fn check_accounts(&self, experiments: &[&ExperimentPlan]) -> Vec<Finding> {
        self.check_configured_accounts(experiments).await
    }

    async fn start_preview(&self, experiment: &ExperimentPlan) -> Result<Launched, EngineFailure> {
        let launch = self.launch_of(experiment).as_preview();
        let calls = self.calls_for(experiment);
        let started = calls.count_in(launch.start(&self.clients, &self.place(), &Unnoted)).await;
        Ok(self.begin(&started?, calls, &launch))
    }

    async fn find_preview(&self, experiment: &ExperimentPlan) -> Result<Option<Launched>, EngineFailure> {
        let launch = self.launch_of(experiment).as_preview();
        let calls = self.calls_for(experiment);
        let found = calls.count_in(launch.search(&self.clients, &self.place())).await?;
        Ok(found.map(|found| self.begin(&found, calls, &launch)))
    }

    async fn count_resolved(&self, launched: &Launched) -> Result<Vec<ResourceCount>, EngineFailure> {
        let tracking = self.tracked.borrow().get(&launched.id).cloned();
        let what = format!("count the resolved targets of {}", launched.id);
        let Some((details, tracking)) = tracking.and_then(|one| Some((one.details.clone()?, one))) else {
            return Err(unreadable(&what, "its record was not read"));
        };
        if let Some(foreign) = details.foreign(&tracking.template, &self.settings.run.id, &tracking.name) {
            return Err(EngineFailure::new(FailureKind::Refused, what, foreign));
        }
        let resolved = match tracking.resolved {
            Some(resolved) => resolved,
            None => tracking.calls.count_in(self.list_resolved(&launched.id, &what)).await?,
        };
        Ok(count_resources(&details.targets, &resolved, &self.place()))
    }
}

impl FisEngine {
    /// Reads all pages of the resolved targets. A list that is not read to its end is a failure.
    async fn list_resolved(&self, id: &str, what: &str) -> Result<Vec<ResolvedTarget>, EngineFailure> {
        let (mut all, mut next) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let request = self.clients.fis.list_experiment_resolved_targets().experiment_id(id);
            let request = request.max_results(MAX_ENTRIES_PER_PAGE).set_next_token(next.clone());
            let page = request.send().await;
            let page =
                page.map_err(|error| failure(error, "ListExperimentResolvedTargets", what, &self.place()))?;
            all.extend(page.resolved_targets.unwrap_or_default());
            next = next_page(page.next_token, next.as_deref(), what)?;
            if next.is_none() {
                return Ok(all);
            }
        }
        Err(unreadable(what, "the list has no end"))
    }
}

/// Counts resources by target, type, account and Region. `targets` are the names of all targets with their
/// types: one that has resolved to nothing is counted with 0. `place` is that of the experiment, where a
/// resource does not tell its own.
fn count_resources(
    targets: &BTreeMap<String, String>,
    resolved: &[ResolvedTarget],
    place: &AwsPlace,
) -> Vec<ResourceCount> {
    let mut counts: BTreeMap<(String, String, Option<String>, Option<String>), u64> = BTreeMap::new();
    for target in resolved {
        let name = target.target_name().unwrap_or_default();
        let kind = target.resource_type().or(targets.get(name).map(String::as_str)).unwrap_or_default();
        let (account, region) = find_place(target, place);
        let plain = |text: &str| text::plain(text, MAX_TEXT_CHARS);
        *counts.entry((plain(name), plain(kind), account, region)).or_default() += 1;
    }
    let missing: Vec<_> =
        targets.iter().filter(|(name, _)| !counts.keys().any(|(known, ..)| known == *name)).collect();
    counts.extend(missing.into_iter().map(|(name, kind)| ((name.clone(), kind.clone(), None, None), 0)));
    let count = |((name, resource_type, account, region), count)| ResourceCount {
        name,
        resource_type,
        account,
        region,
        count,
    };
    counts.into_iter().map(count).collect()
}

/// Returns the account and Region of a resource. Only an ARN among its information tells them; what it
/// does not tell is that of the experiment.
fn find_place(target: &ResolvedTarget, place: &AwsPlace) -> (Option<String>, Option<String>) {
    let information: BTreeMap<_, _> = target.target_information().into_iter().flatten().collect();
    // The key `arn` names the resource itself; others may name what it belongs to.
    let own = information.iter().find(|(key, _)| key.as_str() == "arn");
    let mut arns = own.into_iter().chain(&information).map(|(_, value)| value.as_str());
    let found = arns.find_map(|arn| {
        let mut parts = arn.strip_prefix("arn:")?.split(':').skip(2);
        let (region, account) = (parts.next()?, parts.next()?);
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        is_account.then(|| (account.to_owned(), text::plain(region, MAX_TEXT_CHARS)))
    });
    let (account, region) = found.unwrap_or_default();
    let or_own = |told: String, own: &str| Some(if told.is_empty() { own.to_owned() } else { told });
    (or_own(account, &place.account).filter(|account| account != "*"), or_own(region, &place.region))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> AwsPlace {
        AwsPlace { account: "111122223333".to_owned(), ..AwsPlace::in_region("eu-west-1") }
    }

    fn target(name: &str, information: &[(&str, &str)]) -> ResolvedTarget {
        let information = information.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        ResolvedTarget::builder()
            .target_name(name)
            .resource_type("aws:ec2:instance")
            .set_target_information(Some(information.collect()))
            .build()
    }

    fn told(counts: &[ResourceCount]) -> Vec<(String, String, u64)> {
        counts.iter().map(|count| (count.name.clone(), count.write_place(), count.count)).collect()
    }

    fn row(name: &str, place: &str, count: u64) -> (String, String, u64) {
        (name.to_owned(), place.to_owned(), count)
    }

    #[test]
    fn resources_are_counted_by_the_accounts_and_regions_of_their_arns() {
        let other = "arn:aws:ec2:eu-central-1:999988887777:instance/i-3";
        let resolved = [
            target("web", &[("arn", "arn:aws:ec2:eu-west-1:111122223333:instance/i-1")]),
            target("web", &[("arn", "arn:aws:ec2:eu-west-1:111122223333:instance/i-2")]),
            target("web", &[("arn", other), ("aaa", "arn:aws:iam::111122223333:role/x")]),
            target("role", &[("arn", "arn:aws:iam::999988887777:role/app")]),
            target("bucket", &[("arn", "arn:aws:s3:::bucket")]),
            target("zone", &[("availabilityZone", "euw1-az1")]),
        ];
        assert_eq!(
            told(&count_resources(&BTreeMap::new(), &resolved, &place())),
            [
                row("bucket", "111122223333 eu-west-1", 1),
                row("role", "999988887777 eu-west-1", 1),
                row("web", "111122223333 eu-west-1", 2),
                row("web", "999988887777 eu-central-1", 1),
                row("zone", "111122223333 eu-west-1", 1),
            ]
        );
    }

    #[test]
    fn a_target_without_resources_is_counted_with_none_and_an_unknown_one_counts() {
        let names = ["web", "db"].map(|name| (name.to_owned(), "aws:rds:db".to_owned()));
        let resolved = [target("web", &[]), target("not in the record", &[])];
        let counts = count_resources(&BTreeMap::from(names), &resolved, &AwsPlace::in_region("eu-west-1"));
        assert_eq!(
            told(&counts),
            [row("db", "", 0), row("not in the record", "eu-west-1", 1), row("web", "eu-west-1", 1)]
        );
        assert_eq!(counts[0].resource_type, "aws:rds:db");
    }
}
