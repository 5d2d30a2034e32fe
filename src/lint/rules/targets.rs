//! What the fault acts on.

use super::{Hit, Judged};
use crate::engine::fis::{effect, needs_target};
use crate::lint::catalogue::{destroys, resource_type};
use crate::lint::template::{Action, Held, Target, Template};
use crate::model::{Effect, Level};

/// How many resources are taken.
#[derive(Debug, PartialEq, Eq)]
enum Selection {
    All,
    Count(u32),
    Percent(u32),
}

impl Selection {
    fn of(text: &str) -> Option<Self> {
        let number =
            |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')?.trim().parse().ok();
        match text {
            "ALL" => Some(Self::All),
            _ => match (number("COUNT"), number("PERCENT")) {
                (Some(count @ 1..), _) => Some(Self::Count(count)),
                (_, Some(percent @ 1..=100)) => Some(Self::Percent(percent)),
                _ => None,
            },
        }
    }
}

fn targets<'a>(judged: &'a Judged<'_>) -> &'a [Target] {
    judged.template.targets.items()
}

pub(super) fn no_target(judged: &Judged<'_>) -> Vec<Hit> {
    let acts_on_nothing = |action: &&Action| needs_target(action.known_id()) && action.targets.is_empty();
    let actions = judged.template.actions.items().iter().filter(acts_on_nothing);
    actions
        .map(|action| Hit::at(action.mark, format!("the action {} acts on no target", action.name)))
        .collect()
}

pub(super) fn undefined_target(judged: &Judged<'_>) -> Vec<Hit> {
    let Template { actions, targets, .. } = judged.template;
    if let Some(written) = targets.unknown() {
        return vec![Hit::unjudged(targets.mark, &format!("the targets are {written}"))];
    }
    let names: Vec<&str> = targets.items().iter().map(|target| target.name.as_str()).collect();
    let mut hits = Vec::new();
    for action in actions.items() {
        for (_, name) in action.targets.items() {
            match &name.held {
                Held::Known(known) if !names.contains(&known.as_str()) => {
                    let message = format!(
                        "the action {} acts on the target {known}, which is not defined",
                        action.name
                    );
                    hits.push(Hit::at(name.mark, message).meant(known, &names, &hits));
                }
                Held::Unknown(written) => {
                    let what = format!("the action {} acts on the target {written}", action.name);
                    hits.push(Hit::unjudged(name.mark, &what));
                }
                Held::Known(_) | Held::Missing => {}
            }
        }
    }
    hits
}

pub(super) fn target_selector(judged: &Judged<'_>) -> Vec<Hit> {
    let judge = |target: &Target| {
        let Target { name, arns, tags, filters, parameters, .. } = target;
        let by_arn = !arns.is_empty();
        let by_tag = !tags.is_empty() || !filters.is_empty();
        let message = match (by_arn, by_tag, !parameters.is_empty()) {
            (true, true, _) => {
                format!("the target {name} names resources by ARN, and by tags or filters as well")
            }
            (false, false, false) => format!("nothing says which resources the target {name} is"),
            _ => return None,
        };
        Some(Hit::at(target.mark, message))
    };
    targets(judged).iter().filter_map(judge).collect()
}

pub(super) fn selection_mode(judged: &Judged<'_>) -> Vec<Hit> {
    let judge = |target: &Target| {
        let (name, selection) = (&target.name, &target.selection);
        let message = match &selection.held {
            Held::Missing => format!("the target {name} has no selection mode"),
            Held::Known(text) if Selection::of(text).is_none() => {
                format!("the selection mode of the target {name} is {text}")
            }
            Held::Known(_) | Held::Unknown(_) => return None,
        };
        Some(Hit::at(selection.mark.or(target.mark), message))
    };
    targets(judged).iter().filter_map(judge).collect()
}

