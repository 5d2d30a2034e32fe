//! The rules about actions: what they inject, whether they can, and what they leave behind.

use std::collections::BTreeMap;

use super::{Hit, Judged};
use crate::catalogue;
use crate::catalogue::Loss;
use crate::template::{Held, TemplateAction};
use faultgate_core::mistake::misspelt;
use faultgate_core::model::{Effect, Level};
use faultgate_engines::fis::{effect, is_known_to_inject, known_ids, purpose};

/// The parameters that hold a share of calls in percent. There may be few calls.
const SHARES_OF_CALLS: [&str; 2] = ["percentage", "invocationPercentage"];
/// The parameters that hold a share of other things in percent.
const OTHER_SHARES: [&str; 4] =
    ["drainagePercentage", "instanceTerminationPercentage", "flowsPercent", "lossPercent"];
/// The share in percent below which it is likely that none of a few calls meets the fault. At 4 %, two of
/// three runs with ten calls have none.
const FEW_PERCENT: f64 = 10.0;
const DOCUMENT: &str = "documentArn";
const FIS_DOCUMENTS: &str = "AWSFIS-";
const OWN_ACCOUNT: &str = "${AWS::AccountId}";

fn actions<'a>(judged: &'a Judged<'_>) -> &'a [TemplateAction] {
    judged.template.actions.items()
}

/// Finds a template of which no action injects anything.
pub(super) fn harmless_only(judged: &Judged<'_>) -> Vec<Hit> {
    let actions = actions(judged);
    // Another rule tells of actions without an id.
    if actions.is_empty()
        || actions.iter().any(|action| {
            action.id.is_missing() || action.id.get_known().is_some_and(|id| effect(id) == Effect::Injects)
        })
    {
        return Vec::new();
    }
    if let Some((action, written)) =
        actions.iter().find_map(|action| Some((action, action.id.get_unknown()?)))
    {
        return vec![Hit::unjudged(
            action.id.mark,
            &format!("the id of the action {} is {written}", action.name),
        )];
    }
    let told: Vec<String> = actions
        .iter()
        .map(|action| format!("{} {}", action.name, purpose(action.known_id()).unwrap_or("injects nothing")))
        .collect();
    vec![Hit::at(judged.template.actions.mark, format!("no action injects a fault: {}", told.join("; ")))]
}

/// Finds actions whose id is not known here, and tells slips from actions that may be new.
pub(super) fn unknown_action(judged: &Judged<'_>) -> Vec<Hit> {
    let known: Vec<String> = known_ids().collect();
    let judge = |action: &TemplateAction| {
        let name = &action.name;
        if let Some(written) = action.id.get_unknown() {
            let what = format!(
                "the id of the action {name} is {written}, and what it injects and needs depends on it"
            );
            return Some(Hit::unjudged(action.id.mark, &what));
        }
        let id = action.id.get_known()?;
        if known.contains(id) {
            return None;
        }
        let mut parts = id.splitn(3, ':');
        let (Some("aws"), Some(service), Some(verb)) = (parts.next(), parts.next(), parts.next()) else {
            let message = format!("the id of the action {name} is {id}, and ids are aws:SERVICE:ACTION");
            return Some(Hit::at(action.id.mark, message).level(Level::Error));
        };
        // The service and the verb are compared apart, since long ids look alike anyway.
        let of_service = known.iter().filter_map(|id| id.strip_prefix("aws:")?.split_once(':'));
        let services = of_service.clone().map(|(service, _)| service);
        let meant = if services.clone().any(|known| known == service) {
            let verbs = of_service.filter(|(known, _)| *known == service).map(|(_, verb)| verb);
            misspelt(verb, verbs).map(|verb| format!("aws:{service}:{verb}"))
        } else {
            misspelt(service, services)
                .map(|service| format!("aws:{service}:{verb}"))
                .filter(|meant| known.contains(meant))
        };
        let hit = Hit::at(action.id.mark, format!("the action {name} is {id}, which is not known here"));
        Some(match meant {
            Some(meant) => hit.remedy(format!("did you mean {meant}?")),
            None => hit.level(Level::Note),
        })
    };
    actions(judged).iter().filter_map(judge).collect()
}

