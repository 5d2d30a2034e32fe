//! The JSON Schema of the suite file, for editors.
//!
//! The schema is made from the tables of keys by which the parser reads. A text may be refused by the parser
//! and not by the schema; all such cases are listed in the tests. The other way round must not happen, with
//! the few exceptions that the tests list. `kinds` has the schema of each kind of value, and `rules` has what
//! several keys of one table must be together.

#[cfg(test)]
mod changes;
mod kinds;
#[cfg(test)]
mod random;
mod rules;

use faultgate_core::model::{EngineKind, Phase, ProbeKind};
use serde_json::{Map, Value, json};

use crate::inputs::input::Input;
use crate::inputs::kind::Kind;
use crate::inputs::table::{GATE, INPUTS};
use crate::layers::file::HOLDER;
use crate::suite::blocks;
use crate::suite::blocks::harness::TASKS;
use crate::suite::keys::{Form, Item, Key, Names};
use crate::suite::links::{LINKS_KEY, MAX_LINKS};
use crate::suite::probes::keys as probes;
use crate::suite::probes::keys::{PROBE, proofs};
use crate::suite::tables::{ABORT_WHEN, EXPERIMENT, LINK, ROOT};

/// The text of the schema, with a line break at its end.
pub(crate) fn suite() -> String {
    format!("{:#}\n", root())
}

fn root() -> Value {
    let mut properties: Map<_, _> = INPUTS
        .iter()
        .filter(|input| input.in_suite())
        .map(|input| (input.name.to_owned(), of_input(input)))
        .chain(ROOT.iter().map(property))
        .collect();
    let version = json!({
        "description": "Version of the format",
        "type": ["integer", "string"],
        "minimum": 1,
        "maximum": 1,
        "pattern": kinds::pattern("1", true),
        "default": 1,
    });
    properties.insert("version".to_owned(), version);
    properties.insert("gate".to_owned(), gate());
    properties
        .insert("abort-when".to_owned(), block("What stops experiments beside aborts-after", ABORT_WHEN));
    let links = json!({
        "description": "Pages about the system under test, such as dashboards, to which reports link for the time of the fault",
        "type": ["array", "null"],
        "maxItems": MAX_LINKS,
        "items": block("One link: a name and an address", LINK),
    });
    properties.insert(LINKS_KEY.to_owned(), links);
    properties.insert("experiments".to_owned(), experiments());
    let mut root = object("What faultgate runs, measures and expects", properties, &["version"]);
    root.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("title".to_owned(), json!("faultgate suite"));
    let holder =
        json!({ format!("^{HOLDER}"): { "description": "Holds what aliases stand for, and nothing else" } });
    root.insert("patternProperties".to_owned(), holder);
    root.insert("allOf".to_owned(), json!([rules::one_place(), rules::one_choice()]));
    Value::Object(root)
}

fn gate() -> Value {
    let inputs = GATE.iter().map(|(key, input)| ((*key).to_owned(), of_input(input)));
    Value::Object(object("What the run must reach", inputs.collect(), &[]))
}

fn experiments() -> Value {
    let mut properties: Map<_, _> = EXPERIMENT.iter().map(property).collect();
    properties.extend(EngineKind::ALL.map(|engine| (engine.as_str().to_owned(), engine_block(engine))));
    let probes = json!({
        "description": "What is looked at again and again, to see whether the system is steady",
        "type": ["array", "null"],
        "items": probe(),
    });
    properties.insert("probes".to_owned(), probes);
    let mut experiment =
        object("One experiment: a name, its engine, its probes", properties, &list_needed(EXPERIMENT));
    experiment.extend(rules::exactly_one(EngineKind::WORDS, "has one engine: write an experiment for each"));
    json!({
        "description": "The experiments, in the order in which they are launched",
        "type": ["array", "null"],
        "minItems": 1,
        "items": experiment,
    })
}

fn engine_block(engine: EngineKind) -> Value {
    let mut block = block(blocks::help(engine), blocks::keys(engine));
    if engine == EngineKind::Fis {
        block["allOf"] = json!([rules::template_or_query()]);
    }
    block
}

fn probe() -> Value {
    let mut properties: Map<_, _> = PROBE.iter().map(property).collect();
    for kind in ProbeKind::ALL {
        let mut block = block(probes::help(kind), probes::keys(kind));
        if kind == ProbeKind::CloudwatchMetric {
            block["allOf"] = json!([rules::metric_or_expression()]);
        }
        properties.insert(kind.as_str().to_owned(), block);
    }
    let mut probe = object("One probe: a name, what it looks at, and when", properties, &list_needed(PROBE));
    probe.extend(rules::exactly_one(ProbeKind::WORDS, "looks at one thing: write a probe for each"));
    if let Some(Value::Array(all)) = probe.get_mut("allOf") {
        all.push(rules::needs_phase("recovers-within", Phase::After));
        all.push(rules::needs_phase("aborts-after", Phase::During));
    }
    Value::Object(probe)
}

fn block(help: &str, keys: &[Key]) -> Value {
    Value::Object(object(help, keys.iter().map(property).collect(), &list_needed(keys)))
}

fn object(help: &str, properties: Map<String, Value>, required: &[&str]) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("description".to_owned(), json!(help));
    object.insert("type".to_owned(), json!("object"));
    object.insert("properties".to_owned(), Value::Object(properties));
    object.insert("additionalProperties".to_owned(), json!(false));
    if !required.is_empty() {
        object.insert("required".to_owned(), json!(required));
    }
    object
}

