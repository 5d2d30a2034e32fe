//! Random policies, as JSON, and random facts that are near to them, so that rules are kept as often as they
//! are broken.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::*;

const ACCOUNTS: [&str; 3] = ["111122223333", "444455556666", "012345678901"];
const REGIONS: [&str; 3] = ["eu-west-1", "us-gov-west-1", "ap-southeast-2"];
const ENGINES: [&str; 4] = ["fis", "harness", "litmus", "command"];
const TEMPLATES: [&str; 5] = ["EXT1", "EXT12", "EXTab", "XEXT1", "EXT1EXT1"];
const ACTIONS: [&str; 5] = [
    "aws:rds:reboot-db-instances",
    "aws:rds:failover-db-cluster",
    "aws:ec2:stop-instances",
    "aws:fis:wait",
    "aws",
];
const TEMPLATE_PATTERNS: [&str; 7] = ["*", "**", "EXT*", "*1", "EXT1", "E*T*1", "*XT1*"];
const ACTION_PATTERNS: [&str; 7] = ["*", "**", "aws:rds:*", "aws:*:stop-*", "aws:fis:wait", "*:*:*", "a*s"];
pub(super) const ZONES: [&str; 5] =
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Etc/GMT+5"];

/// A window that is right.
pub(super) fn window() -> impl Strategy<Value = String> {
    let days =
        ["mon", "tue-thu", "fri-mon", "sat,sun", "wed,fri-sat", "2026-10-25", "2026-03-01..2026-10-04"];
    let hours = ["09:00-16:00", "22:00-02:30", "00:00-24:00", "01:30-02:15", "23:00-24:00", "02:00-01:00"];
    (weighted(0.6, select(days.to_vec())), weighted(0.7, select(hours.to_vec()))).prop_map(|(days, hours)| {
        match (days, hours) {
            (Some(days), Some(hours)) => format!("{days} {hours}"),
            (days, hours) => days.or(hours).unwrap_or("sun").to_owned(),
        }
    })
}