/// Finds actions that lack a parameter which they cannot do without.
pub(super) fn parameter(judged: &Judged<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for action in actions(judged) {
        let needed = catalogue::list_needed(action.known_id());
        if needed.is_empty() {
            continue;
        }
        if let Some(written) = action.parameters.get_unknown() {
            let what = format!("the parameters of the action {} are {written}", action.name);
            hits.push(Hit::unjudged(action.parameters.mark, &what));
            continue;
        }
        let is_missing = |name: &&&str| {
            let given = action.parameter(name);
            given.is_none_or(|value| value.is_missing() || value.get_known().is_some_and(String::is_empty))
        };
        let missing: Vec<&str> = needed.iter().filter(is_missing).copied().collect();
        if !missing.is_empty() {
            let message =
                format!("the action {} ({}) has no {}", action.name, action.known_id(), missing.join(", "));
            hits.push(Hit::at(action.parameters.mark.or(action.mark), message));
        }
    }
    hits
}

/// Finds actions that FIS cannot undo.
pub(super) fn irreversible(judged: &Judged<'_>) -> Vec<Hit> {
    let judge = |action: &TemplateAction| {
        let name = &action.name;
        if let Some(written) = action.id.get_unknown() {
            let what = format!("the id of the action {name} is {written}");
            return Some(Hit::unjudged(action.id.mark, &what));
        }
        match catalogue::loss(action.known_id())? {
            Loss::ForGood(what) => {
                Some(Hit::at(action.mark, format!("the action {name} {what}, and FIS cannot undo it")))
            }
            Loss::MadeUpFor(what) => {
                let message =
                    format!("the action {name} {what}, and a stop of the experiment does not undo it");
                Some(Hit::at(action.mark, message).level(Level::Note))
            }
        }
    };
    actions(judged).iter().filter_map(judge).collect()
}

/// Finds actions that stop instances which nothing starts again.
pub(super) fn restart(judged: &Judged<'_>) -> Vec<Hit> {
    let judge = |action: &TemplateAction| match catalogue::stops_for_good(action) {
        Ok(true) => {
            let message =
                format!("the action {} stops instances, and nothing starts them again", action.name);
            Some(Hit::at(action.mark, message))
        }
        Ok(false) => None,
        Err(what) => Some(Hit::unjudged(action.mark, &what)),
    };
    actions(judged).iter().filter_map(judge).collect()
}

/// Finds shares in percent that inject nothing, too little, or are no share.
pub(super) fn small_share(judged: &Judged<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for action in actions(judged).iter().filter(|action| is_known_to_inject(action.known_id())) {
        for (name, value) in action.parameters.items() {
            let of_calls = SHARES_OF_CALLS.contains(&name.as_str());
            if !of_calls && !OTHER_SHARES.contains(&name.as_str()) {
                continue;
            }
            if let Some(written) = value.get_unknown() {
                let what = format!("{name} of the action {} is {written}", action.name);
                hits.push(Hit::unjudged(value.mark, &what));
            }
            let Some(text) = value.get_known() else { continue };
            let told = format!("{name} of the action {} is {text}", action.name);
            match text.trim_end_matches('%').parse::<f64>() {
                Ok(share) if share > 0.0 && share <= 100.0 => {
                    if of_calls && share < FEW_PERCENT {
                        hits.push(Hit::at(
                            value.mark,
                            format!("{told}: of few calls none may meet the fault"),
                        ));
                    }
                }
                Ok(share) if share <= 0.0 => {
                    hits.push(
                        Hit::at(value.mark, format!("{told}: nothing is injected")).level(Level::Error),
                    );
                }
                _ => {
                    let hit =
                        Hit::at(value.mark, format!("{told}, which is no share of 100")).level(Level::Error);
                    hits.push(hit.remedy("write a number from 1 to 100"));
                }
            }
        }
    }
    hits
}

