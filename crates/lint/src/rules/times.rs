//! The rules about times and numbers: how long the actions last, in which order they start, and how many
//! there are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use faultgate_core::duration::{coarse, parse_iso};
use faultgate_core::model::DURATION_PARAMETERS;
use jiff::SignedDuration;

use super::{Hit, Judged};
use crate::catalogue::shortest;
use crate::template::{Held, TemplateAction};

/// The longest time that FIS lets an action, and an experiment, last.
const MAX_DURATION: Duration = Duration::from_hours(12);
// The quotas below are FIS's own, which AWS raises for nobody.
const MAX_ACTIONS: usize = 20;
const MAX_ACTIONS_AT_ONCE: usize = 10;
const MAX_STOP_CONDITIONS: usize = 5;
const MAX_ARNS: usize = 5;

fn actions<'a>(judged: &'a Judged<'_>) -> &'a [TemplateAction] {
    judged.template.actions.items()
}

/// Returns how long an action lasts. The error is what stands in the place of its duration.
fn length(action: &TemplateAction) -> Result<Duration, &str> {
    if let Some(written) = action.parameters.get_unknown() {
        return Err(written);
    }
    let Some(value) = DURATION_PARAMETERS.iter().find_map(|name| action.parameter(name)) else {
        return Ok(Duration::ZERO);
    };
    match &value.held {
        Held::Unknown(written) => Err(written),
        // The rules on parameters and durations tell of a duration that is missing or wrong, so it counts as
        // none here.
        Held::Missing => Ok(Duration::ZERO),
        Held::Known(text) => Ok(parse_iso(text).unwrap_or_default()),
    }
}

/// The longest way through the actions, as far as their durations are known. An action to which a circle
/// leads back is left out.
struct Longest<'a> {
    actions: BTreeMap<&'a str, &'a TemplateAction>,
    /// The time from the start of the experiment after which each action is over.
    over: BTreeMap<&'a str, Duration>,
    /// The actions on the way that is just being followed. Meeting one of them again makes a circle.
    under_way: BTreeSet<&'a str>,
    /// The first action whose duration is not known, and what stands in its place.
    unknown: Option<(&'a TemplateAction, &'a str)>,
}

impl<'a> Longest<'a> {
    fn of(actions: &'a [TemplateAction]) -> Self {
        let by_name = actions.iter().map(|action| (action.name.as_str(), action)).collect();
        let mut longest =
            Self { actions: by_name, over: BTreeMap::new(), under_way: BTreeSet::new(), unknown: None };
        for action in actions {
            longest.over(action);
        }
        longest
    }

    /// Returns the time after which an action is over: the longest of the actions before it, and its own
    /// length.
    fn over(&mut self, action: &'a TemplateAction) -> Duration {
        let name = action.name.as_str();
        if let Some(known) = self.over.get(name) {
            return *known;
        }
        if !self.under_way.insert(name) {
            return Duration::ZERO;
        }
        let before = action
            .start_after
            .items()
            .iter()
            .filter_map(|name| self.actions.get(name.get_known()?.as_str()).copied());
        let before: Vec<&TemplateAction> = before.collect();
        let begins = before.into_iter().map(|action| self.over(action)).max().unwrap_or_default();
        let length = length(action).unwrap_or_else(|written| {
            self.unknown.get_or_insert((action, written));
            Duration::ZERO
        });
        self.under_way.remove(name);
        let over = begins.saturating_add(length);
        self.over.insert(name, over);
        over
    }

    fn whole(&self) -> Duration {
        self.over.values().copied().max().unwrap_or_default()
    }
}

/// Writes a duration as reports do: `1h30m`.
fn write_duration(duration: Duration) -> String {
    coarse(duration.try_into().unwrap_or(SignedDuration::MAX))
}

/// Finds durations that FIS refuses, alone or one after another.
pub(super) fn duration(judged: &Judged<'_>) -> Vec<Hit> {
    let (mut hits, mut unknown) = (Vec::new(), Vec::new());
    for action in actions(judged) {
        for (name, value) in
            action.parameters.items().iter().filter(|(name, _)| DURATION_PARAMETERS.contains(&name.as_str()))
        {
            if let Some(written) = value.get_unknown() {
                let what = format!("{name} of the action {} is {written}", action.name);
                unknown.push(Hit::unjudged(value.mark, &what));
            }
            let Some(text) = value.get_known().filter(|text| !text.is_empty()) else { continue };
            let least = shortest(action.known_id());
            let problem = match (parse_iso(text), least) {
                (None, _) => "which is not a duration of ISO 8601".to_owned(),
                (Some(Duration::ZERO), _) => "which is no time at all".to_owned(),
                (Some(length), _) if length > MAX_DURATION => "which is longer than 12 hours".to_owned(),
                (Some(length), Some(least)) if length < least => {
                    format!("and the shortest that FIS takes is {}", write_duration(least))
                }
                (Some(_), _) => continue,
            };
            hits.push(Hit::at(
                value.mark,
                format!("{name} of the action {} is {text}, {problem}", action.name),
            ));
        }
    }
    let whole = Longest::of(actions(judged)).whole();
    if hits.is_empty() && whole > MAX_DURATION {
        let message =
            format!("the actions last {} one after another, longer than 12 hours", write_duration(whole));
        hits.push(Hit::at(judged.template.actions.mark, message));
    }
    hits.extend(unknown);
    hits
}

