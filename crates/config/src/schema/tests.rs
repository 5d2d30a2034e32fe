//! The schema against the parser: random suites, whole or with something wrong, are taken by both or refused
//! by both.

use std::sync::LazyLock;

use faultgate_core::environment::Environment;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use super::{changes, random};
use crate::load;

/// Mistakes that the parser finds and no schema can. Everything else that the parser refuses is refused by
/// the schema.
const BEYOND: &[(&str, &str)] = &[
    ("is the same as that of", "names are unique among neighbours"),
    ("is not shorter than the timeout", "which duration is the longer"),
    ("all weights are 0", "a sum"),
    ("is out of range", "a sum of hours, minutes and seconds"),
    ("is not a period of CloudWatch", "the same"),
    (
        "is not a part of a suite",
        "which number is the larger: random suites hold no other mistake of this kind",
    ),
    ("has more parts than experiments", "a count"),
    ("is not there", "what lies on the disk"),
    ("is not a file", "the same"),
    ("is not a scenario", "what the binary can rehearse"),
    ("nothing to run", "flags and variables may name the experiment"),
    ("monitor: queue needs event-queue-url", "flags and variables may set it"),
    ("is not read with monitor", "flags and variables may set monitor"),
    (", or set FAULTGATE_", "flags and variables may set what a block leaves out"),
    (": is missing (from the environment)", "secrets"),
    ("is missing beside", "the same"),
    ("-id: is missing", "inputs that belong together"),
    ("-url: is missing", "the same"),
    ("max-score-drop: needs compare-to", "flags and variables may set it"),
    ("the experiment's page", "what an address holds"),
    ("is not the page of a Harness experiment", "the same"),
    ("is not the page of a LitmusChaos experiment", "the same"),
    ("is shorter than every", "which duration is the longer"),
    ("is a range that ends before it begins", "which number is the larger"),
    ("whose host cannot be one", "what an address holds"),
    ("in its host", "the same"),
    ("names the API", "the same"),
    ("needs a region", "the same"),
    ("is an ARN", "the same, of a name"),
    ("that is never closed", "what a query means"),
    (" too many", "the same"),
    ("closes a ", "the same"),
    ("holds no expression", "the same"),
    ("is a text, which", "the same"),
    ("ends with a range", "the same"),
    ("ends with the operator", "the same"),
    ("which nothing defines", "the same"),
    ("can never pass", "keys that need each other"),
    ("is set beside", "the same"),
    ("is needed beside", "the same"),
    ("has no effect without client-certificate", "the same"),
    ("has a colon", "what variables hold"),
    (" dimensions;", "a count"),
    ("names no tag", "the same"),
    ("holds no id of an account", "what a file holds"),
    ("is no id of an account", "the same"),
    ("has a line without NAME=value", "what the lines of a text hold"),
];

/// The validator of the schema. It refuses no more than this of what the parser takes: a text that is too
/// long as it is written, although it is not without its white space or with the content of its variables; a
/// header with a wrong name and no value; the version written as 1.0.
static SCHEMA: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::draft202012::new(&root()).unwrap());

/// The mistakes that the parser finds in a suite, without those that are beyond any schema.
fn mistakes(suite: &Value) -> Vec<String> {
    let mut told = all_mistakes(suite);
    told.retain(|told| !BEYOND.iter().any(|(words, _)| told.contains(words)));
    told
}

/// All the mistakes that the parser finds in a suite.
fn all_mistakes(suite: &Value) -> Vec<String> {
    thread_local! {
        static DIR: tempfile::TempDir = tempfile::tempdir().unwrap();
    }
    let told = DIR.with(|dir| {
        std::fs::write(dir.path().join(".faultgate.json"), suite.to_string()).unwrap();
        load(
            &Environment::default(),
            Vec::new(),
            dir.path(),
            crate::Outside { scenarios: &["completed"], ..crate::Outside::default() },
            &[],
        )
        .err()
    });
    told.unwrap_or_default().into_iter().map(|mistake| mistake.at(None).to_string()).collect()
}