/// Finds actions that run a document of Systems Manager which is not one of FIS's own.
pub(super) fn ssm_document(judged: &Judged<'_>) -> Vec<Hit> {
    let own = match &judged.template.role_arn.held {
        Held::Known(arn) | Held::Unknown(arn) => account(&without_places(arn)),
        Held::Missing => None,
    };
    let judge = |action: &TemplateAction| {
        if !action.known_id().starts_with("aws:ssm:") {
            return None;
        }
        let (name, value) = (&action.name, action.parameter(DOCUMENT)?);
        let written = match &value.held {
            Held::Known(arn) | Held::Unknown(arn) => arn,
            Held::Missing => return None,
        };
        let arn = without_places(written);
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let [_, _, "ssm", _, owner, document] = parts[..] else {
            return Some(match &value.held {
                Held::Known(_) => Hit::at(
                    value.mark,
                    format!("the action {name} runs {written}, which is not the ARN of a document"),
                )
                .level(Level::Error)
                .remedy("write for example arn:aws:ssm:REGION::document/AWSFIS-Run-CPU-Stress"),
                _ => Hit::unjudged(value.mark, &format!("the action {name} runs the document {written}")),
            });
        };
        let document = document.trim_start_matches("document/").trim_start_matches("automation-definition/");
        // An account that is named counts as another one, unless it is known to be our own by the role's ARN.
        let is_another = |owner: &str| is_account(owner) && own.as_deref() != Some(owner);
        match owner {
            "" if document.starts_with(FIS_DOCUMENTS) => None,
            "" => Some(Hit::at(value.mark, format!("the action {name} runs the document {document} of AWS"))),
            owner if is_another(owner) => {
                let message =
                    format!("the action {name} runs the document {document} of the account {owner}");
                Some(Hit::at(value.mark, message).level(Level::Warning))
            }
            owner if owner.contains('*') && !written.contains(OWN_ACCOUNT) => {
                Some(Hit::unjudged(value.mark, &format!("the action {name} runs the document {written}")))
            }
            _ => Some(Hit::at(
                value.mark,
                format!("the action {name} runs the document {document} of your own"),
            )),
        }
    };
    actions(judged).iter().filter_map(judge).collect()
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// Returns the account of an ARN, where it is known.
fn account(arn: &str) -> Option<String> {
    arn.split(':').nth(4).filter(|account| is_account(account)).map(str::to_owned)
}

/// Returns the text with a `*` in the place of each `${…}`, whose colons would otherwise be taken for those
/// of the ARN.
fn without_places(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        let Some((_, after)) = after.split_once('}') else { break };
        out.push_str(before);
        out.push('*');
        rest = after;
    }
    out + rest
}

/// Finds actions that need something on their targets which no template tells. Actions with the same need are
/// told of together.
pub(super) fn precondition(judged: &Judged<'_>) -> Vec<Hit> {
    let mut by_need: BTreeMap<&str, Vec<&TemplateAction>> = BTreeMap::new();
    for action in actions(judged) {
        if let Some(need) = catalogue::precondition(action.known_id()) {
            by_need.entry(need).or_default().push(action);
        }
    }
    let told = |(need, actions): (&str, Vec<&TemplateAction>)| {
        let names: Vec<&str> = actions.iter().map(|action| action.name.as_str()).collect();
        let (words, mark) =
            (if names.len() == 1 { "needs" } else { "need" }, actions.first().and_then(|a| a.mark));
        Hit::at(mark, format!("{} {words} {need}", names.join(", ")))
    };
    by_need.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_an_arn_have_no_colons() {
        let arn = "arn:${AWS::Partition}:ssm:${AWS::Region}::document/AWSFIS-Run";
        assert_eq!(without_places(arn), "arn:*:ssm:*::document/AWSFIS-Run");
        assert_eq!(without_places("${open"), "${open");
    }
}
