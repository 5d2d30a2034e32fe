//! The tags on experiments, rules and queues of runs, and the expiry that they tell. A sweep removes nothing
//! that does not carry a readable time of its expiry.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Key of the tag with the id of the run.
pub(super) const RUN: &str = "faultgate:run-id";
/// Key of the tag with the name of the experiment within the run.
pub(super) const EXPERIMENT: &str = "faultgate:experiment";
/// Key of the tag with the environment that the experiment acts on.
pub(super) const ENVIRONMENT: &str = "faultgate:environment";
/// Key of the tag with the time from which on the run no longer needs the tagged thing.
pub(super) const EXPIRES_AT: &str = "faultgate:expires-at";

/// Key of the tag that only previews have.
pub(super) const PREVIEW: &str = "faultgate:preview";
/// Key of the tag with the URL of the pipeline's run.
pub(super) const URL: &str = "faultgate:url";

/// The tags of one thing: values by keys.
pub(super) type Tags = BTreeMap<String, String>;

/// Turns a text into a value that AWS takes for a tag: letters, digits, spaces and a few marks, at most 256
/// characters. Other characters become `_`.
pub(super) fn tag_value(text: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    text.chars().map(|c| if allowed(c) { c } else { '_' }).take(256).collect()
}

/// Returns a time in the form in which the tag [`EXPIRES_AT`] has it.
pub(super) fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The expiry of a tagged thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expiry {
    /// The thing expired at this time.
    Past(Timestamp),
    /// The thing expires at this time, which is still to come.
    Ahead(Timestamp),
    /// The thing has no such tag, so it is not of a run.
    Untagged,
    /// The tag has this text instead of a time.
    Unreadable(String),
}

impl Expiry {
    /// Reads the expiry from tags, as of `now`.
    pub(super) fn read(tags: &Tags, now: Timestamp) -> Self {
        let Some(text) = tags.get(EXPIRES_AT) else { return Self::Untagged };
        match rfc3339(text) {
            Some(at) if at <= now => Self::Past(at),
            Some(at) => Self::Ahead(at),
            None => Self::Unreadable(text.clone()),
        }
    }
}

/// Reads a time in the form that [`moment`] writes, with any offset. The parser takes other forms as well,
/// such as dates without hyphens; they are refused, since a text that faultgate did not write must not let a
/// sweep remove anything.
fn rfc3339(text: &str) -> Option<Timestamp> {
    let form = b"0000-00-00T00:00:00";
    let as_formed = |(wanted, byte): (&u8, &u8)| match wanted {
        b'0' => byte.is_ascii_digit(),
        mark => mark.eq_ignore_ascii_case(byte),
    };
    let zone = text.as_bytes().last()?;
    let formed = text.len() > form.len()
        && form.iter().zip(text.as_bytes()).all(as_formed)
        && (zone.is_ascii_digit() || zone.eq_ignore_ascii_case(&b'z'));
    formed.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expiry(value: &str) -> Expiry {
        let tags = Tags::from([(EXPIRES_AT.to_owned(), value.to_owned()), (RUN.to_owned(), "r".to_owned())]);
        Expiry::read(&tags, "2026-11-22T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn what_is_over_is_over_from_that_second_on() {
        for past in [
            "2026-11-22T10:00:00Z",
            "2026-11-22T09:59:59.999Z",
            "2026-11-22t09:00:00z",
            "2026-11-22T11:30:00+02:00",
            "1970-01-01T00:00:00Z",
        ] {
            assert_eq!(expiry(past), Expiry::Past(past.parse().unwrap()));
        }
        for ahead in ["2026-11-22T10:00:01Z", "2026-11-22T10:00:00-00:30", "9999-12-30T00:00:00Z"] {
            assert_eq!(expiry(ahead), Expiry::Ahead(ahead.parse().unwrap()));
        }
    }

    #[test]
    fn what_is_no_time_never_expires() {
        for odd in [
            "",
            " ",
            "never",
            "0",
            "1763805600",
            "2026-11-22",
            "2026-11-22T09:00:00",
            "2026-11-22 09:00:00Z",
            "20261122T090000Z",
            "2026-11-22T09:00Z",
            "2026-13-22T09:00:00Z",
            "2026-02-30T09:00:00Z",
            "2026-11-22T25:00:00Z",
            "2026-11-22T09:00:00Z later",
            " 2026-11-22T09:00:00Z",
            "2026-11-22T09:00:00Europe",
            "2026-11-22T09:00:0é",
            "2026-11-22T09:00:00Z[UTC]",
        ] {
            assert_eq!(expiry(odd), Expiry::Unreadable(odd.to_owned()), "{odd}");
        }
    }

    #[test]
    fn without_the_tag_it_is_not_ours() {
        let now = Timestamp::MAX;
        assert_eq!(Expiry::read(&Tags::new(), now), Expiry::Untagged);
        for near in ["faultgate:expires", "Faultgate:Expires-At", "expires-at", "faultgate:expires-at "] {
            let tags = Tags::from([(near.to_owned(), "1970-01-01T00:00:00Z".to_owned())]);
            assert_eq!(Expiry::read(&tags, now), Expiry::Untagged, "{near}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        let at: Timestamp = "2026-11-22T10:00:00.75Z".parse().unwrap();
        let written = moment(at);
        assert_eq!(written, tag_value(&written), "a tag takes it as it is");
        assert_eq!(rfc3339(&written), Some("2026-11-22T10:00:00Z".parse().unwrap()));
    }
}
