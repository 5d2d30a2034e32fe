//! The confirmation of an account by its id, without which its safety lever is not engaged: a lever holds for
//! the whole account, so a profile that leads elsewhere must not be the reason why nobody can start anything.

use std::collections::BTreeMap;

use tokio::sync::Mutex;

use crate::terminal::asking::{prompt, read_line};
use faultgate_core::text;

/// Longest answer that is repeated, in characters.
const MAX_ANSWER_CHARS: usize = 40;

/// The accounts that were confirmed, by flags or by answers.
pub(super) struct Confirmation {
    named: Vec<String>,
    has_terminal: bool,
    /// The outcomes so far, by account. The lock is held while the user is asked, so that questions do not
    /// mix.
    asked: Mutex<BTreeMap<String, Result<(), String>>>,
}

impl Confirmation {
    pub(super) fn new(named: &[String], has_terminal: bool) -> Self {
        Self { named: named.to_vec(), has_terminal, asked: Mutex::default() }
    }

    /// Returns `true` if the user has to answer for accounts that no flag names.
    pub(super) fn asks(&self) -> bool {
        self.has_terminal
    }

    /// Confirms that the account to which the credentials lead is meant. `place` is told in the question,
    /// and the id is not: whoever does not know it must not engage the lever. The error says why it is not
    /// confirmed.
    pub(super) async fn confirm(&self, account: &str, place: &str) -> Result<(), String> {
        if self.named.iter().any(|named| named == account) {
            return Ok(());
        }
        if !self.has_terminal {
            let named = self.named.join(", ");
            return Err(format!("the account is {account}, and --confirm-account names {named}"));
        }
        let mut asked = self.asked.lock().await;
        if let Some(outcome) = asked.get(account) {
            return outcome.clone();
        }
        prompt(&format!(
            "Engage the safety lever of the account of {place}, in each Region of this command? FIS then \
             stops EVERY experiment\nthere, whoever started it, and refuses new ones until it is \
             disengaged. Type the id of the account: "
        ));
        let outcome = judge(account, tokio::task::spawn_blocking(read_line).await.ok().flatten().as_deref());
        asked.insert(account.to_owned(), outcome.clone());
        outcome
    }
}

/// Compares an account with what was typed.
fn judge(account: &str, typed: Option<&str>) -> Result<(), String> {
    match typed.map(str::trim) {
        Some(typed) if typed == account => Ok(()),
        None | Some("") => Err(format!("the account {account} was not confirmed")),
        Some(typed) => {
            Err(format!("the account is {account}, and {} was typed", text::plain(typed, MAX_ANSWER_CHARS)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_terminal_only_what_a_flag_names_is_confirmed() {
        let named = ["111122223333".to_owned(), "444455556666".to_owned()];
        let confirmation = Confirmation::new(&named, false);
        for account in &named {
            assert_eq!(confirmation.confirm(account, "eu-west-1").await, Ok(()));
        }
        let why = confirmation.confirm("999999999999", "eu-west-1").await.unwrap_err();
        assert_eq!(
            why,
            "the account is 999999999999, and --confirm-account names 111122223333, 444455556666"
        );
    }

    #[test]
    fn only_the_id_itself_confirms() {
        let account = "111122223333";
        for typed in ["111122223333\n", " 111122223333 \r\n"] {
            assert_eq!(judge(account, Some(typed)), Ok(()));
        }
        for typed in ["y\n", "yes\n", "1111\n", "1111-2222-3333\n", "444455556666\n"] {
            let why = judge(account, Some(typed)).unwrap_err();
            assert!(why.contains(account) && why.contains(typed.trim()), "{why}");
        }
        for nothing in [None, Some("\n")] {
            assert_eq!(judge(account, nothing).unwrap_err(), "the account 111122223333 was not confirmed");
        }
    }
}
