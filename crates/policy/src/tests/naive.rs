//! A second implementation of the rules, over the JSON of the policy. It is slow and simple, and shares no
//! code with the first one.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::*;

/// The outcome of one rule.
#[derive(PartialEq)]
enum Holds {
    Yes,
    No,
    Later,
}

fn holds(is_kept: bool) -> Holds {
    if is_kept { Holds::Yes } else { Holds::No }
}

fn on<T>(fact: &Fact<T>, can_ask: bool, later: bool, is_kept: impl Fn(&T) -> bool) -> Holds {
    match fact {
        Fact::Known(known) => holds(is_kept(known)),
        Fact::NotAsked if can_ask && later => Holds::Later,
        Fact::Later => Holds::Later,
        Fact::NotAsked | Fact::Unknown(_) => Holds::No,
    }
}

/// Returns the paths of the rules that are broken.
pub(super) fn broken(
    policy: &Value,
    run: &LaunchFacts,
    experiments: &[ExperimentFacts],
    later: bool,
) -> BTreeSet<String> {
    let mut outcomes = of_run(policy, run, later);
    outcomes.extend(experiments.iter().flat_map(|experiment| of_experiment(policy, experiment, later)));
    outcomes.into_iter().filter(|(_, outcome)| *outcome == Holds::No).map(|(rule, _)| rule).collect()
}

fn of_run(policy: &Value, run: &LaunchFacts, later: bool) -> Vec<(String, Holds)> {
    let limits = &policy["limits"];
    let mut outcomes = Vec::new();
    if let Some(most) = limits["parallel"].as_u64() {
        outcomes.push(("limits.parallel".to_owned(), holds(run.parallel as u64 <= most)));
    }
    if let Some(most) = limits["experiments"].as_u64() {
        let outcome = on(&run.experiments, true, later, |number| *number as u64 <= most);
        outcomes.push(("limits.experiments".to_owned(), outcome));
    }
    let windows = policy["windows"].as_array().cloned().unwrap_or_default();
    let Fact::Known(now) = &run.moment else {
        if !windows.is_empty() {
            outcomes.push(("windows".to_owned(), on(&run.moment, true, later, |_| true)));
        }
        return outcomes;
    };
    let allowed: Vec<bool> =
        windows.iter().filter_map(|rule| Some(window(rule["allow"].as_str()?, rule, *now))).collect();
    if !allowed.is_empty() {
        outcomes.push(("windows".to_owned(), holds(allowed.contains(&true))));
    }
    for (place, rule) in windows.iter().enumerate() {
        if let Some(text) = rule["deny"].as_str() {
            outcomes.push((format!("windows[{place}].deny"), holds(!window(text, rule, *now))));
        }
    }
    outcomes
}

fn of_experiment(policy: &Value, e: &ExperimentFacts, later: bool) -> Vec<(String, Holds)> {
    let is_fis = e.engine == EngineKind::Fis;
    let has = |list: &Value, text: &str| list.as_array().unwrap().iter().any(|item| item == text);
    let any = |list: &Value, text: &str| {
        list.as_array().unwrap().iter().any(|p| glob(p.as_str().unwrap().as_bytes(), text.as_bytes()))
    };
    let (allow, require, limits) = (&policy["allow"], &policy["require"], &policy["limits"]);
    let mut outcomes = Vec::new();
    let mut add = |rule: &str, outcome| outcomes.push((rule.to_owned(), outcome));
    if !allow["engines"].is_null() {
        add("allow.engines", holds(has(&allow["engines"], e.engine.as_str())));
    }
    if !allow["accounts"].is_null() {
        add("allow.accounts", on(&e.account, is_fis, later, |account| has(&allow["accounts"], account)));
        if is_fis {
            let all =
                |accounts: &Vec<String>| accounts.iter().all(|account| has(&allow["accounts"], account));
            add("allow.accounts", on(&e.target_accounts, true, later, all));
        }
    }
    if !allow["regions"].is_null() {
        add("allow.regions", on(&e.region, is_fis, later, |region| has(&allow["regions"], region)));
    }
    if !allow["templates"].is_null() {
        add("allow.templates", on(&e.template_id, is_fis, later, |id| any(&allow["templates"], id)));
    }
    let denied = &policy["deny"]["actions"];
    if !denied.is_null() {
        let none = |t: &TemplateFacts| !t.actions.iter().any(|action| any(denied, &action.id));
        add("deny.actions", on(&e.template, is_fis, later, none));
    }
    if require["probes"] == true {
        add("require.probes", holds(e.probes > 0));
    }
    if limits["alone"] == true {
        add("limits.alone", on(&e.account, is_fis, later, |_| true));
        // An account that is asked for later leaves the Region to that judgement too.
        if !matches!(e.account, Fact::NotAsked | Fact::Later) {
            add("limits.alone", on(&e.region, is_fis, later, |_| true));
        }
    }
    let longest = limits["duration"].as_str().map(seconds);
    if let Some(most) = longest {
        let by_template = |t: &TemplateFacts| end(t).is_some_and(|end| end <= most);
        let by_timeout = holds(e.timeout.as_secs_f64() <= most);
        add("limits.duration", if is_fis { on(&e.template, true, later, by_template) } else { by_timeout });
    }
    if !is_fis {
        return outcomes;
    }
    if require["stop-condition"] == true {
        let has = |t: &TemplateFacts| t.stop_alarms != 0;
        add("require.stop-condition", on(&e.template, true, later, has));
    }
    if require["logs"] == true {
        add("require.logs", on(&e.template, true, later, |t| t.has_logs));
    }
    for (tag, value) in require["tags"].as_object().into_iter().flatten() {
        let has = |t: &TemplateFacts| t.tags.iter().any(|(k, v)| k == tag && v == value.as_str().unwrap());
        add(&format!("require.tags.{tag}"), on(&e.template, true, later, has));
    }
    if let Some(most) = limits["targets"].as_u64() {
        add("limits.targets", on(&e.targets, true, later, |number| *number as u64 <= most));
    }
    outcomes
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|skipped| glob(rest, &text[skipped..])),
        ([p, pattern @ ..], [t, text @ ..]) => p == t && glob(pattern, text),
        _ => false,
    }
}

