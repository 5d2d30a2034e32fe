//! The schema against the parser: random policies, whole or with something wrong, are taken by both or
//! refused by both.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::*;

/// Mistakes that the parser finds and no schema can.
const BEYOND: &[(&str, &str)] = &[
    ("is out of range", "a sum of hours, minutes and seconds"),
    ("ends before it begins", "which date is the earlier"),
    ("is in no calendar", "how many days a month has"),
    ("ends when it begins", "which times are equal"),
    ("is not a time zone", "the zones that there are"),
];

static SCHEMA: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = include_str!("../../../../docs/policy.schema.json");
    jsonschema::draft202012::new(&serde_json::from_str(schema).unwrap()).unwrap()
});

fn agree(document: &Value) -> Result<(), TestCaseError> {
    let told = Policy::parse("p.json", &document.to_string()).err().unwrap_or_default();
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    let refused: Vec<String> =
        SCHEMA.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    let of_form: Vec<_> =
        told.iter().filter(|told| !BEYOND.iter().any(|(words, _)| told.contains(words))).collect();
    if told.is_empty() {
        prop_assert!(refused.is_empty(), "only the schema refuses {document:#}\n{refused:#?}");
    }
    if !of_form.is_empty() {
        prop_assert!(!refused.is_empty(), "only the parser refuses {document:#}\n{of_form:#?}");
    }
    Ok(())
}

/// Texts that are right at one place and wrong at most.
const TEXTS: [&str; 56] = [
    "",
    " ",
    "fis",
    "Fis",
    "eu-west-1",
    "eu-west-12",
    "e-west-1",
    "euwest-1",
    "-a-1",
    "eu--west-1",
    "eu-west-",
    "us-gov-west-1",
    "eu-1",
    "111122223333",
    "11112222333",
    "1111222233334",
    "11112222333a",
    "EXT*",
    "a b",
    "a\u{85}b",
    "a\u{7f}",
    "a\u{a0}",
    "30m",
    "1m1h",
    "90",
    "0s",
    "24h",
    "1h1m1s1ms",
    "1.5h",
    "mon",
    "mon-thu",
    "mon-",
    "mon,",
    "mon,tue 09:00-10:00",
    "mon 9:00-10:00",
    "Mon",
    "09:00-24:00",
    "24:00-09:00",
    "09:00-24:01",
    "09:60-10:00",
    "09:00-09:00",
    "22:00-02:00",
    "mon  09:00-10:00",
    "mon 09:00-10:00 ",
    "2026-12-24",
    "2026-12-24 09:00-10:00",
    "2026-02-30",
    "2026-13-01",
    "2027-01-05..2026-12-20",
    "2026-12-20..",
    "20261220",
    "2026-12-24,2026-12-31",
    "mon\n",
    "Europe/Berlin",
    "Europe/",
    "Mars/Olympus",
];

/// All values that are right at one place and wrong at most.
fn values() -> Vec<Value> {
    let numbers =
        [json!(0), json!(1), json!(2), json!(-1), json!(1.0), json!(1.5), json!(1_000_000), json!(1_000_001)];
    let others = [
        json!(1e30),
        json!(true),
        json!(false),
        json!(null),
        json!([]),
        json!({}),
        json!([[]]),
        json!(["fis", "fis"]),
        json!({"a": 1}),
        json!({"": "a"}),
        json!({"a": ""}),
        json!({"allow": "mon"}),
        json!([{"deny": "mon"}]),
        json!({"allow": "mon", "deny": "tue"}),
        json!([{"zone": "UTC"}]),
    ];
    let long = ["a".repeat(255), "a".repeat(256), "ü".repeat(256), "ü".repeat(257)].map(Value::from);
    TEXTS.into_iter().map(Value::from).chain(numbers).chain(others).chain(long).collect()
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![8 => select(values()), 1 => "\\PC{0,4}".prop_map(Value::from)]
}