fn list_needed(keys: &[Key]) -> Vec<&'static str> {
    keys.iter().filter(|key| key.needed.is_some()).map(|key| key.name).collect()
}

fn of_input(input: &Input) -> Value {
    let mut schema = kinds::write_schema(&input.kind, None);
    schema.insert("description".to_owned(), json!(input.description()));
    if let Some(default) = input.default {
        schema.insert("default".to_owned(), kinds::literal(&input.kind, default));
    }
    if let Some(example) = input.example {
        schema.insert("examples".to_owned(), json!([kinds::literal(&input.kind, example)]));
    }
    Value::Object(schema)
}

fn property(key: &Key) -> (String, Value) {
    let mut schema = match &key.form {
        Form::Value(kind) => kinds::write_schema(kind, key.needed),
        Form::Values(kind) => {
            let list = json!({ "type": "array", "items": kinds::write_schema(kind, Some("is empty")), "minItems": 1 });
            kinds::map(json!({ "anyOf": [kinds::write_schema(kind, None), list] }))
        }
        Form::Arguments(item) => arguments(item, key.needed),
        Form::Texts(names, item) => texts(*names, item, key.needed.is_some()),
        Form::Block(keys) => {
            let mut block = object("", keys.iter().map(property).collect(), &list_needed(keys));
            block.insert("type".to_owned(), json!(["object", "null"]));
            block
        }
        Form::RuntimeInputs(kind) => runtime_inputs(kind),
        Form::Proof(keys) => proof(keys),
    };
    let literal = |text: &str| match &key.form {
        Form::Value(kind) => kinds::literal(kind, text),
        Form::Values(kind) if !text.contains(' ') => kinds::literal(kind, text),
        _ => json!(text.split_whitespace().collect::<Vec<_>>()),
    };
    schema.insert("description".to_owned(), json!(key.description()));
    if let Some(default) = key.default {
        schema.insert("default".to_owned(), literal(default));
    }
    if let Some(example) = key.example {
        schema.insert("examples".to_owned(), json!([literal(example)]));
    }
    (key.name.to_owned(), Value::Object(schema))
}

/// The schema of a proof. A time limit alone proves nothing, and there is one kind of probe at most.
fn proof(keys: &[Key]) -> Map<String, Value> {
    let checks = || proofs().map(ProbeKind::as_str);
    let blocks =
        proofs().map(|kind| (kind.as_str().to_owned(), block(probes::help(kind), probes::keys(kind))));
    let mut proof = object("", keys.iter().map(property).chain(blocks).collect(), &[]);
    proof.insert("type".to_owned(), json!(["object", "null"]));
    let words = keys.iter().map(|key| key.name).filter(|name| *name != "within");
    let any: Vec<_> = words.chain(checks()).map(|name| json!({ "required": [name] })).collect();
    proof.insert("anyOf".to_owned(), json!(any));
    // Pairs of kinds are refused one by one: JSON Schema has no "at most one".
    let others = |one| checks().filter(move |other| other > &one);
    let pairs = checks()
        .flat_map(|one| others(one).map(move |other| json!({ "type": "object", "required": [one, other] })));
    proof.insert("not".to_owned(), json!({ "anyOf": pairs.collect::<Vec<_>>() }));
    proof
}

/// The schema of a program and its arguments. The program must have a name.
fn arguments(item: &Item, needed: Option<&str>) -> Map<String, Value> {
    let hint = needed.unwrap_or("write the program's name or path");
    let (program, argument) = match item {
        Item::Trimmed(kind) => (kinds::write_schema(kind, Some(hint)), kinds::write_schema(kind, None)),
        Item::Verbatim { max } => {
            (kinds::verbatim(*max, r"^\s*[^\s\u0000][^\u0000]*$"), kinds::verbatim(*max, kinds::NO_ZERO))
        }
    };
    let types = if needed.is_some() { json!("array") } else { json!(["array", "null"]) };
    kinds::map(
        json!({ "type": types, "minItems": 1, "prefixItems": [program], "items": argument, "errorMessage": hint }),
    )
}

fn texts(names: Names, item: &Item, needed: bool) -> Map<String, Value> {
    let text = match item {
        Item::Verbatim { max } => kinds::verbatim(*max, kinds::NO_ZERO),
        Item::Trimmed(kind) => kinds::write_schema(kind, None),
    };
    let types = if needed { json!("object") } else { json!(["object", "null"]) };
    let mut schema = kinds::map(json!({ "type": types, "additionalProperties": text }));
    let names = match names {
        Names::Any => return schema,
        Names::Headers => r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        Names::Variables => r"^[^=\u0000]+$",
    };
    schema.insert("propertyNames".to_owned(), json!({ "pattern": names }));
    schema
}

/// The schema of runtime inputs. Numbers and truth values are taken as text.
fn runtime_inputs(kind: &Kind) -> Map<String, Value> {
    let mut text = kinds::write_schema(kind, None);
    text.insert("type".to_owned(), json!(["string", "integer", "boolean"]));
    let texts = json!({ "type": "object", "additionalProperties": text });
    let tasks = json!({ "type": "object", "additionalProperties": texts });
    kinds::map(json!({
        "type": ["object", "null"],
        "properties": { (TASKS): tasks },
        "additionalProperties": text,
    }))
}

#[cfg(test)]
mod tests;
