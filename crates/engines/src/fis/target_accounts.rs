//! The target accounts of a template that acts in several: the configurations that FIS lists, and what is
//! wrong with them. An experiment that lacks a configuration, or a role in it, hits other resources than its
//! template says, or fails when others have been hit.

use std::collections::BTreeSet;

use aws_sdk_fis::types::TargetAccountConfigurationSummary;
use futures_util::stream::{self, StreamExt};

use super::FisEngine;
use super::error::{failure, unreadable};
use super::pages::next_page;
use super::preflight::could_not_look;
use crate::{EngineFailure, FailureKind};
use faultgate_core::model::{ExperimentPlan, Finding, Level};
use faultgate_core::text;
use faultgate_net::aws::AwsPlace;

/// Maximum number of pages of target accounts that are read. FIS allows 40 accounts.
const MAX_PAGES: usize = 10;
/// Number of templates whose target accounts are asked for at once.
const MAX_ASKED_AT_ONCE: usize = 8;
/// Maximum length of a text from outside, in characters.
const MAX_TEXT_CHARS: usize = 100;

/// The target accounts that are configured for a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ConfiguredAccounts {
    /// Ids of the accounts.
    ids: Vec<String>,
    /// The faults of the configurations, each as a clause.
    faults: Vec<String>,
}

impl ConfiguredAccounts {
    /// Judges the configurations of a template that acts in several accounts. `counted` is how many of them
    /// the template has by its own record, if that tells.
    fn judge(listed: &[TargetAccountConfigurationSummary], counted: Option<i64>) -> Self {
        let plain = |told: &str| text::plain(told, MAX_TEXT_CHARS);
        let mut judged = Self::default();
        let mut known = BTreeSet::new();
        for configuration in listed {
            let role = configuration.role_arn().filter(|role| !role.is_empty());
            let Some(id) = configuration.account_id().filter(|id| !id.is_empty()) else {
                let of = role.map(|role| format!(" (its role is {})", plain(role))).unwrap_or_default();
                judged.faults.push(format!("a target account configuration names no account{of}"));
                continue;
            };
            match role {
                None => judged.faults.push(format!("the target account {} has no role", plain(id))),
                Some(role) if AwsPlace::of_role(role, "").is_none_or(|place| place.account != id) => {
                    let (id, role) = (plain(id), plain(role));
                    judged
                        .faults
                        .push(format!("the target account {id} has a role that is not of it: {role}"));
                }
                Some(_) => {}
            }
            if !known.insert(id) {
                judged.faults.push(format!("the target account {} is listed twice", plain(id)));
            }
            judged.ids.push(id.to_owned());
        }
        let count = i64::try_from(listed.len()).unwrap_or(i64::MAX);
        if let Some(counted) = counted.filter(|counted| *counted != count) {
            judged
                .faults
                .push(format!("the template counts {counted} target accounts, and FIS lists {count}"));
        } else if count == 0 {
            judged.faults.push("it acts in several accounts, and no target account is configured".to_owned());
        }
        judged
    }

    /// Returns the ids of the accounts. The error says why they are not known.
    pub(super) fn into_ids(self) -> Result<Vec<String>, String> {
        if self.faults.is_empty() { Ok(self.ids) } else { Err(self.faults.join("; ")) }
    }
}

impl FisEngine {
    /// Reads the accounts that are configured for a template that acts in several. A second call asks for
    /// nothing again.
    pub(super) async fn configured_accounts(
        &self,
        template: &str,
    ) -> Result<ConfiguredAccounts, EngineFailure> {
        if let Some(known) = self.target_accounts.borrow().get(template) {
            return Ok(known.clone());
        }
        let listed = self.list_configurations(template).await?;
        let counted = self.templates.borrow().get(template).and_then(|known| known.target_accounts_count);
        let judged = ConfiguredAccounts::judge(&listed, counted);
        self.target_accounts.borrow_mut().insert(template.to_owned(), judged.clone());
        Ok(judged)
    }

