//! Rivals: other jobs that use the name of our status. If a CI does not tell jobs apart, the last one to post
//! would speak for all, and a success would hide a failure.

use crate::forge::{CommitStatus, Rival, StatusState};
use faultgate_core::text;

/// Maximum length, in characters, of the sentence that repeats another job's words.
const MAX_SENTENCE_CHARS: usize = 200;

/// The answer to a look for a rival: the rival, if there is one.
#[derive(Debug)]
pub(super) struct RivalLook(pub(super) Option<Rival>);

/// Says whether it is worth a request to look for a rival before this status is posted: only before the first
/// one of its name, and before a success.
pub(super) fn is_worth_a_look(status: &CommitStatus, is_first: bool) -> bool {
    is_first || status.state == StatusState::Success
}

/// Returns a sentence about the failure of another job that this status would hide, or `None` if it hides
/// none.
pub(super) fn hidden_by(look: RivalLook, status: &CommitStatus) -> Option<String> {
    look.0.filter(|rival| is_hidden(rival, status)).map(|rival| in_words(&rival))
}

/// Returns `true` if our status would hide the failure of a job that is still of interest. The status of an
/// earlier run or attempt, or one that has not failed, may be replaced.
fn is_hidden(rival: &Rival, status: &CommitStatus) -> bool {
    if !rival.has_failed {
        if rival.is_newer {
            tracing::warn!(status = %status.context, "another job posts a status of this name: set `matrix` or `status-context`");
        }
        return false;
    }
    // An older failure is a sibling's if it links to the same page and tells the same attempt.
    let same_page = rival.target_url.is_some() && rival.target_url == status.target_url;
    rival.is_newer || (same_page && attempt(&rival.description) == attempt(&status.description))
}

/// Returns the number of the attempt that a description tells. The first attempt is not told.
fn attempt(description: &str) -> Option<u32> {
    let (_, rest) = description.split_once("attempt ")?;
    rest.split_once(':')?.0.parse().ok()
}

fn in_words(rival: &Rival) -> String {
    let page = rival.target_url.as_ref().map(|url| format!(" ({url})")).unwrap_or_default();
    text::plain(
        &format!("another job of this commit has said `{}`{page}", rival.description),
        MAX_SENTENCE_CHARS,
    )
}
