//! The places of a world: accounts and Regions, and the keys that lead into an account.

use crate::fixtures::{ACCOUNT, DEFAULT_REGION};

/// One account in one Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WorldPlace {
    pub(crate) account: String,
    pub(crate) region: String,
}

impl WorldPlace {
    /// Returns this Region of the account that every world has.
    pub(crate) fn in_region(region: &str) -> Self {
        Self { account: ACCOUNT.to_owned(), region: region.to_owned() }
    }
}

impl Default for WorldPlace {
    fn default() -> Self {
        Self::in_region(DEFAULT_REGION)
    }
}

/// Returns the access key by which a client acts in an account. As at AWS, the account can be read from it.
pub fn key_of(account: &str) -> String {
    format!("ASIA{account}WRLD")
}

/// Returns the account that an access key leads to: that of the key, or the one that every world has.
pub(crate) fn account_of(key: &str) -> &str {
    let account = ["ASIA", "AKIA"].iter().find_map(|prefix| key.strip_prefix(prefix)?.get(..12));
    account.filter(|account| is_account(account)).unwrap_or(ACCOUNT)
}

/// Returns the account of a role's ARN. None if it names none.
pub(crate) fn account_of_role(arn: &str) -> Option<&str> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, role] if role.starts_with("role/") => {
            Some(*account).filter(|account| is_account(account))
        }
        _ => None,
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_leads_into_its_account_and_any_other_into_the_usual_one() {
        assert_eq!(account_of(&key_of("000011112222")), "000011112222");
        for key in ["", "AKIDTEST", "AKIAIOSFODNN7EXAMPLE", "ASIA12"] {
            assert_eq!(account_of(key), ACCOUNT, "{key}");
        }
    }

    #[test]
    fn only_a_role_has_the_account_of_a_role() {
        assert_eq!(account_of_role("arn:aws:iam::000011112222:role/chaos/gate"), Some("000011112222"));
        for arn in ["", "chaos", "arn:aws:iam::1:role/chaos", "arn:aws:iam::000011112222:user/me"] {
            assert_eq!(account_of_role(arn), None, "{arn}");
        }
    }
}
