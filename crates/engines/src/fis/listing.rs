//! What FIS lists of one experiment: the resources its targets resolved to, and the accounts it was to act in.

use super::clients::Clients;
use super::error::failure;
use super::record::Resolved;
use crate::Watcher;
use faultgate_net::aws::Place;

/// Pages of resolved targets that are read, 100 targets each.
const TARGET_PAGES: usize = 10;
/// Pages of accounts that are read: FIS allows 40 accounts.
const ACCOUNT_PAGES: usize = 10;

/// The lists of one experiment. What cannot be read is a warning, and None.
pub(super) struct Listing<'a> {
    pub(super) clients: &'a Clients,
    pub(super) place: Place,
    pub(super) id: &'a str,
    pub(super) watcher: &'a dyn Watcher,
}

impl Listing<'_> {
    pub(super) async fn resolved_targets(self) -> Option<Resolved> {
        let mut all = Resolved::default();
        let request = self.clients.fis.list_experiment_resolved_targets().experiment_id(self.id);
        let mut pages = request.into_paginator().send();
        for _ in 0..TARGET_PAGES {
            match pages.next().await {
                None => break,
                Some(Ok(page)) => {
                    all.has_more = page.next_token.is_some();
                    all.targets.extend(page.resolved_targets.unwrap_or_default());
                }
                Some(Err(error)) => {
                    let what = format!("read the resolved targets of {}", self.id);
                    let failure = failure(&error, "ListExperimentResolvedTargets", what, &self.place);
                    self.watcher.warning(&failure.with_remedy());
                    return None;
                }
            }
        }
        Some(all)
    }

    pub(super) async fn accounts(self) -> Option<Vec<String>> {
        let mut all = Vec::new();
        let mut next = None;
        for _ in 0..ACCOUNT_PAGES {
            let request = self.clients.fis.list_experiment_target_account_configurations();
            match request.experiment_id(self.id).set_next_token(next).send().await {
                Ok(page) => {
                    let accounts = page.target_account_configurations.unwrap_or_default();
                    all.extend(accounts.into_iter().filter_map(|of| of.account_id));
                    next = page.next_token;
                }
                Err(error) => {
                    let what = format!("read the target accounts of {}", self.id);
                    let operation = "ListExperimentTargetAccountConfigurations";
                    let failure = failure(&error, operation, what, &self.place);
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