pub(super) fn select_all(judged: &Judged<'_>) -> Vec<Hit> {
    let judge = |target: &Target| {
        let name = &target.name;
        let mut users = judged
            .template
            .actions
            .items()
            .iter()
            .filter(|action| action.uses(name) && effect(action.known_id()) == Effect::Injects);
        // A list of ARNs is as long as it is.
        if !target.arns.is_empty() || users.clone().next().is_none() {
            return None;
        }
        let mark = target.selection.mark.or(target.mark);
        let selection = match &target.selection.held {
            Held::Missing => return None,
            Held::Unknown(written) => {
                return Some(Hit::unjudged(
                    mark,
                    &format!("the selection mode of the target {name} is {written}"),
                ));
            }
            Held::Known(text) => Selection::of(text)?,
        };
        if !matches!(selection, Selection::All | Selection::Percent(100)) {
            return None;
        }
        let found = format!("the target {name} takes every resource that fits");
        Some(if let Some(action) = users.find(|action| destroys(action)) {
            Hit::at(mark, format!("{found}, and the action {} ends them for good", action.name))
                .level(Level::Error)
        } else if is_within_a_zone(target) {
            Hit::at(mark, format!("{found} within an Availability Zone, as an outage of it does"))
                .level(Level::Note)
        } else {
            Hit::at(mark, found)
        })
    };
    targets(judged).iter().filter_map(judge).collect()
}

fn is_within_a_zone(target: &Target) -> bool {
    let names_zone = |text: &str| text.to_ascii_lowercase().contains("availabilityzone");
    target.filters.items().iter().any(|path| path.known().is_some_and(|path| names_zone(path)))
        || target.parameters.items().iter().any(|(name, _)| names_zone(name))
}

pub(super) fn unused_target(judged: &Judged<'_>) -> Vec<Hit> {
    let actions = &judged.template.actions;
    let is_known = |action: &Action| {
        action.targets.unknown().is_none()
            && action.targets.items().iter().all(|(_, name)| name.unknown().is_none())
    };
    if actions.unknown().is_some() || !actions.items().iter().all(is_known) {
        return Vec::new();
    }
    let unused = targets(judged)
        .iter()
        .filter(|target| !actions.items().iter().any(|action| action.uses(&target.name)));
    unused
        .map(|target| Hit::at(target.mark, format!("no action acts on the target {}", target.name)))
        .collect()
}

pub(super) fn wrong_target(judged: &Judged<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for action in judged.template.actions.items() {
        let Some(wanted) = resource_type(action.known_id()) else { continue };
        for (_, name) in action.targets.items() {
            let target = name.known().and_then(|name| judged.template.target(name));
            let found = target.and_then(|target| target.resource_type.known());
            if let (Some(target), Some(found)) = (target, found)
                && found != wanted
            {
                let message = format!(
                    "the action {} acts on the target {}, which is {found}",
                    action.name, target.name
                );
                let hit = Hit::at(target.resource_type.mark, message);
                hits.push(hit.remedy(format!("{} takes a target of the type {wanted}", action.known_id())));
            }
        }
    }
    hits
}

pub(super) fn empty_targets(judged: &Judged<'_>) -> Vec<Hit> {
    let mode = &judged.template.empty_targets;
    let skips = mode.known().is_some_and(|mode| mode == "skip");
    let found = || Hit::at(mode.mark, "actions whose targets find nothing are passed over");
    skips.then(found).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selection_modes_are_read_as_fis_has_them() {
        assert_eq!(Selection::of("ALL"), Some(Selection::All));
        assert_eq!(Selection::of("COUNT(3)"), Some(Selection::Count(3)));
        assert_eq!(Selection::of("PERCENT(100)"), Some(Selection::Percent(100)));
        for odd in
            ["", "all", "COUNT(0)", "COUNT", "PERCENT(0)", "PERCENT(101)", "PERCENT(50", "COUNT(-1)", "50%"]
        {
            assert_eq!(Selection::of(odd), None, "{odd}");
        }
    }
}
