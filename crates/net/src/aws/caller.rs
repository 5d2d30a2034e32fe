//! The account that requests are made in, as STS tells it.

use aws_config::SdkConfig;

use super::credentials::{credentials_failure_in, reason_of};
use super::error::{MAX_MESSAGE_CHARS, status_of, words_of};
use crate::http;
use faultgate_core::failure::Failure;
use faultgate_core::text;

/// Number of digits of an account's id.
const ACCOUNT_ID_DIGITS: usize = 12;

/// Returns `true` for a text that has the form of an account's id.
pub fn is_account_id(text: &str) -> bool {
    text.len() == ACCOUNT_ID_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Asks STS for the id of the account that the credentials lead to. No permission is needed for that.
pub async fn ask_account_id(sdk: &SdkConfig) -> Result<String, Failure<()>> {
    const WHAT: &str = "learn to which account the credentials lead";
    let sts = aws_sdk_sts::Client::from_conf(aws_sdk_sts::config::Builder::from(sdk).build());
    let answer = sts.get_caller_identity().send().await.map_err(|error| {
        if let Some(refusal) = credentials_failure_in(&error) {
            let (why, remedy) = (reason_of(refusal), refusal.remedy.clone());
            return Failure::new((), WHAT, why).remedy(remedy);
        }
        let why = match (words_of(&error), status_of(&error)) {
            (Some(words), _) => words,
            (None, 0) => http::cause(&error),
            (None, status) => format!("HTTP {status} with an answer that GetCallerIdentity does not give"),
        };
        let remedy = http::remedy(&why).map(ToOwned::to_owned);
        Failure::new((), WHAT, text::plain(&why, MAX_MESSAGE_CHARS)).remedy(remedy).caused_by(error)
    })?;
    let account = answer.account.filter(|account| is_account_id(account));
    account.ok_or_else(|| Failure::new((), WHAT, "the answer of STS holds no id of an account"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_twelve_digits() {
        assert!(is_account_id("012345678901"));
        for other in ["", "12345678901", "1234567890123", "12345678901a", "１23456789012", " 12345678901"] {
            assert!(!is_account_id(other), "{other}");
        }
    }
}