/// Finds an experiment that lasts as long as a run lets it, or longer.
pub(super) fn timeout(judged: &Judged<'_>) -> Vec<Hit> {
    let Some(timeout) = judged.timeout else { return Vec::new() };
    let (mark, longest) = (judged.template.actions.mark, Longest::of(actions(judged)));
    let whole = longest.whole();
    match longest.unknown {
        // An equal timeout is too short as well, since the run takes a moment longer than its actions.
        _ if whole >= timeout => {
            let message = format!(
                "the actions last {}, and the timeout is {}",
                write_duration(whole),
                write_duration(timeout)
            );
            vec![Hit::at(mark, message)]
        }
        Some((action, written)) => {
            let what = format!("the duration of the action {} is {written}", action.name);
            vec![Hit::unjudged(action.mark, &what)]
        }
        None => Vec::new(),
    }
}

/// Finds actions that start after one that is not there, or never start since they wait for each other.
pub(super) fn start_after(judged: &Judged<'_>) -> Vec<Hit> {
    let actions = actions(judged);
    let names: Vec<&str> = actions.iter().map(|action| action.name.as_str()).collect();
    let mut hits = Vec::new();
    for action in actions {
        for after in action.start_after.items() {
            match &after.held {
                Held::Known(known) if !names.contains(&known.as_str()) => {
                    let message = format!(
                        "the action {} starts after {known}, which is no action of the template",
                        action.name
                    );
                    hits.push(Hit::at(after.mark, message).suggest_meant(known, &names, &hits));
                }
                Held::Unknown(written) => {
                    let what = format!("the action {} starts after {written}", action.name);
                    hits.push(Hit::unjudged(after.mark, &what));
                }
                Held::Known(_) | Held::Missing => {}
            }
        }
    }
    let circle = in_circles(actions);
    if let Some(first) = circle.first() {
        let names: Vec<&str> = circle.iter().map(|action| action.name.as_str()).collect();
        let message =
            format!("no action of these ever starts, since they wait for each other: {}", names.join(", "));
        hits.push(Hit::at(first.start_after.mark.or(first.mark), message));
    }
    hits
}

/// Returns the actions that never start: those that are left when each action that can start has been taken
/// away, again and again. An action that waits for one which is not there can start here, since that is told
/// apart.
fn in_circles(actions: &[TemplateAction]) -> Vec<&TemplateAction> {
    let mut left: Vec<&TemplateAction> = actions.iter().collect();
    loop {
        let waits = |action: &&TemplateAction| {
            action.start_after.items().iter().any(|after| {
                after.get_known().is_some_and(|name| left.iter().any(|action| action.name == *name))
            })
        };
        let still: Vec<&TemplateAction> = left.iter().copied().filter(waits).collect();
        if still.len() == left.len() {
            return still;
        }
        left = still;
    }
}

/// Finds numbers that are above FIS's quotas.
pub(super) fn quota(judged: &Judged<'_>) -> Vec<Hit> {
    let template = judged.template;
    let over = |mark, found: usize, most: usize, what: &str| {
        (found > most).then(|| Hit::at(mark, format!("there are {found} {what}, and FIS takes {most}")))
    };
    let first = actions(judged).iter().filter(|action| action.start_after.is_empty()).count();
    let conditions = &template.stop_conditions;
    let targets = template.targets.items().iter();
    let mut hits: Vec<Hit> = targets
        .filter_map(|target| {
            let what = format!("ARNs in the target {}", target.name);
            over(target.arns.mark, target.arns.items().len(), MAX_ARNS, &what)
                .map(|hit| hit.remedy("name at most five, or select by tags"))
        })
        .collect();
    hits.extend(over(template.actions.mark, actions(judged).len(), MAX_ACTIONS, "actions"));
    hits.extend(
        over(template.actions.mark, first, MAX_ACTIONS_AT_ONCE, "actions that start at once")
            .map(|hit| hit.remedy("let some of them start after others (startAfter)")),
    );
    hits.extend(
        over(conditions.mark, conditions.items().len(), MAX_STOP_CONDITIONS, "stop conditions")
            .map(|hit| hit.remedy("name a composite alarm in their place")),
    );
    hits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_as_the_settings_write_them() {
        let told = |seconds| write_duration(Duration::from_secs(seconds));
        assert_eq!(
            [told(5), told(300), told(90), told(7200), told(5400)],
            ["5s", "5m", "1m30s", "2h", "1h30m"]
        );
    }
}
