//! The rules about what is around the fault: what stops it, who may do it, and what is told of it afterwards.

use super::{Hit, Judged};
use crate::template::{Held, StopCondition, Text};

const ALARM: &str = "aws:cloudwatch:alarm";
const NONE: &str = "none";

/// Finds a template that no alarm stops, and stop conditions that FIS refuses.
pub(super) fn stop_condition(judged: &Judged<'_>) -> Vec<Hit> {
    let conditions = &judged.template.stop_conditions;
    if let Some(written) = conditions.get_unknown() {
        return vec![Hit::unjudged(conditions.mark, &format!("the stop conditions are {written}"))];
    }
    let mut hits: Vec<Hit> = conditions.items().iter().filter_map(broken).collect();
    hits.extend(conditions.items().iter().filter_map(unknown_alarm));
    let is_guarded = conditions.items().iter().any(|condition| is(&condition.source, ALARM));
    if is_guarded {
        return hits;
    }
    let unknown =
        conditions.items().iter().find_map(|condition| Some((condition, condition.source.get_unknown()?)));
    if let Some((condition, written)) = unknown {
        hits.push(Hit::unjudged(condition.mark, &format!("the source of a stop condition is {written}")));
    } else if hits.is_empty() {
        // A broken condition was meant as a guard, and has been told of already.
        let first = conditions.items().first();
        let which = if first.is_some() { "its stop condition is none" } else { "it has no stop condition" };
        let message = format!("nothing stops the experiment when it does harm: {which}");
        hits.push(Hit::at(first.map_or(conditions.mark, |first| first.mark), message));
    }
    hits
}

fn is(text: &Text, word: &str) -> bool {
    text.get_known().is_some_and(|text| text == word)
}

/// Finds a stop condition that FIS refuses.
fn broken(condition: &StopCondition) -> Option<Hit> {
    let source = condition.source.get_known();
    let message = match &condition.value.held {
        _ if condition.source.is_missing() => "a stop condition has no source".to_owned(),
        _ if source.is_some_and(|source| source != ALARM && source != NONE) => {
            format!("a stop condition has the source {}, which FIS does not know", source?)
        }
        _ if source? == NONE => return None,
        Held::Missing => "a stop condition names no alarm".to_owned(),
        Held::Known(value) if !is_alarm(value) => {
            format!("a stop condition names {value}, which is not the ARN of a CloudWatch alarm")
        }
        Held::Known(_) | Held::Unknown(_) => return None,
    };
    let hit = Hit::at(condition.mark, message);
    Some(match condition.value.get_known().and_then(|value| value.strip_prefix("!Ref ")) {
        Some(alarm) => hit.remedy(format!("write !GetAtt {alarm}.Arn, since !Ref is the alarm's name")),
        None => hit,
    })
}

/// Finds a stop condition of whose alarm the file does not tell that it is one.
fn unknown_alarm(condition: &StopCondition) -> Option<Hit> {
    let written = condition.value.get_unknown().filter(|_| is(&condition.source, ALARM))?;
    let is_arn = written.starts_with("!GetAtt ") && written.ends_with(".Arn") || is_alarm(written);
    (!is_arn).then(|| Hit::unjudged(condition.mark, &format!("the alarm of a stop condition is {written}")))
}

fn is_alarm(value: &str) -> bool {
    value.starts_with("arn:") && value.contains(":cloudwatch:") && value.contains(":alarm:")
}

pub(super) fn shape(judged: &Judged<'_>) -> Vec<Hit> {
    judged.template.misshapen.iter().map(|(mark, what)| Hit::at(*mark, what.as_str())).collect()
}

pub(super) fn required_field(judged: &Judged<'_>) -> Vec<Hit> {
    let template = judged.template;
    let missing = |text: &Text, what: &str| {
        let is_missing = text.is_missing() || text.get_known().is_some_and(String::is_empty);
        is_missing.then(|| Hit::at(text.mark, format!("the template has no {what}")))
    };
    let mut hits: Vec<Hit> =
        [missing(&template.description, "description"), missing(&template.role_arn, "role (roleArn)")]
            .into_iter()
            .flatten()
            .collect();
    if let Some(arn) = template.role_arn.get_known().filter(|arn| !arn.is_empty())
        && !(arn.starts_with("arn:") && arn.contains(":iam:") && arn.contains(":role/"))
    {
        let message = format!("the role is {arn}, which is not the ARN of an IAM role");
        hits.push(Hit::at(template.role_arn.mark, message).remedy("write arn:aws:iam::ACCOUNT:role/NAME"));
    }
    if let Some(written) = template.actions.get_unknown() {
        hits.push(Hit::unjudged(template.actions.mark, &format!("the actions are {written}")));
    } else if template.actions.is_empty() {
        hits.push(Hit::at(template.actions.mark, "the template has no actions"));
    }
    for action in template.actions.items().iter().filter(|action| action.id.is_missing()) {
        hits.push(Hit::at(action.mark, format!("the action {} has no actionId", action.name)));
    }
    hits
}

pub(super) fn log(judged: &Judged<'_>) -> Vec<Hit> {
    let log = &judged.template.log;
    match &log.held {
        Held::Known(true) => Vec::new(),
        Held::Known(false) => {
            vec![Hit::at(log.mark, "the log goes nowhere: neither CloudWatch Logs nor S3 is named")]
        }
        Held::Missing => vec![Hit::at(None, "the experiment is not logged")],
        Held::Unknown(written) => vec![Hit::unjudged(log.mark, &format!("the log is {written}"))],
    }
}

pub(super) fn report(judged: &Judged<'_>) -> Vec<Hit> {
    let report = &judged.template.report;
    match &report.held {
        Held::Missing => vec![Hit::at(None, "FIS makes no report of the experiment")],
        Held::Unknown(written) => vec![Hit::unjudged(report.mark, &format!("the report is {written}"))],
        Held::Known(_) => Vec::new(),
    }
}

pub(super) fn tags(judged: &Judged<'_>) -> Vec<Hit> {
    let tags = &judged.template.tags;
    if let Some(written) = tags.get_unknown() {
        return vec![Hit::unjudged(tags.mark, &format!("the tags are {written}"))];
    }
    tags.is_empty().then(|| Hit::at(tags.mark, "the template has no tags")).into_iter().collect()
}
