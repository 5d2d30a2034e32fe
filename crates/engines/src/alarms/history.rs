//! CloudWatch's own record of an alarm's changes.

use jiff::Timestamp;
use serde_json::Value;

use faultgate_core::model::AlarmChange;

/// Maximum length of a state's word, in bytes. CloudWatch's are shorter.
const MAX_WORD_BYTES: usize = 64;
/// Maximum length of a reason, in characters; a longer one is cut.
const MAX_REASON_CHARS: usize = 300;

/// A state in which an alarm stands, with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmStanding {
    pub state: String,
    pub reason: Option<String>,
}

/// All changes of an alarm since a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlarmHistory {
    /// The state before the first change. None if there is no change.
    pub before: Option<AlarmStanding>,
    /// The changes, in order of time.
    pub changes: Vec<AlarmChange>,
}

/// An item of CloudWatch's history that tells of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StateUpdate {
    pub(crate) at: Timestamp,
    pub(crate) old: AlarmStanding,
    pub(crate) new: AlarmStanding,
}

impl StateUpdate {
    /// Reads an item by its data, or else by its summary. None if neither tells both states.
    pub(crate) fn read(at: Timestamp, data: Option<&str>, summary: Option<&str>) -> Option<Self> {
        let data = data.and_then(|data| serde_json::from_str::<Value>(data).ok()).unwrap_or_default();
        let told = read_standing(&data["oldState"]).zip(read_standing(&data["newState"]));
        // The data has a limit, and may be cut where a reason is long; the summary has the states as well.
        let (old, new) = told.or_else(|| read_summary(summary?))?;
        Some(Self { at, old, new })
    }
}

impl AlarmHistory {
    /// Puts the items of a history together, in whatever order they come.
    pub(crate) fn of(alarm: &str, mut updates: Vec<StateUpdate>) -> Self {
        updates.sort_by_key(|update| update.at);
        let before = updates.first().map(|first| first.old.clone());
        let changes = updates.into_iter().map(|StateUpdate { at, new, .. }| AlarmChange {
            alarm: alarm.to_owned(),
            state: new.state,
            at,
            reason: new.reason,
        });
        Self { before, changes: changes.collect() }
    }
}

fn read_standing(state: &Value) -> Option<AlarmStanding> {
    let word = state["stateValue"].as_str().filter(|word| is_word(word))?;
    let reason = state["stateReason"].as_str().filter(|reason| !reason.is_empty());
    let reason = reason.map(|reason| reason.chars().take(MAX_REASON_CHARS).collect());
    Some(AlarmStanding { state: word.to_owned(), reason })
}

/// Reads `Alarm updated from OK to ALARM`.
fn read_summary(summary: &str) -> Option<(AlarmStanding, AlarmStanding)> {
    let (old, new) = summary.strip_prefix("Alarm updated from ")?.split_once(" to ")?;
    let standing = |word: &str| AlarmStanding { state: word.to_owned(), reason: None };
    (is_word(old) && is_word(new)).then(|| (standing(old), standing(new)))
}

fn is_word(word: &str) -> bool {
    !word.is_empty() && word.len() <= MAX_WORD_BYTES && !word.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const DATA: &str = r#"{"version":"1.0","oldState":{"stateValue":"OK","stateReason":"all well"},
        "newState":{"stateValue":"ALARM","stateReason":"1 datapoint","stateReasonData":{"version":"1.0"}}}"#;

    #[test]
    fn an_item_is_read_by_its_data_or_else_by_its_summary() {
        let update = StateUpdate::read(at(5), Some(DATA), None).unwrap();
        assert_eq!((update.old.state.as_str(), update.new.state.as_str()), ("OK", "ALARM"));
        assert_eq!(update.new.reason.as_deref(), Some("1 datapoint"));
        let summary = Some("Alarm updated from ALARM to INSUFFICIENT_DATA");
        for data in [None, Some(""), Some("{\"version\":"), Some("[]"), Some("{\"oldState\":7}")] {
            let update = StateUpdate::read(at(5), data, summary).unwrap();
            assert_eq!(
                (update.old.state.as_str(), update.new.state.as_str()),
                ("ALARM", "INSUFFICIENT_DATA")
            );
        }
        for summary in [None, Some(""), Some("Alarm updated from OK"), Some("Alarm \"a\" created")] {
            assert_eq!(StateUpdate::read(at(5), Some("{}"), summary), None, "{summary:?}");
        }
        let swollen = DATA.replace("ALARM", &"A".repeat(10_000));
        assert_eq!(StateUpdate::read(at(5), Some(&swollen), None), None);
    }

    #[test]
    fn a_history_begins_with_the_state_before_its_first_change() {
        let update = |second, old: &str, new: &str| {
            let summary = format!("Alarm updated from {old} to {new}");
            StateUpdate::read(at(second), None, Some(&summary)).unwrap()
        };
        let history = AlarmHistory::of("slow", vec![update(9, "ALARM", "OK"), update(4, "OK", "ALARM")]);
        assert_eq!(history.before.unwrap().state, "OK");
        let changes: Vec<_> =
            history.changes.iter().map(|change| (change.at, change.state.as_str())).collect();
        assert_eq!(changes, [(at(4), "ALARM"), (at(9), "OK")]);
        assert_eq!(AlarmHistory::of("slow", Vec::new()), AlarmHistory::default());
    }
}
