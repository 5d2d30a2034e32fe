//! The length of a template: the time that its actions take, one after another.

use std::collections::HashMap;
use std::time::Duration;

use faultgate_core::duration::parse_iso;
use faultgate_core::model::{ActionFacts, DURATION_PARAMETERS};

/// The kinds of actions that act once and take no time, so that they need no duration.
const INSTANT: [&str; 9] = [
    "aws:cloudwatch:assert-alarm-state",
    "aws:ec2:reboot-instances",
    "aws:ec2:stop-instances",
    "aws:ec2:terminate-instances",
    "aws:ecs:stop-task",
    "aws:eks:pod-delete",
    "aws:eks:terminate-nodegroup-instances",
    "aws:rds:failover-db-cluster",
    "aws:rds:reboot-db-instances",
];

/// Returns the time from the start of the first action to the end of the last one.
///
/// # Errors
///
/// The reason why it is not known.
pub(crate) fn measure_length(actions: &[ActionFacts]) -> Result<Duration, String> {
    let mut ends: HashMap<&str, Duration> = HashMap::new();
    let mut waiting: Vec<&ActionFacts> = actions.iter().collect();
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut still = Vec::new();
        for action in waiting {
            let starts: Option<Vec<Duration>> =
                action.start_after.iter().map(|name| ends.get(name.as_str()).copied()).collect();
            let Some(starts) = starts else {
                still.push(action);
                continue;
            };
            let start = starts.into_iter().max().unwrap_or_default();
            ends.insert(&action.name, start.saturating_add(measure_action(action)?));
        }
        if still.len() == before {
            return Err(format!("the action {} starts after one that never ends", still[0].name));
        }
        waiting = still;
    }
    Ok(ends.into_values().max().unwrap_or_default())
}

/// Returns how long one action takes: the longest of its durations.
fn measure_action(action: &ActionFacts) -> Result<Duration, String> {
    let mut longest = INSTANT.contains(&action.id.as_str()).then_some(Duration::ZERO);
    for name in DURATION_PARAMETERS {
        let Some(text) = action.parameters.get(name).filter(|text| !text.is_empty()) else { continue };
        let duration = parse_iso(text)
            .ok_or_else(|| format!("{name} of the action {} is {text}, not a duration", action.name))?;
        longest = longest.max(Some(duration));
    }
    longest.ok_or_else(|| format!("the action {}, {}, has no duration", action.name, action.id))
}

/// Returns a duration as settings write it: `1h30m`.
pub(crate) fn write_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let millis = (u64::from(duration.subsec_millis()), "ms");
    let parts = parts.into_iter().chain([millis]).filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts.map(|(number, unit)| format!("{number}{unit}")).collect();
    if parts.is_empty() { "0s".to_owned() } else { parts.concat() }
}
