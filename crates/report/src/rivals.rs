//! Another job that uses the name of our status. Where a CI does not tell jobs apart, the last one to post would speak for
//! all, and a success would hide a failure.

use crate::forge::{CommitStatus, Forge, Rival, StatusState};
use faultgate_core::text;

/// Longest text of another job's that is repeated.
const LONGEST: usize = 200;

/// The failure of another job that this status would hide, if so. To look is worth a request where nothing was posted
/// yet, and before a success. A forge that does not tell is no reason to post nothing.
pub(super) async fn hidden_by(forge: &dyn Forge, status: &CommitStatus, is_first: bool) -> Option<String> {
    if !is_first && status.state != StatusState::Success {
        return None;
    }
    match forge.rival(&status.context).await {
        Ok(rival) => rival.filter(|rival| is_hidden(rival, status)).map(|rival| in_words(&rival)),
        Err(refusal) => {
            tracing::debug!(%refusal, "who else posts this status is not known");
            None
        }
    }
}

/// Ours may take the place of what an earlier run has said, and of what does not matter.
fn is_hidden(rival: &Rival, status: &CommitStatus) -> bool {
    if !rival.has_failed {
        if rival.is_newer {
            tracing::warn!(status = %status.context, "another job posts a status of this name: set `matrix` or `status-context`");
        }
        return false;
    }
    let same_page = rival.target_url.is_some() && rival.target_url == status.target_url;
    rival.is_newer || (same_page && attempt(&rival.description) == attempt(&status.description))
}

/// The attempt that a description tells, if it is not the first.
fn attempt(description: &str) -> Option<u32> {
    let (_, rest) = description.split_once("attempt ")?;
    rest.split_once(':')?.0.parse().ok()
}

fn in_words(rival: &Rival) -> String {
    let page = rival.target_url.as_ref().map(|url| format!(" ({url})")).unwrap_or_default();
    text::plain(&format!("another job of this commit has said `{}`{page}", rival.description), LONGEST)
}
