//! The policy of a sweep: what has expired is ended, and all else is left alone.
//!
//! Tags alone decide, by the time that the caller gives. What cannot be read is never taken for expired.

use std::collections::BTreeSet;

use jiff::Timestamp;

use faultgate_core::text;
use faultgate_engines::fis::Expiry;

/// Longest tag that is repeated, in characters.
const MAX_TAG_CHARS: usize = 80;

/// The fate of a rule, a queue or an experiment in a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LeftoverFate {
    /// Expired since this time, and removed or stopped.
    End(Timestamp),
    /// Expired since this time, in a sweep that only tells what it would do.
    Announce(Timestamp),
    /// Expired since this time, but still the way to an experiment that may go on.
    Needed(Timestamp),
    /// Left alone for this reason, which is as it should be.
    Keep(String),
    /// Left alone for this reason, which somebody has to look at.
    Unclear(String),
}

/// Judges by an expiry, or by the reason why it could not be read. `is_needed` says that an experiment which
/// may go on is found by it.
pub(super) fn judge(expiry: Result<&Expiry, String>, is_needed: bool, dry_run: bool) -> LeftoverFate {
    match expiry {
        Err(why) => LeftoverFate::Unclear(why),
        Ok(Expiry::Past(since)) if is_needed => LeftoverFate::Needed(*since),
        Ok(Expiry::Past(since)) if dry_run => LeftoverFate::Announce(*since),
        Ok(Expiry::Past(since)) => LeftoverFate::End(*since),
        Ok(Expiry::Ahead(at)) => LeftoverFate::Keep(format!("it may be needed until {at}")),
        Ok(Expiry::Untagged) => {
            LeftoverFate::Keep("it has no tag faultgate:expires-at, so it is not faultgate's".to_owned())
        }
        Ok(Expiry::Unreadable(value)) => LeftoverFate::Unclear(format!(
            "its tag faultgate:expires-at is \"{}\", which is no time (RFC 3339); write one there, or remove it by \
             hand",
            text::plain(value, MAX_TAG_CHARS)
        )),
    }
}

/// Returns since when something has expired, in words.
pub(super) fn tell_expired(since: Timestamp) -> String {
    format!("expired since {since}")
}

/// The runs whose experiments may go on. Their subscriptions are kept, because another sweep finds the
/// experiments by them.
pub(super) enum Unsettled {
    All,
    Runs(BTreeSet<String>),
}

impl Unsettled {
    /// Returns `true` if something of this run may go on. What is of no known run is of no experiment.
    pub(super) fn concerns(&self, run_id: Option<&str>) -> bool {
        match (self, run_id) {
            (_, None) => false,
            (Self::All, Some(_)) => true,
            (Self::Runs(runs), Some(run)) => runs.contains(run),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn only_what_has_expired_and_is_not_needed_is_ended() {
        let past = Expiry::Past(SINCE);
        assert_eq!(judge(Ok(&past), false, false), LeftoverFate::End(SINCE));
        assert_eq!(judge(Ok(&past), false, true), LeftoverFate::Announce(SINCE));
        for dry_run in [false, true] {
            assert_eq!(judge(Ok(&past), true, dry_run), LeftoverFate::Needed(SINCE));
        }
        let others = [Expiry::Ahead(SINCE), Expiry::Untagged, Expiry::Unreadable("soon".to_owned())];
        for expiry in &others {
            for (is_needed, dry_run) in [(false, false), (false, true), (true, false), (true, true)] {
                let fate = judge(Ok(expiry), is_needed, dry_run);
                assert!(
                    matches!(fate, LeftoverFate::Keep(_) | LeftoverFate::Unclear(_)),
                    "{expiry:?} {fate:?}"
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_somebody_s_to_look_at_and_what_is_young_is_not() {
        assert!(matches!(judge(Ok(&Expiry::Ahead(SINCE)), false, false), LeftoverFate::Keep(_)));
        assert!(matches!(judge(Ok(&Expiry::Untagged), false, false), LeftoverFate::Keep(_)));
        assert_eq!(judge(Err("denied".to_owned()), false, false), LeftoverFate::Unclear("denied".to_owned()));
        let hostile = Expiry::Unreadable(format!("\u{1b}[2J\n{}", "x".repeat(500)));
        let LeftoverFate::Unclear(why) = judge(Ok(&hostile), false, false) else { panic!("it is unclear") };
        assert!(!why.contains(char::is_control) && why.len() < 300, "{why}");
    }

    #[test]
    fn where_experiments_are_unknown_every_run_s_subscription_stays() {
        assert!(Unsettled::All.concerns(Some("run-1")));
        assert!(!Unsettled::All.concerns(None), "what is of no run is of no experiment");
        let some = Unsettled::Runs(BTreeSet::from(["run-1".to_owned()]));
        assert!(some.concerns(Some("run-1")) && !some.concerns(Some("run-2")) && !some.concerns(None));
    }
}