/// The texts in a value that are not blank, since a blank one counts as not set.
fn texts(value: &mut Value) -> Vec<&mut String> {
    match value {
        Value::String(text) if !matches!(text.trim(), "" | "${NOT_SET:-}") => vec![text],
        Value::Array(items) => items.iter_mut().flat_map(texts).collect(),
        Value::Object(entries) => entries.values_mut().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn refusals(suite: &Value) -> Vec<String> {
    SCHEMA.iter_errors(suite).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// `true` if a suite refers to variables. The schema knows neither whether they are set, nor their content,
/// nor that a reference is malformed. No variable is set here, so only a reference with a default has a
/// value.
fn refers(value: &Value) -> bool {
    value.to_string().contains("${")
}

fn agree(suite: &Value) -> Result<(), TestCaseError> {
    let (mut parser, schema) = (mistakes(suite), refusals(suite));
    // The schema does not count the probes of a suite.
    parser.retain(|mistake| !mistake.contains("write a number that can be reached"));
    if parser.is_empty() {
        prop_assert!(schema.is_empty(), "only the schema refuses {suite:#}\n{schema:#?}");
    } else if !refers(suite) {
        prop_assert!(!schema.is_empty(), "only the parser refuses {suite:#}\n{parser:#?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whole_suites_are_taken(suite in random::suite()) {
        prop_assert!(mistakes(&suite).is_empty(), "{suite:#}\n{:#?}", mistakes(&suite));
        prop_assert!(refusals(&suite).is_empty(), "{suite:#}\n{:#?}", refusals(&suite));
    }

    #[test]
    fn a_variable_that_is_not_set_is_one_mistake(mut suite in random::suite(), place in any::<Index>()) {
        let before = all_mistakes(&suite);
        let mut texts = texts(&mut suite);
        let count = texts.len();
        *texts[place.index(count)] = "${UNSET}".to_owned();
        let mut more = all_mistakes(&suite);
        // A file of accounts is only looked for if no unit is set beside it.
        more.retain(|told| !before.contains(told) && !told.contains("accounts.file: \""));
        prop_assert!(more.len() == 1 && more[0].contains("${UNSET} is not set"), "{suite:#}\n{more:#?}");
    }

    #[test]
    fn parser_and_schema_agree_on_anything(suite in random::suite(), change in changes::change()) {
        let mut suite = suite;
        change.apply(&mut suite);
        agree(&suite)?;
    }
}

/// A block with the keys that are needed, by their examples, and one more key.
fn block_with(keys: &[Key], key: &str, value: &Value) -> Value {
    let needed = keys.iter().filter(|key| key.needed.is_some());
    let mut block: Map<_, _> =
        needed.map(|key| (key.name.to_owned(), property(key).1["examples"][0].clone())).collect();
    block.insert(key.to_owned(), value.clone());
    Value::Object(block)
}

/// Suites with this value, one for each place at which a value may stand.
fn everywhere(value: &Value) -> Vec<Value> {
    let fis = json!({ "template": "EXT1" });
    let tcp = json!({ "address": "db:5432" });
    let of_shard = |name: &str| name == "shard";
    let top = INPUTS.iter().map(|input| input.name).filter(|name| !of_shard(name));
    let top = top.chain(ROOT.iter().map(|key| key.name)).chain([
        "version",
        "gate",
        "abort-when",
        "links",
        "experiments",
        "zzz",
    ]);
    let mut suites: Vec<_> = top
        .map(|name| {
            let mut suite = json!({ "version": 1 });
            suite[name] = value.clone();
            suite
        })
        .collect();
    suites.push(json!({ "version": 1, "gate": { "expected-resilience-score": value } }));
    suites.push(json!({ "version": 1, "abort-when": { "failing-probes": value } }));
    suites.push(suite_of(value));
    suites.push(suite_with(value));
    for name in EXPERIMENT.iter().map(|key| key.name).chain(["probes", "zzz"]) {
        let mut experiment = json!({ "name": "a", "fis": fis });
        experiment[name] = value.clone();
        suites.push(suite_of(&experiment));
    }
    for (engine, keys) in EngineKind::ALL.map(|engine| (engine.as_str(), blocks::keys(engine))) {
        suites.push(suite_of(&json!({ "name": "a", engine: value })));
        for name in keys.iter().map(|key| key.name).chain(["zzz"]) {
            let mut block = block_with(keys, name, value);
            if engine == EngineKind::Fis.as_str() && !["template", "templates"].contains(&name) {
                block["template"] = json!("EXT1");
            }
            suites.push(suite_of(&json!({ "name": "a", engine: block })));
        }
    }
    for name in PROBE.iter().map(|key| key.name).chain(["zzz"]) {
        let mut probe = json!({ "name": "x", "tcp": tcp });
        probe[name] = value.clone();
        suites.push(suite_with(&probe));
    }
    for kind in ProbeKind::ALL {
        let (word, keys) = (kind.as_str(), probes::keys(kind));
        suites.push(suite_with(&json!({ "name": "x", word: value })));
        for name in keys.iter().map(|key| key.name).chain(["zzz"]) {
            let mut block = block_with(keys, name, value);
            if kind == ProbeKind::CloudwatchMetric && !["namespace", "metric", "expression"].contains(&name) {
                block["namespace"] = json!("Shop");
                block["metric"] = json!("Errors");
            }
            suites.push(suite_with(&json!({ "name": "x", word: block })));
        }
    }
    suites
}

#[test]
fn parser_and_schema_agree_on_every_key() {
    let suites = changes::junk().into_iter().flat_map(|value| everywhere(&value));
    let apart: Vec<_> = suites.filter_map(|suite| agree(&suite).err()).map(|told| told.to_string()).collect();
    assert!(apart.is_empty(), "{}", apart.join("\n"));
}

fn suite_of(experiment: &Value) -> Value {
    json!({ "version": 1, "experiments": [experiment] })
}

fn suite_with(probe: &Value) -> Value {
    suite_of(&json!({ "name": "a", "fis": { "template": "EXT1" }, "probes": [probe] }))
}

#[test]
fn rules_of_several_keys_are_those_of_the_parser() {
    let fis = json!({ "template": "EXT1" });
    let tcp = json!({ "address": "db:5432" });
    let metric = |block: Value| suite_with(&json!({ "name": "x", "cloudwatch-metric": block }));
    let timed =
        |when: Value| suite_with(&json!({ "name": "x", "tcp": tcp, "when": when, "recovers-within": "5s" }));
    let aborting =
        |when: Value| suite_with(&json!({ "name": "x", "tcp": tcp, "when": when, "aborts-after": 3 }));
    for (suite, good) in [
        (aborting(json!(null)), true),
        (aborting(json!(["before", "during"])), true),
        (aborting(json!("after")), false),
        (aborting(json!(["before", "After"])), false),
        (suite_of(&json!({ "name": "a", "fis": fis })), true),
        (suite_of(&json!({ "name": "a" })), false),
        (suite_of(&json!({ "name": "a", "fis": null })), false),
        (suite_of(&json!({ "name": "a", "fis": fis, "command": { "run": ["x"] } })), false),
        (suite_with(&json!({ "name": "x", "tcp": tcp })), true),
        (suite_with(&json!({ "name": "x" })), false),
        (suite_with(&json!({ "name": "x", "tcp": tcp, "command": { "run": ["x"] } })), false),
        (timed(json!(null)), true),
        (timed(json!(["during", "after"])), true),
        (timed(json!("before")), false),
        (timed(json!(["before", "During"])), false),
        (metric(json!({ "namespace": "S", "metric": "m", "expect": "< 1" })), true),
        (metric(json!({ "expression": "e", "statistic": " ", "expect": "< 1" })), true),
        (metric(json!({ "expression": "e", "dimensions": {}, "expect": "< 1" })), false),
        (metric(json!({ "expression": "", "namespace": "S", "expect": "< 1" })), false),
        (json!({ "version": 1, "experiment-template-id": "EXT1" }), true),
        (
            json!({ "version": 1, "experiment-template-id": "", "experiments": [{ "name": "a", "fis": fis }] }),
            true,
        ),
        (
            json!({ "version": 1, "experiment-template-id": "E", "experiments": [{ "name": "a", "fis": fis }] }),
            false,
        ),
        (
            json!({ "version": 1, "expected-resilience-score": null, "gate": { "expected-resilience-score": 1 } }),
            true,
        ),
        (
            json!({ "version": 1, "expected-resilience-score": 1, "gate": { "expected-resilience-score": 1 } }),
            false,
        ),
    ] {
        assert_eq!(mistakes(&suite).is_empty(), good, "parser: {suite}\n{:?}", mistakes(&suite));
        assert_eq!(refusals(&suite).is_empty(), good, "schema: {suite}\n{:?}", refusals(&suite));
    }
}

#[test]
fn a_part_of_a_suite_has_two_numbers() {
    for (shard, good) in [
        ("1/1", true),
        (" 02/10000", true),
        ("1/10001", false),
        ("0/1", false),
        ("a/b", false),
        ("auto", true),
        ("auto/7 ", true),
        ("auto/0", false),
    ] {
        assert_eq!(refusals(&json!({ "version": 1, "shard": shard })).is_empty(), good, "{shard}");
    }
}

#[test]
fn every_default_and_example_of_a_key_is_a_value_of_it() {
    let probes = ProbeKind::ALL.into_iter().map(probes::keys).chain([PROBE]);
    let tables = EngineKind::ALL.into_iter().map(blocks::keys).chain([ROOT, EXPERIMENT]).chain(probes);
    for key in tables.flatten() {
        let (_, schema) = property(key);
        let schema_of_key = jsonschema::validator_for(&schema).unwrap();
        let examples = schema["examples"].as_array().cloned().unwrap_or_default();
        for value in examples.iter().chain(schema.get("default")) {
            assert!(schema_of_key.is_valid(value), "{}: {value}", key.name);
        }
        if let (Form::Value(kind), Some(text)) = (&key.form, key.default) {
            assert!(kind.parse(text).is_ok(), "{}: {text}", key.name);
        }
    }
}

#[test]
fn the_file_in_docs_is_up_to_date() {
    let file = include_str!("../../../../docs/suite.schema.json");
    assert!(file == suite(), "docs/suite.schema.json is not what it should be: make docs");
}
