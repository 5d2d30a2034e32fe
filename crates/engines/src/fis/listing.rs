//! The lists that FIS has of one experiment: the resources that its targets resolved to, and the accounts
//! that it was to act in.

use std::time::Duration;

use super::clients::Clients;
use super::error::failure;
use super::record::Resolved;
use crate::Watcher;
use faultgate_core::duration::exact;
use faultgate_net::aws::AwsPlace;

/// Maximum number of pages of resolved targets that are read, of 100 targets each.
const MAX_TARGET_PAGES: usize = 10;
/// Maximum number of pages of accounts that are read. FIS allows 40 accounts.
const MAX_ACCOUNT_PAGES: usize = 10;
/// Time within which the resolved targets must be read. The confirmation of an end waits for them.
const LIST_LIMIT: Duration = Duration::from_secs(20);

/// The lists of one experiment. A list that cannot be read is None, and a warning to the watcher.
pub(super) struct Listing<'a> {
    pub(super) clients: &'a Clients,
    pub(super) place: AwsPlace,
    pub(super) id: &'a str,
    pub(super) watcher: &'a dyn Watcher,
}

impl Listing<'_> {
    /// Reads the resolved targets, as many as the pages allow.
    pub(super) async fn resolved_targets(self) -> Option<Resolved> {
        let (id, watcher) = (self.id, self.watcher);
        let reading = tokio::time::timeout(LIST_LIMIT, self.read_resolved_targets()).await;
        reading.unwrap_or_else(|_| {
            let within = exact(LIST_LIMIT);
            watcher.warning(&format!(
                "could not read the resolved targets of {id}: FIS did not answer within {within}"
            ));
            None
        })
    }

    async fn read_resolved_targets(self) -> Option<Resolved> {
        let mut all = Resolved::default();
        let mut next: Option<String> = None;
        for _ in 0..MAX_TARGET_PAGES {
            let request = async || {
                let request = self.clients.fis.list_experiment_resolved_targets().experiment_id(self.id);
                request.set_next_token(next.clone()).send().await
            };
            match self.clients.pace.ask("ListExperimentResolvedTargets", request).await {
                Ok(page) => {
                    all.targets.extend(page.resolved_targets.unwrap_or_default());
                    let is_last = page.next_token.is_none();
                    all.has_more = !is_last;
                    if is_last {
                        break;
                    }
                    next = page.next_token;
                }
                Err(error) => {
                    let what = format!("read the resolved targets of {}", self.id);
                    let failure = failure(error, "ListExperimentResolvedTargets", what, &self.place);
                    self.watcher.warning(&failure.with_remedy());
                    return None;
                }
            }
        }
        Some(all)
    }

    /// Reads the ids of the accounts. A list that is not read to its end is None, because an account that is
    /// missing from it would count as one that FIS does not list.
    pub(super) async fn accounts(self) -> Option<Vec<String>> {
        let mut all = Vec::new();
        let mut next = None;
        for _ in 0..MAX_ACCOUNT_PAGES {
            let request = self.clients.fis.list_experiment_target_account_configurations();
            match request.experiment_id(self.id).set_next_token(next).send().await {
                Ok(page) => {
                    let accounts = page.target_account_configurations.unwrap_or_default();
                    all.extend(accounts.into_iter().filter_map(|account| account.account_id));
                    next = page.next_token;
                }
                Err(error) => {
                    let what = format!("read the target accounts of {}", self.id);
                    let operation = "ListExperimentTargetAccountConfigurations";
                    let failure = failure(error, operation, what, &self.place);
                    self.watcher.warning(&failure.with_remedy());
                    return None;
                }
            }
            if next.is_none() {
                return Some(all);
            }
        }
        self.watcher.warning(&format!("{} has more target accounts than are read", self.id));
        None
    }
}
