//! The rules about targets: which resources they are, how many of them are taken, and who acts on them.

use super::{Hit, Judged};
use crate::catalogue::{destroys, resource_type};
use crate::template::{Held, Template, TemplateAction, TemplateTarget, Text, Value};
use faultgate_core::model::{Effect, Level};
use faultgate_engines::fis::{effect, needs_target};

/// Number of resources that FIS takes of a target by tags, for most types and as long as nobody asks for
/// more.
const MAX_TAKEN_BY_DEFAULT: u32 = 5;
/// The share in percent from which on a target takes nearly all resources.
const MANY_PERCENT: u32 = 90;

/// The number of resources that are taken of those that fit.
#[derive(Debug, PartialEq, Eq)]
enum Selection {
    All,
    Count(u32),
    Percent(u32),
}

impl Selection {
    /// Reads a selection mode. A number that FIS does not take makes it none.
    fn parse(text: &str) -> Option<Self> {
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

fn targets<'a>(judged: &'a Judged<'_>) -> &'a [TemplateTarget] {
    judged.template.targets.items()
}

/// Finds actions that need a target and have none.
pub(super) fn no_target(judged: &Judged<'_>) -> Vec<Hit> {
    let acts_on_nothing =
        |action: &&TemplateAction| needs_target(action.known_id()) && action.targets.is_empty();
    let actions = judged.template.actions.items().iter().filter(acts_on_nothing);
    actions
        .map(|action| Hit::at(action.mark, format!("the action {} acts on no target", action.name)))
        .collect()
}

/// Finds actions that act on a target which is not defined.
pub(super) fn undefined_target(judged: &Judged<'_>) -> Vec<Hit> {
    let Template { actions, targets, .. } = judged.template;
    if let Some(written) = targets.get_unknown() {
        return vec![Hit::unjudged(targets.mark, &format!("the targets are {written}"))];
    }
    let names: Vec<&str> = targets.items().iter().map(|target| target.name.as_str()).collect();
    let mut hits = Vec::new();
    for action in actions.items() {
        if let Some(written) = action.targets.get_unknown() {
            let what = format!("the targets of the action {} are {written}", action.name);
            hits.push(Hit::unjudged(action.targets.mark.or(action.mark), &what));
        }
        for (_, name) in action.targets.items() {
            match &name.held {
                Held::Known(known) if !names.contains(&known.as_str()) => {
                    let message = format!(
                        "the action {} acts on the target {known}, which is not defined",
                        action.name
                    );
                    hits.push(Hit::at(name.mark, message).suggest_meant(known, &names, &hits));
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

/// Says whether a list has items. The error is what stands in the place of a list that is not known.
fn is_there<T>(list: &Value<Vec<T>>) -> Result<bool, &str> {
    list.get_unknown().map_or_else(|| Ok(!list.items().is_empty()), Err)
}

/// Finds targets that do not say which resources they are, or say it in two ways that FIS does not take
/// together.
pub(super) fn target_selector(judged: &Judged<'_>) -> Vec<Hit> {
    let judge = |target: &TemplateTarget| {
        let TemplateTarget { name, arns, tags, filters, parameters, .. } = target;
        let [by_arn, by_tag, by_filter, by_parameter] =
            [is_there(arns), is_there(tags), is_there(filters), is_there(parameters)];
        // Tags or filters alone are enough, so the others need not be known.
        let by_either = match (by_tag, by_filter) {
            (Ok(true), _) | (_, Ok(true)) => Ok(true),
            (Err(written), _) | (_, Err(written)) => Err(written),
            (Ok(false), Ok(false)) => Ok(false),
        };
        let message = match (by_arn, by_either, by_parameter) {
            (Ok(true), Ok(true), _) => {
                format!("the target {name} names resources by ARN, and by tags or filters as well")
            }
            (Ok(false), Ok(false), Ok(false)) => format!("nothing says which resources the target {name} is"),
            (Ok(false), Ok(true), Ok(false)) if by_tag == Ok(false) => {
                let message =
                    format!("the target {name} is whatever in the account fits its filters, tagged or not");
                return Some(Hit::at(target.mark, message).level(Level::Warning));
            }
            (Ok(true), Ok(false), _) | (Ok(false), Ok(true), _) | (Ok(false), Ok(false), Ok(true)) => {
                return None;
            }
            (Err(written), ..) | (_, Err(written), _) | (.., Err(written)) => {
                let what = format!("what the target {name} is depends on {written}");
                return Some(Hit::unjudged(target.mark, &what));
            }
        };
        Some(Hit::at(target.mark, message))
    };
    targets(judged).iter().filter_map(judge).collect()
}

/// Finds targets whose selection mode FIS refuses.
pub(super) fn selection_mode(judged: &Judged<'_>) -> Vec<Hit> {
    let judge = |target: &TemplateTarget| {
        let (name, selection) = (&target.name, &target.selection);
        let message = match &selection.held {
            Held::Missing => format!("the target {name} has no selection mode"),
            Held::Known(text) if Selection::parse(text).is_none() => {
                format!("the selection mode of the target {name} is {text}")
            }
            Held::Known(_) | Held::Unknown(_) => return None,
        };
        Some(Hit::at(selection.mark.or(target.mark), message))
    };
    targets(judged).iter().filter_map(judge).collect()
}

/// Returns the first action of which `is_so` holds. The error says what is not known, where `is_so` is known
/// to hold of none.
fn any<'a>(
    actions: &[&'a TemplateAction],
    is_so: impl Fn(&TemplateAction) -> Result<bool, String>,
) -> Result<Option<&'a TemplateAction>, String> {
    let mut unknown = None;
    for action in actions {
        match is_so(action) {
            Ok(true) => return Ok(Some(action)),
            Ok(false) => {}
            Err(what) => unknown = unknown.or(Some(what)),
        }
    }
    unknown.map_or(Ok(None), Err)
}

/// Finds targets that take all resources that fit, or nearly all.
pub(super) fn select_all(judged: &Judged<'_>) -> Vec<Hit> {
    targets(judged).iter().flat_map(|target| takes_all(judged, target)).collect()
}

/// Judges one target by [`select_all`]. The level depends on the actions that use the target: an error where
/// one of them ends the resources for good, else a warning, or a note within one zone. An action that may use
/// the target, or may destroy it, adds a note.
fn takes_all(judged: &Judged<'_>, target: &TemplateTarget) -> Vec<Hit> {
    let name = &target.name;
    let injects = |action: &&TemplateAction| {
        action.id.get_unknown().is_some() || effect(action.known_id()) == Effect::Injects
    };
    let injecting: Vec<&TemplateAction> = judged.template.actions.items().iter().filter(injects).collect();
    let (users, others): (Vec<&TemplateAction>, Vec<&TemplateAction>) =
        injecting.into_iter().partition(|action| action.uses(name) == Ok(true));
    let user = any(&others, |action| action.uses(name));
    // A list of ARNs takes no more than it names, and a target that no action uses takes nothing.
    if is_there(&target.arns) == Ok(true) || (users.is_empty() && user == Ok(None)) {
        return Vec::new();
    }
    let mark = target.selection.mark.or(target.mark);
    let taken = match &target.selection.held {
        Held::Missing => return Vec::new(),
        Held::Unknown(written) => {
            return vec![Hit::unjudged(
                mark,
                &format!("the selection mode of the target {name} is {written}"),
            )];
        }
        Held::Known(text) => match Selection::parse(text) {
            Some(Selection::All | Selection::Percent(100)) => "every resource that fits".to_owned(),
            Some(Selection::Percent(percent @ MANY_PERCENT..)) => format!("{percent} % of all that fits"),
            Some(Selection::Count(count)) if count > MAX_TAKEN_BY_DEFAULT => {
                format!(
                    "up to {count} resources, more than the {MAX_TAKEN_BY_DEFAULT} that FIS takes of most types if not \
                     asked for more"
                )
            }
            _ => return Vec::new(),
        },
    };
    let found = format!("the target {name} takes {taken}");
    if let Err(written) = is_there(&target.arns) {
        return vec![Hit::unjudged(mark, &format!("{found}, unless it has ARNs, which are {written}"))];
    }
    let ended = |action: &TemplateAction| {
        let message = format!("{found}, and the action {} ends them for good", action.name);
        Hit::at(mark, message).level(Level::Error)
    };
    // No action is known to use the target, and one may, so nothing more can be said of the level.
    if let Err(what) = user
        && users.is_empty()
    {
        return vec![Hit::unjudged(mark, &format!("{found}, and {what}"))];
    }
    let may_end: Vec<&TemplateAction> =
        others.into_iter().filter(|action| destroys(action) != Ok(false)).collect();
    let rest = any(&may_end, |action| action.uses(name)).err();
    let destroyer = any(&users, destroys);
    let hit = match &destroyer {
        Ok(Some(action)) => return vec![ended(action)],
        _ if is_within_a_zone(target) => {
            Hit::at(mark, format!("{found} within an Availability Zone, as an outage of it does"))
                .level(Level::Note)
        }
        _ => Hit::at(mark, &*found),
    };
    let unjudged = destroyer.err().or(rest).map(|what| {
        Hit::unjudged(mark, &format!("whether what the target {name} takes is ended for good: {what}"))
    });
    [Some(hit), unjudged].into_iter().flatten().collect()
}

/// Says whether the target names exactly one Availability Zone.
fn is_within_a_zone(target: &TemplateTarget) -> bool {
    let names_zone = |text: &str| text.to_ascii_lowercase().contains("availabilityzone");
    let is_one = |value: &Text| !value.get_known().is_some_and(|text| text.contains(','));
    target.filters.items().iter().any(|filter| {
        filter.path.get_known().is_some_and(|path| names_zone(path))
            && matches!(filter.values.items(), [zone] if is_one(zone))
    }) || target.parameters.items().iter().any(|(name, value)| names_zone(name) && is_one(value))
}

/// Finds targets on which no action acts.
pub(super) fn unused_target(judged: &Judged<'_>) -> Vec<Hit> {
    let actions = &judged.template.actions;
    if actions.get_unknown().is_some() {
        return Vec::new();
    }
    let all: Vec<&TemplateAction> = actions.items().iter().collect();
    let judge = |target: &TemplateTarget| match any(&all, |action| action.uses(&target.name)) {
        Ok(Some(_)) => None,
        Ok(None) => Some(Hit::at(target.mark, format!("no action acts on the target {}", target.name))),
        Err(what) => Some(Hit::unjudged(target.mark, &what)),
    };
    targets(judged).iter().filter_map(judge).collect()
}

/// Finds actions that act on another type of resource than AWS documents for them.
pub(super) fn wrong_target(judged: &Judged<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for action in judged.template.actions.items() {
        let Some(wanted) = resource_type(action.known_id()) else { continue };
        for (_, name) in action.targets.items() {
            let target = name.get_known().and_then(|name| judged.template.target(name));
            if let Some(target) = target
                && let Some(written) = target.resource_type.get_unknown()
            {
                let what = format!("the resource type of the target {} is {written}", target.name);
                hits.push(Hit::unjudged(target.resource_type.mark, &what));
            }
            let found = target.and_then(|target| target.resource_type.get_known());
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

/// Finds a template that passes over actions whose targets find nothing.
pub(super) fn empty_targets(judged: &Judged<'_>) -> Vec<Hit> {
    let mode = &judged.template.empty_targets;
    if let Some(written) = mode.get_unknown() {
        return vec![Hit::unjudged(mode.mark, &format!("emptyTargetResolutionMode is {written}"))];
    }
    let skips = mode.get_known().is_some_and(|mode| mode == "skip");
    let found = || Hit::at(mode.mark, "actions whose targets find nothing are passed over");
    skips.then(found).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selection_modes_are_read_as_fis_has_them() {
        assert_eq!(Selection::parse("ALL"), Some(Selection::All));
        assert_eq!(Selection::parse("COUNT(3)"), Some(Selection::Count(3)));
        assert_eq!(Selection::parse("PERCENT(100)"), Some(Selection::Percent(100)));
        for odd in
            ["", "all", "COUNT(0)", "COUNT", "PERCENT(0)", "PERCENT(101)", "PERCENT(50", "COUNT(-1)", "50%"]
        {
            assert_eq!(Selection::parse(odd), None, "{odd}");
        }
    }
}
