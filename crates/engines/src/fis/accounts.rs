//! The accounts in which an experiment found resources, where it acts in several. FIS does not say which
//! accounts had no target, so the accounts of the resolved resources are compared with those that were
//! configured.

use std::collections::BTreeSet;

use aws_sdk_fis::types::{AccountTargeting, Experiment, ResolvedTarget};

use super::record::Resolved;

/// The facts that FIS tells about the accounts of an experiment which acts in several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TargetAccounts {
    /// Ids of the accounts that the experiment was to act in; None where they could not be read.
    configured: Option<BTreeSet<String>>,
    /// Number of these accounts by the experiment's own record.
    counted: usize,
    /// Ids of the accounts in which a target resolved to a resource.
    reached: BTreeSet<String>,
    /// The reason for which an account that was not seen may have had resources all the same, if there is
    /// one.
    blind: Option<String>,
}

/// The comparison of the configured accounts with those that were reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reach {
    /// Ids of the accounts without any target.
    pub(super) missed: Vec<String>,
    /// Sentences about what is not known.
    pub(super) unknown: Vec<String>,
}

/// Returns the number of accounts that the record counts: at least one, since an experiment acts somewhere.
pub(super) fn count_accounts(experiment: &Experiment) -> usize {
    let count = experiment.target_account_configurations_count().unwrap_or_default();
    usize::try_from(count).unwrap_or_default().max(1)
}

/// Returns `true` if the experiment acts in accounts that are configured for it, and not only in its own.
pub(super) fn has_several(experiment: &Experiment) -> bool {
    let targeting = experiment.experiment_options().and_then(|options| options.account_targeting());
    targeting == Some(&AccountTargeting::MultiAccount)
        || experiment.target_account_configurations_count().is_some_and(|count| count > 0)
}

impl TargetAccounts {
    /// Collects the facts. `configured` and `resolved` are None where they could not be read.
    pub(super) fn of(configured: Option<Vec<String>>, counted: usize, resolved: Option<&Resolved>) -> Self {
        let targets = || resolved.into_iter().flat_map(|resolved| &resolved.targets);
        let nameless = targets().filter(|target| account_of(target).is_none()).count();
        let blind = match resolved {
            None => Some("the resolved targets could not be read".to_owned()),
            Some(resolved) if resolved.has_more => {
                Some(format!("only the first {} of its resources were read", resolved.targets.len()))
            }
            Some(_) if nameless > 0 => {
                Some(format!("FIS does not say in which account {nameless} of its resources are"))
            }
            Some(_) => None,
        };
        let configured = configured.map(BTreeSet::from_iter);
        Self {
            configured,
            counted,
            reached: targets().filter_map(account_of).map(str::to_owned).collect(),
            blind,
        }
    }

    /// Compares the accounts. An account counts as missed only where all resources were read and tell their
    /// accounts.
    pub(super) fn reach(&self) -> Reach {
        let Some(configured) = &self.configured else {
            let unknown =
                "in which accounts it was to act could not be read, so that one without a target is not told";
            return Reach { unknown: vec![unknown.to_owned()], ..Reach::default() };
        };
        let unseen = || configured.iter().filter(|account| !self.reached.contains(*account));
        let mut reach = match &self.blind {
            None => Reach { missed: unseen().cloned().collect(), ..Reach::default() },
            Some(why) => Reach {
                unknown: unseen()
                    .map(|account| format!("whether the account {account} had a target is not known: {why}"))
                    .collect(),
                ..Reach::default()
            },
        };
        let (listed, counted) = (configured.len(), self.counted);
        if listed < counted {
            let noun = if counted == 1 { "account" } else { "accounts" };
            reach.unknown.push(format!(
                "FIS counts {counted} target {noun} and lists {listed}: whether the others had a target is not known"
            ));
        }
        reach
    }
}

/// Returns the account of a resource, which only an ARN among its information tells.
fn account_of(target: &ResolvedTarget) -> Option<&str> {
    target.target_information()?.values().find_map(|value| {
        let account = value.strip_prefix("arn:")?.split(':').nth(3)?;
        (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())).then_some(account)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "111111111111";
    const TWO: &str = "222222222222";

    fn at(key: &str, value: &str) -> ResolvedTarget {
        ResolvedTarget::builder().target_name("t").target_information(key, value).build()
    }

    fn in_account(account: &str) -> ResolvedTarget {
        at("arn", &format!("arn:aws:ec2:eu-west-1:{account}:instance/i-1"))
    }

    fn reach(targets: Vec<ResolvedTarget>, has_more: bool) -> Reach {
        let configured = vec![ONE.to_owned(), TWO.to_owned()];
        TargetAccounts::of(Some(configured), 2, Some(&Resolved { targets, has_more })).reach()
    }

    #[test]
    fn an_account_that_no_arn_names_had_no_target() {
        assert_eq!(reach(vec![in_account(ONE), in_account(TWO)], false), Reach::default());
        let missed = reach(vec![in_account(ONE), in_account(ONE)], false);
        assert_eq!((missed.missed, missed.unknown), (vec![TWO.to_owned()], vec![]));
        // The account is found by any key, also where the resource is named by more than one.
        let keys =
            reach(vec![in_account(ONE), at("roleArn", &format!("arn:aws:iam::{TWO}:role/app"))], false);
        assert_eq!(keys, Reach::default());
    }

    #[test]
    fn what_cannot_be_known_is_said_and_is_no_reach() {
        let cases = [
            reach(vec![in_account(ONE), at("availabilityZone", "euw1-az1")], false),
            reach(vec![in_account(ONE), at("arn", "arn:aws:s3:::bucket")], false),
            reach(vec![in_account(ONE)], true),
            TargetAccounts::of(Some(vec![TWO.to_owned()]), 1, None).reach(),
        ];
        for reach in cases {
            assert!(reach.missed.is_empty(), "{reach:?}");
            assert_eq!(reach.unknown.len(), 1, "{reach:?}");
            assert!(reach.unknown[0].contains(TWO), "{reach:?}");
        }
        let unread = TargetAccounts::of(None, 2, Some(&Resolved::default())).reach();
        assert_eq!((unread.missed.len(), unread.unknown.len()), (0, 1));
        // An account that was seen was reached, whatever else is hidden.
        assert_eq!(reach(vec![in_account(ONE), in_account(TWO)], true), Reach::default());
    }

    #[test]
    fn fewer_accounts_listed_than_counted_are_not_known() {
        let listed = |accounts: &[&str], counted| {
            let resolved = Resolved { targets: vec![in_account(ONE)], has_more: false };
            let configured = accounts.iter().map(|&account| account.to_owned()).collect();
            TargetAccounts::of(Some(configured), counted, Some(&resolved)).reach()
        };
        assert_eq!(listed(&[ONE], 1), Reach::default());
        let several = Experiment::builder().target_account_configurations_count(2).build();
        for (accounts, count) in [
            (&[][..], count_accounts(&Experiment::builder().build())),
            (&[ONE], count_accounts(&several)),
            (&[ONE, ONE], 2),
        ] {
            let reach = listed(accounts, count);
            assert_eq!((reach.missed.len(), reach.unknown.len()), (0, 1), "{accounts:?}: {reach:?}");
            assert!(reach.unknown[0].starts_with("FIS counts"), "{reach:?}");
        }
    }
}
