//! The rules on what several keys of one table must be together.
//!
//! The rules are written as conditions (`if`, `then`), since a condition names the key that is wrong, while
//! an alternative (`anyOf`) would only say that none fits.

use faultgate_core::model::{EngineKind, Phase};
use serde_json::{Map, Value, json};

use super::kinds::{REFERENCE, anycase};
use crate::inputs::table::GATE;
use crate::suite::probes::keys::{NEEDED_OF_METRIC, OF_METRIC};
use crate::suite::selection::chooser;

/// The rule that a table has exactly one of these keys.
pub(crate) fn exactly_one(names: &[&str], message: &str) -> Map<String, Value> {
    let any: Vec<_> = names.iter().map(|name| json!({ "required": [name] })).collect();
    let others = |place: usize| {
        let others = names[place + 1..].iter().map(|name| ((*name).to_owned(), json!(false)));
        json!({ "properties": others.collect::<Map<_, _>>(), "errorMessage": message })
    };
    let all: Vec<_> = (0..names.len().saturating_sub(1))
        .map(|place| json!({ "if": { "required": [names[place]] }, "then": others(place) }))
        .collect();
    [("anyOf".to_owned(), Value::Array(any)), ("allOf".to_owned(), Value::Array(all))].into_iter().collect()
}

/// The rule that each setting of the gate stands at the top of the file or in `gate`, and not in both.
pub(crate) fn one_place() -> Value {
    let once = GATE.iter().map(|(key, input)| {
        json!({
            "if": { "required": [input.name], "properties": { (input.name): set() } },
            "then": { "properties": { "gate": {
                "properties": { (*key): false },
                "errorMessage": "is set at the top of the file as well: keep one of them",
            } } },
        })
    });
    json!({ "allOf": once.collect::<Vec<_>>() })
}

/// The rule that the experiments of a run come from one place.
pub(crate) fn one_choice() -> Value {
    let unset = unset("a run's experiments come from one place: keep this or the list of experiments");
    let inputs: Map<_, _> = EngineKind::ALL
        .into_iter()
        .filter_map(chooser)
        .map(|input| (input.name.to_owned(), unset.clone()))
        .collect();
    json!({
        "if": { "required": ["experiments"], "properties": { "experiments": { "type": "array" } } },
        "then": { "properties": inputs },
    })
}

/// The rule that a block of FIS has a template, or a query that finds templates.
pub(crate) fn template_or_query() -> Value {
    json!({
        "anyOf": [
            { "required": ["template"], "properties": { "template": set() } },
            { "required": ["templates"], "properties": { "templates": { "type": "object" } } },
        ],
        "errorMessage": "has neither template nor templates: write template: EXT…, or templates: { tags: … }",
    })
}

/// The rule that a probe of CloudWatch has either an expression or the keys of a metric.
pub(crate) fn metric_or_expression() -> Value {
    let unset = unset("has no effect with expression: keep one of them");
    let of_metric: Map<_, _> = OF_METRIC.iter().map(|name| ((*name).to_owned(), unset.clone())).collect();
    let needed: Map<_, _> = NEEDED_OF_METRIC.iter().map(|name| ((*name).to_owned(), set())).collect();
    json!({
        "if": { "required": ["expression"], "properties": { "expression": set() } },
        "then": { "properties": of_metric },
        "else": { "required": NEEDED_OF_METRIC, "properties": needed },
    })
}

/// The rule for a key that only has an effect where the probe is evaluated in `phase`.
pub(crate) fn needs_phase(key: &str, phase: Phase) -> Value {
    let others = Phase::ALL.into_iter().filter(|other| *other != phase);
    let others = others.map(|other| anycase(other.as_str())).collect::<Vec<_>>().join("|");
    let other = json!({ "type": "string", "pattern": format!(r"^\s*(?:{others})\s*$") });
    let phase = phase.as_str();
    json!({
        "if": {
            "required": [key, "when"],
            "properties": {
                // The content of the variables in it may be blank.
                (key): { "not": { "type": "null" }, "pattern": r"\S", "if": { "type": "string" }, "then": { "not": { "pattern": REFERENCE } } },
                "when": { "anyOf": [other, { "type": "array", "items": other }] },
            },
        },
        "then": {
            "properties": { (key): false },
            "errorMessage": format!("has no effect without {phase}: add {phase} to when"),
        },
    })
}

/// The schema of a value that is neither null nor blank.
fn set() -> Value {
    json!({ "not": { "type": "null" }, "pattern": r"\S" })
}

fn unset(message: &str) -> Value {
    json!({
        "type": ["string", "null"],
        "pattern": r"^\s*$",
        "errorMessage": message,
        "patternErrorMessage": message,
    })
}
