//! The forms of values that all services share: ids, and times as the protocols write them.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Returns the seconds since the epoch, to the millisecond, as the JSON protocols write times.
pub(crate) fn epoch_seconds(at: Timestamp) -> Value {
    SignedDuration::from_millis(at.as_millisecond()).as_secs_f64().into()
}

/// Returns the time in RFC 3339 without fractions of a second, as events have it.
pub(crate) fn whole_seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second()).unwrap_or(at).to_string()
}

/// Makes a random UUID of version 4.
pub(crate) fn uuid() -> String {
    let bits = (fastrand::u128(..) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let mut id = String::with_capacity(36);
    for (place, digit) in hex.chars().enumerate() {
        if [8, 12, 16, 20].contains(&place) {
            id.push('-');
        }
        id.push(digit);
    }
    id
}

/// Makes an id in the form of FIS: a prefix and 15 letters and digits.
pub(crate) fn resource_id(prefix: &str) -> String {
    let tail = std::iter::repeat_with(fastrand::alphanumeric).take(15);
    prefix.chars().chain(tail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_form_of_the_services() {
        let id = uuid();
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "4", "{id}");
        assert!("89ab".contains(&id[19..20]), "{id}");
        assert!(resource_id("EXP").starts_with("EXP"));
    }

    #[test]
    fn times_are_in_the_form_of_the_protocols() {
        let at: Timestamp = "2026-03-04T05:06:07.89Z".parse().unwrap();
        assert_eq!(whole_seconds(at), "2026-03-04T05:06:07Z");
        assert_eq!(epoch_seconds(at), serde_json::json!(1_772_600_767.89));
    }
}
