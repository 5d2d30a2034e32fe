//! The proof that the fault of a command is in: words that the command prints, and an evaluation of the
//! system.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::probe::Evaluate;
use faultgate_core::duration::exact;
use faultgate_core::model::Proof;

/// Pause between two evaluations.
const EVALUATION_PAUSE: Duration = Duration::from_millis(500);

/// The words that a command may print: those that prove the fault, and those that speak against it.
#[derive(Debug, Default)]
pub(super) struct Words {
    wanted: Option<ProofWord>,
    unwanted: Option<ProofWord>,
    heard: Notify,
}

/// A word to listen for.
#[derive(Debug)]
struct ProofWord {
    text: String,
    heard: AtomicBool,
}

impl ProofWord {
    fn of(text: &str) -> Self {
        Self { text: text.to_owned(), heard: AtomicBool::new(false) }
    }

    /// Returns `true` if the word was printed.
    fn was_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }
}

impl Words {
    /// Creates the words of a proof. Without a proof there are none.
    pub(super) fn of(proof: Option<&Proof>) -> Self {
        let word = |text: Option<&String>| text.map(|text| ProofWord::of(text));
        Self {
            wanted: word(proof.and_then(|proof| proof.output.as_ref())),
            unwanted: word(proof.and_then(|proof| proof.no_output.as_ref())),
            heard: Notify::new(),
        }
    }

    /// Takes a line that was printed.
    pub(super) fn hear(&self, line: &str) {
        let wanted = self.wanted.as_ref().filter(|word| has_words(line, &word.text));
        let unwanted = self.unwanted.as_ref().filter(|word| line.contains(&word.text));
        for word in wanted.into_iter().chain(unwanted) {
            word.heard.store(true, Ordering::Relaxed);
            self.heard.notify_waiters();
        }
    }

    async fn wanted_is_heard(&self) {
        loop {
            // The notification is subscribed to before the word is checked, or a line in between would be
            // missed.
            let heard = self.heard.notified();
            if self.wanted.as_ref().is_none_or(ProofWord::was_heard) {
                return;
            }
            heard.await;
        }
    }

    /// Returns the reason why the output speaks against the fault. A missing word counts only once all is
    /// printed.
    pub(super) fn against(&self, all_is_printed: bool) -> Option<String> {
        if let Some(word) = self.unwanted.as_ref().filter(|word| word.was_heard()) {
            return Some(format!("run printed {:?}", word.text));
        }
        let missing = self.wanted.as_ref().filter(|word| all_is_printed && !word.was_heard())?;
        Some(format!("run did not print {:?}", missing.text))
    }
}

/// Returns `true` if the line has the text as whole words: `unpaused` is no proof of `paused`. A text against
/// the fault may stand anywhere instead.
fn has_words(line: &str, text: &str) -> bool {
    let is_in_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let is_cut = |one: Option<char>, next: Option<char>| is_in_word(one) && is_in_word(next);
    line.match_indices(text).any(|(place, _)| {
        let (before, after) = (&line[..place], &line[place + text.len()..]);
        !is_cut(before.chars().next_back(), text.chars().next())
            && !is_cut(text.chars().next_back(), after.chars().next())
    })
}

/// Waits until the proof is there. The error says what is missing.
pub(super) async fn wait_for_proof(
    proof: Option<&Proof>,
    words: &Words,
    check: Option<Arc<dyn Evaluate>>,
) -> Result<(), String> {
    let Some(proof) = proof else { return Ok(()) };
    let mut last = None;
    let proving = async {
        words.wanted_is_heard().await;
        if proof.check.is_some() {
            passes(check, &mut last).await;
        }
    };
    if timeout(proof.within, proving).await.is_ok() {
        return Ok(());
    }
    let why = words.against(true).or(last).unwrap_or_else(|| "its look did not end".to_owned());
    Err(format!("{why}, within {}", exact(proof.within)))
}

/// Evaluates the check until it passes, and keeps the reason of the last failure.
async fn passes(check: Option<Arc<dyn Evaluate>>, last: &mut Option<String>) {
    let Some(check) = check else {
        *last = Some("nobody can look".to_owned());
        return std::future::pending().await;
    };
    loop {
        let seen = check.evaluate().await;
        if seen.passed {
            return;
        }
        *last = Some(seen.reason.unwrap_or_else(|| "its look failed".to_owned()));
        sleep(EVALUATION_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(wanted: Option<&str>, unwanted: Option<&str>) -> Words {
        Words::of(Some(&Proof {
            output: wanted.map(str::to_owned),
            no_output: unwanted.map(str::to_owned),
            check: None,
            within: Duration::from_secs(1),
        }))
    }

    #[test]
    fn proof_takes_whole_words() {
        for (line, text, is_there) in [
            ("the cache is paused", "paused", true),
            ("(paused)", "paused", true),
            ("unpaused", "paused", false),
            ("paused_at", "paused", false),
            ("unpaused, then paused", "paused", true),
            ("état: gelé", "gel", false),
            ("state=paused", "state=", true),
            ("3 pods paused", "3 pods", true),
            ("13 pods paused", "3 pods", false),
        ] {
            let words = words(Some(text), None);
            words.hear(line);
            assert_eq!(words.against(true).is_none(), is_there, "{line}: {text}");
        }
    }

    #[test]
    fn what_speaks_against_the_fault_may_stand_anywhere() {
        let words = words(None, Some("error"));
        words.hear("3 errors");
        assert_eq!(words.against(false).as_deref(), Some("run printed \"error\""));
    }
}