fn texts(from: &[&'static str]) -> impl Strategy<Value = Value> + use<> {
    subsequence(from.to_vec(), 1..=from.len()).prop_map(|texts| json!(texts))
}

/// A table of some of these keys, or nothing.
fn table(keys: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Option<Value>> {
    let entries: Vec<_> = keys
        .into_iter()
        .map(|(key, value)| {
            weighted(0.4, value).prop_map(move |value| value.map(|value| (key.to_owned(), value)))
        })
        .collect();
    weighted(0.7, entries.prop_map(|entries| entries.into_iter().flatten().collect::<Map<_, _>>().into()))
        .boxed()
}

fn count() -> BoxedStrategy<Value> {
    (1_u32..6).prop_map(Value::from).boxed()
}

fn truth() -> BoxedStrategy<Value> {
    any::<bool>().prop_map(Value::from).boxed()
}

/// A policy that is right.
pub(super) fn policy() -> impl Strategy<Value = Value> {
    let allow = table(vec![
        ("engines", texts(&ENGINES).boxed()),
        ("accounts", texts(&ACCOUNTS).boxed()),
        ("regions", texts(&REGIONS).boxed()),
        ("templates", subsequence(TEMPLATE_PATTERNS.to_vec(), 1..4).prop_map(|p| json!(p)).boxed()),
    ]);
    let deny =
        table(vec![("actions", subsequence(ACTION_PATTERNS.to_vec(), 1..4).prop_map(|p| json!(p)).boxed())]);
    let tag = (select(vec!["environment", "team"]), select(vec!["staging", "a", ""]));
    let tags = prop::collection::btree_map(tag.0, tag.1, 1..3).prop_map(|tags| json!(tags)).boxed();
    let require =
        table(vec![("stop-condition", truth()), ("probes", truth()), ("logs", truth()), ("tags", tags)]);
    let duration = select(vec!["90s", "5m", "1h30m", "30m", "1500ms", "12h"]).prop_map(Value::from).boxed();
    let limits = table(vec![
        ("targets", count()),
        ("duration", duration),
        ("parallel", count()),
        ("experiments", count()),
        ("alone", truth()),
    ]);
    let rule = (any::<bool>(), window(), weighted(0.7, select(ZONES.to_vec()))).prop_map(
        |(allows, window, zone)| {
            let mut rule =
                Map::from_iter([((if allows { "allow" } else { "deny" }).to_owned(), json!(window))]);
            rule.extend(zone.map(|zone| ("zone".to_owned(), json!(zone))));
            Value::Object(rule)
        },
    );
    let windows = weighted(0.5, prop::collection::vec(rule, 1..4).prop_map(Value::from));
    (allow, deny, require, limits, windows).prop_map(|(allow, deny, require, limits, windows)| {
        let parts = [
            ("allow", allow),
            ("deny", deny),
            ("require", require),
            ("limits", limits),
            ("windows", windows),
        ];
        let parts = parts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Value::Object(parts.chain([("version".to_owned(), json!(1))]).collect())
    })
}

fn fact<T: Clone + std::fmt::Debug>(known: impl Strategy<Value = T>) -> impl Strategy<Value = Fact<T>> {
    prop_oneof![
        6 => known.prop_map(Fact::Known),
        1 => Just(Fact::NotAsked),
        1 => Just(Fact::Unknown("access denied".to_owned())),
    ]
}

pub(super) fn run() -> impl Strategy<Value = LaunchFacts> {
    // The year 2026.
    let moment =
        (1_767_225_600_i64..1_798_761_600).prop_map(|second| Timestamp::from_second(second).unwrap());
    (fact(1_usize..6), 1_usize..6, fact(moment)).prop_map(|(experiments, parallel, moment)| LaunchFacts {
        experiments,
        parallel,
        moment,
    })
}

/// The actions of a template. Each starts after some of those before it, and sometimes after a later one, so
/// that there may be a circle.
fn actions() -> impl Strategy<Value = Vec<ActionFacts>> {
    let durations =
        select(vec!["PT90S", "PT5M", "PT1H", "PT30M", "PT1H30M", "PT0S", "P1D", "", "soon", "P1M", "1h"]);
    let action =
        (select(ACTIONS.to_vec()), weighted(0.7, durations), prop::collection::vec(0_usize..5, 0..2));
    prop::collection::vec(action, 0..4).prop_map(|actions| {
        let name = |place: usize| format!("a{place}");
        let action =
            |(place, (id, duration, after)): (usize, (&str, Option<&str>, Vec<usize>))| ActionFacts {
                name: name(place),
                id: id.to_owned(),
                parameters: duration
                    .map(|text| ("maxDuration".to_owned(), text.to_owned()))
                    .into_iter()
                    .collect(),
                start_after: after
                    .into_iter()
                    .filter(|other| *other < place || *other == 4)
                    .map(name)
                    .collect(),
            };
        actions.into_iter().enumerate().map(action).collect()
    })
}

fn template() -> impl Strategy<Value = TemplateFacts> {
    let tags = prop::collection::btree_map(
        select(vec!["environment", "team", "other"]),
        select(vec!["staging", "a", ""]),
        0..3,
    );
    (actions(), 0_usize..3, any::<bool>(), tags).prop_map(|(actions, stop_alarms, has_logs, tags)| {
        TemplateFacts {
            actions,
            stop_alarms,
            has_logs,
            tags: tags
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect::<BTreeMap<_, _>>(),
        }
    })
}

fn word(words: &[&'static str]) -> impl Strategy<Value = Fact<String>> + use<> {
    fact(select(words.to_vec()).prop_map(str::to_owned))
}

pub(super) fn experiment() -> impl Strategy<Value = ExperimentFacts> {
    let accounts = prop::collection::vec(select(ACCOUNTS.to_vec()).prop_map(str::to_owned), 0..3);
    let seconds = select(vec![60_u64, 300, 1800, 5400, 43_200]);
    let place = (word(&ACCOUNTS), word(&REGIONS), word(&TEMPLATES), fact(accounts));
    let engine = prop_oneof![3 => Just(EngineKind::Fis), 1 => select(EngineKind::ALL.to_vec())];
    (engine, place, seconds, 0_usize..2, fact(template()), fact(0_usize..6)).prop_map(
        |(engine, (account, region, template_id, target_accounts), seconds, probes, template, targets)| {
            ExperimentFacts {
                name: "e".to_owned(),
                engine,
                account,
                region,
                template_id,
                target_accounts,
                timeout: Duration::from_secs(seconds),
                probes,
                template,
                targets,
            }
        },
    )
}