/// The seconds of a duration of a policy. Only units that the random policies have are known.
fn seconds(text: &str) -> f64 {
    match text {
        "90s" => 90.0,
        "5m" => 300.0,
        "30m" => 1800.0,
        "1h30m" => 5400.0,
        "12h" => 43_200.0,
        "1500ms" => 1.5,
        other => panic!("{other}"),
    }
}

/// The seconds until all actions have ended; `None` if that is not known.
fn end(template: &TemplateFacts) -> Option<f64> {
    let ends: Option<Vec<f64>> =
        template.actions.iter().map(|action| end_of(template, action, template.actions.len())).collect();
    Some(ends?.into_iter().fold(0.0, f64::max))
}

fn end_of(template: &TemplateFacts, action: &ActionFacts, depth: usize) -> Option<f64> {
    let own = match action.parameters.get("maxDuration").map(String::as_str) {
        None | Some("") if ["aws", "aws:fis:wait"].contains(&action.id.as_str()) => return None,
        None | Some("" | "PT0S") => 0.0,
        Some("PT90S") => 90.0,
        Some("PT5M") => 300.0,
        Some("PT30M") => 1800.0,
        Some("PT1H") => 3600.0,
        Some("PT1H30M") => 5400.0,
        Some("P1D") => 86_400.0,
        Some(_) => return None,
    };
    let mut start = 0.0_f64;
    for name in &action.start_after {
        let before = template.actions.iter().find(|other| other.name == *name)?;
        start = start.max(end_of(template, before, depth.checked_sub(1)?)?);
    }
    Some(start + own)
}

/// Returns `true` if a window holds, by the texts that the clock of its zone shows.
fn window(text: &str, rule: &Value, now: Timestamp) -> bool {
    let zone = TimeZone::UTC;
    let zones = jiff::tz::TimeZoneDatabase::bundled();
    let zone = rule["zone"].as_str().map_or(zone, |name| zones.get(name).unwrap());
    let now = now.to_zoned_datetime(zone);
    let (days, hours) = match text.split_once(' ') {
        Some((days, hours)) => (days, hours),
        None if text.contains(':') => ("mon-sun", text),
        None => (text, "00:00-24:00"),
    };
    let day = |date: jiff::civil::Date| {
        days.split(',').any(|item| match item.split_once("..") {
            Some((first, last)) => (first..=last).contains(&date.to_string().as_str()),
            None if item.starts_with('2') => item == date.to_string(),
            None => {
                let week = [
                    "mon", "tue", "wed", "thu", "fri", "sat", "sun", "mon", "tue", "wed", "thu", "fri", "sat",
                ];
                let (first, last) = item.split_once('-').unwrap_or((item, item));
                let from = week.iter().position(|day| *day == first).unwrap();
                let to = from + week[from..].iter().position(|day| *day == last).unwrap();
                week[from..=to].contains(&date.strftime("%a").to_string().to_lowercase().as_str())
            }
        })
    };
    let (from, until) = hours.split_once('-').unwrap();
    let shown = now.strftime("%H:%M").to_string();
    if from < until {
        return day(now.date()) && from <= shown.as_str() && shown.as_str() < until;
    }
    (from <= shown.as_str() && day(now.date()))
        || (shown.as_str() < until && day(now.date().yesterday().unwrap()))
}