/// Each value at each place.
#[test]
fn parser_and_schema_agree_on_each_value_at_each_place() {
    let whole = json!({
        "version": 1,
        "allow": {"engines": ["fis"], "accounts": ["111122223333"], "regions": ["eu-west-1"], "templates": ["*"]},
        "deny": {"actions": ["*"]},
        "require": {"stop-condition": true, "probes": true, "logs": true, "tags": {"environment": "staging"}},
        "limits": {"targets": 1, "duration": "30m", "parallel": 2, "experiments": 20, "alone": true},
        "windows": [{"allow": "mon", "zone": "UTC"}, {"deny": "sat"}],
    });
    let mut all = Vec::new();
    places(&whole, "", &mut all);
    for place in &all {
        for value in values() {
            let mut document = whole.clone();
            *document.pointer_mut(place).unwrap() = value;
            agree(&document).unwrap();
        }
    }
}

fn key() -> impl Strategy<Value = String> {
    let known = select(vec![
        "version",
        "allow",
        "deny",
        "require",
        "limits",
        "windows",
        "engines",
        "accounts",
        "regions",
        "templates",
        "actions",
        "tags",
        "targets",
        "duration",
        "parallel",
        "experiments",
        "alone",
        "zone",
        "probes",
        "logs",
    ]);
    prop_oneof![5 => known.prop_map(str::to_owned), 1 => "[a-z]{0,3}", 1 => select(vec!["k".repeat(128), "k".repeat(129)])]
}

/// All places in a document, as JSON pointers.
fn places(document: &Value, at: &str, places: &mut Vec<String>) {
    places.push(at.to_owned());
    match document {
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                self::places(item, &format!("{at}/{place}"), places);
            }
        }
        Value::Object(entries) => {
            for (key, value) in entries {
                self::places(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), places);
            }
        }
        _ => {}
    }
}

/// Changes one place: its value is replaced, or a key or an item is added or removed there.
fn change(document: &mut Value, place: Index, how: u8, key: String, value: Value) {
    let mut all = Vec::new();
    places(document, "", &mut all);
    let Some(found) = document.pointer_mut(place.get(all.as_slice()).as_str()) else { return };
    match (how, &mut *found) {
        (1, Value::Object(entries)) => {
            entries.insert(key, value);
        }
        (2, Value::Object(entries)) => entries.retain(|other, _| *other < key),
        (1, Value::Array(items)) => items.push(value),
        (2, Value::Array(items)) => {
            items.pop();
        }
        _ => *found = value,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whole_policies_are_taken_by_both(document in random::policy()) {
        prop_assert!(Policy::parse("p.json", &document.to_string()).is_ok());
        agree(&document)?;
    }

    #[test]
    fn parser_and_schema_agree_on_anything(
        document in random::policy(),
        changes in prop::collection::vec((any::<Index>(), 0_u8..3, key(), value()), 1..3),
    ) {
        let mut document = document;
        for (place, how, key, value) in changes {
            change(&mut document, place, how, key, value);
        }
        agree(&document)?;
    }
}

#[test]
fn every_zone_of_the_database_keeps_to_the_schema() {
    for name in jiff::tz::TimeZoneDatabase::bundled().available() {
        let document = json!({"version": 1, "windows": [{"deny": "sat", "zone": name.as_str()}]});
        if Policy::parse("p.json", &document.to_string()).is_ok() {
            assert!(SCHEMA.is_valid(&document), "{name}");
        }
    }
}

#[test]
fn the_example_of_the_contract_keeps_to_the_schema() {
    let whole = json!({
        "version": 1,
        "allow": {"engines": ["fis", "command"], "accounts": ["111122223333"], "regions": ["eu-west-1"], "templates": ["EXT*"]},
        "deny": {"actions": ["aws:rds:*", "aws:network:disrupt-connectivity"]},
        "require": {"stop-condition": true, "probes": true, "logs": true, "tags": {"environment": "staging"}},
        "limits": {"targets": 10, "duration": "30m", "parallel": 2, "experiments": 20, "alone": true},
        "windows": [{"allow": "mon-thu 09:00-16:00", "zone": "Europe/Berlin"}, {"deny": "2026-12-20..2027-01-05"}],
    });
    assert!(SCHEMA.is_valid(&whole));
    let json = Policy::parse("p.yml", &whole.to_string()).unwrap();
    assert_eq!(json, policy(WHOLE));
}
