//! The times of a template's actions, one after another, as their durations tell them.

use std::collections::HashMap;
use std::time::Duration;

use super::{ActionFacts, DURATION_PARAMETERS, TimedAction};
use crate::duration::parse_iso;

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

/// Returns the actions with their times, in the order of their start.
///
/// # Errors
///
/// The reason why the times are not known.
pub fn time_actions(actions: &[ActionFacts]) -> Result<Vec<TimedAction>, String> {
    let mut ends: HashMap<&str, Duration> = HashMap::new();
    let mut timed = Vec::with_capacity(actions.len());
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
            let starts = starts.into_iter().max().unwrap_or_default();
            let lasts = measure_action(action)?;
            let end = starts.saturating_add(lasts);
            ends.insert(&action.name, end);
            timed.push(TimedAction { name: action.name.clone(), starts, ends: end });
        }
        if still.len() == before {
            return Err(format!("the action {} starts after one that never ends", still[0].name));
        }
        waiting = still;
    }
    timed.sort_by_key(|action| action.starts);
    Ok(timed)
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