    /// Reads all pages of the configurations. A list that is not read to its end is a failure, because the
    /// account that is missing from it may be the one that is forbidden.
    async fn list_configurations(
        &self,
        template: &str,
    ) -> Result<Vec<TargetAccountConfigurationSummary>, EngineFailure> {
        let what = format!("read the target accounts of the template {template}");
        let (mut all, mut next) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let request = self.clients.fis.list_target_account_configurations();
            let request = request.experiment_template_id(template).set_next_token(next.clone());
            let page = request
                .send()
                .await
                .map_err(|error| failure(error, "ListTargetAccountConfigurations", &what, &self.place()))?;
            let Some(listed) = page.target_account_configurations else {
                return Err(unreadable(&what, "the answer holds no list of them"));
            };
            all.extend(listed);
            next = next_page(page.next_token, next.as_deref(), &what)?;
            if next.is_none() {
                return Ok(all);
            }
        }
        Err(EngineFailure::new(FailureKind::Unanswered, what, "there are more than FIS allows"))
    }

    /// Checks the target accounts of the experiments' templates. Accounts that may not be read are a note: the
    /// preview itself tells if FIS cannot act there.
    pub(super) async fn check_configured_accounts(&self, experiments: &[&ExperimentPlan]) -> Vec<Finding> {
        let wanted: BTreeSet<String> = {
            let templates = self.templates.borrow();
            let has_accounts = |id: &&str| templates.get(*id).is_some_and(|one| one.has_target_accounts);
            let ids = experiments.iter().map(|experiment| experiment.spec.source()).filter(has_accounts);
            ids.map(str::to_owned).collect()
        };
        let checks = wanted.iter().map(|template| self.check_accounts_of(template));
        let findings: Vec<Vec<Finding>> = stream::iter(checks).buffered(MAX_ASKED_AT_ONCE).collect().await;
        findings.into_iter().flatten().collect()
    }

    async fn check_accounts_of(&self, template: &str) -> Vec<Finding> {
        let subject = format!("template {template}");
        match self.configured_accounts(template).await {
            Ok(ConfiguredAccounts { faults, .. }) => {
                let region = self.place().region;
                let finding = |fault| {
                    Finding::new(Level::Error, &subject, fault).with_remedy(format!(
                        "give each target account a configuration with its id and a role: `aws fis \
                         list-target-account-configurations --region {region} --experiment-template-id {template}`"
                    ))
                };
                faults.into_iter().map(finding).collect()
            }
            Err(failure) if failure.kind == FailureKind::Denied => vec![could_not_look(&subject, &failure)],
            Err(failure) => vec![failure.to_finding(Level::Error, &subject)],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "111122223333";
    const TWO: &str = "999988887777";
    const ROLE_IN_ONE: &str = "arn:aws:iam::111122223333:role/target";
    const ROLE: &str = "arn:aws:iam::999988887777:role/target";

    fn configuration(account: Option<&str>, role: Option<&str>) -> TargetAccountConfigurationSummary {
        let builder = TargetAccountConfigurationSummary::builder();
        builder.set_account_id(account.map(str::to_owned)).set_role_arn(role.map(str::to_owned)).build()
    }

    #[test]
    fn accounts_are_known_where_each_has_an_id_and_a_role_and_none_is_missing() {
        let whole = [configuration(Some(ONE), Some(ROLE_IN_ONE)), configuration(Some(TWO), Some(ROLE))];
        let ids = |listed: &[_], counted| ConfiguredAccounts::judge(listed, counted).into_ids();
        for counted in [Some(2), None] {
            assert_eq!(ids(&whole, counted), Ok(vec![ONE.to_owned(), TWO.to_owned()]), "{counted:?}");
        }
        let twice = [whole[0].clone(), whole[0].clone()];
        let cases: [(&[_], Option<i64>, &str); 10] = [
            (
                &[configuration(Some(ONE), Some(ROLE))],
                Some(1),
                "the target account 111122223333 has a role that is not of it: arn:aws:iam::999988887777:role/target",
            ),
            (&[configuration(Some(TWO), None)], Some(1), "the target account 999988887777 has no role"),
            (&[configuration(Some(TWO), Some(""))], Some(1), "the target account 999988887777 has no role"),
            (
                &[configuration(None, Some(ROLE))],
                Some(1),
                "a target account configuration names no account (its role is arn:aws:iam::999988887777:role/target)",
            ),
            (&[configuration(Some(""), None)], None, "a target account configuration names no account"),
            (&twice, Some(2), "the target account 111122223333 is listed twice"),
            (&whole, Some(3), "the template counts 3 target accounts, and FIS lists 2"),
            (&whole, Some(1), "the template counts 1 target accounts, and FIS lists 2"),
            (&[], Some(2), "the template counts 2 target accounts, and FIS lists 0"),
            (&[], Some(0), "it acts in several accounts, and no target account is configured"),
        ];
        for (listed, counted, why) in cases {
            assert_eq!(ids(listed, counted), Err(why.to_owned()), "{listed:?} of {counted:?}");
        }
    }
}
