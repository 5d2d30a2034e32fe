//! The reading of a run as Harness writes it: numbers as texts, times in seconds or in milliseconds, empty
//! texts for what is not known yet. One odd field must not make a run unreadable.

use jiff::Timestamp;
use serde_json::Value;

use crate::control_plane::{FaultCounts, Run};

/// The number from which a time since 1970 counts milliseconds. Seconds do not reach it before the year 5138,
/// and milliseconds have passed it in 1973.
const MIN_MILLISECONDS: f64 = 1e11;

/// An object of an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct HarnessRow(pub(super) Value);

impl HarnessRow {
    /// Returns the objects of a list. Whatever is no list has none.
    pub(super) fn all(list: &Value) -> Vec<Self> {
        let rows = list.as_array().into_iter().flatten();
        rows.filter(|row| row.is_object()).map(|row| Self(row.clone())).collect()
    }

    /// Returns a text; `None` if it is empty, which stands for a value that is not known yet.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0[name].as_str().filter(|text| !text.is_empty())
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.0[name].as_bool()
    }

    /// Returns a time in seconds or milliseconds since 1970, or in RFC 3339.
    pub(super) fn time(&self, name: &str) -> Option<Timestamp> {
        let Some(number) = number(&self.0[name]) else {
            return self.text(name)?.parse().ok();
        };
        let milliseconds = if number.abs() < MIN_MILLISECONDS { number * 1e3 } else { number };
        #[expect(clippy::cast_possible_truncation, reason = "what no time can be is refused")]
        let whole = milliseconds as i64;
        Timestamp::from_millisecond(whole).ok().filter(|_| whole > 0)
    }

    fn count(&self, name: &str) -> Option<u64> {
        let number = number(&self.0[name]).filter(|number| (0.0..1e9).contains(number))?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in a small range")]
        Some(number as u64)
    }

    /// Reads the row of a run, which has GraphQL's names.
    pub(super) fn run(&self) -> Run {
        let owned = |name| self.text(name).map(str::to_owned);
        Run {
            notify_id: owned("notifyID"),
            run_id: owned("workflowRunID"),
            phase: owned("phase").unwrap_or_default(),
            completed: None,
            score: number(&self.0["resiliencyScore"]),
            counts: FaultCounts {
                total: self.count("totalExperiments"),
                passed: self.count("experimentsPassed"),
                failed: self.count("experimentsFailed"),
                awaited: self.count("experimentsAwaited"),
                stopped: self.count("experimentsStopped"),
                not_available: self.count("experimentsNa"),
            },
            error: None,
            blocked: None,
            created_at: self.time("createdAt"),
            updated_at: self.time("updatedAt"),
        }
    }
}

/// A number, or the text of one.
fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number.filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_come_in_seconds_and_in_milliseconds_as_numbers_and_as_texts() {
        let at: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let (seconds, milliseconds) = (at.as_second(), at.as_millisecond());
        let forms = [
            json!(seconds),
            json!(milliseconds),
            json!(seconds.to_string()),
            json!(milliseconds.to_string()),
            json!("2026-01-02T03:04:05Z"),
        ];
        for form in forms {
            assert_eq!(HarnessRow(json!({ "at": form })).time("at"), Some(at), "{form}");
        }
        for no_time in [json!(""), json!(null), json!("soon"), json!(0), json!("0"), json!(-5), json!({})] {
            assert_eq!(HarnessRow(json!({ "at": no_time })).time("at"), None, "{no_time}");
        }
    }

    #[test]
    fn what_is_odd_is_not_known_and_spoils_nothing() {
        let row = HarnessRow(json!({
            "notifyID": "n1", "workflowRunID": "", "phase": 7, "resiliencyScore": "NaN", "totalExperiments": -1,
            "experimentsPassed": "2", "experimentsFailed": 1e300, "experimentsNa": null, "createdAt": [],
        }));
        let counts = FaultCounts { passed: Some(2), ..FaultCounts::default() };
        let run = Run { notify_id: Some("n1".to_owned()), counts, ..Run::default() };
        assert_eq!(row.run(), run);
    }

    #[test]
    fn a_score_is_a_number_or_the_text_of_one() {
        for score in [json!(83.4), json!("83.4"), json!(" 83.4 ")] {
            assert_eq!(HarnessRow(json!({ "resiliencyScore": score })).run().score, Some(83.4), "{score}");
        }
    }
}
