//! Random changes to a suite, which make most of them wrong.

use faultgate_core::model::ProbeKind;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::inputs::table::{INPUTS, SHARD};
use crate::suite::probes::keys::{PROBE, keys};
use crate::suite::tables::EXPERIMENT;

/// One change to a suite.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    place: Index,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Replace(Value),
    Append(&'static str),
    Remove,
    Unknown,
    /// Adds a key of any table, with a value of any kind.
    Add(&'static str, Value),
    Twice,
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let keys: Vec<_> = ProbeKind::ALL
        .into_iter()
        .flat_map(|kind| keys(kind).iter().map(|key| key.name).chain([kind.as_str()]))
        .chain(PROBE.iter().chain(EXPERIMENT).map(|key| key.name))
        .chain(INPUTS.iter().filter(|input| input.name != SHARD.name()).map(|input| input.name))
        .chain(["version", "gate", "experiments", "probes", "fis", "command"])
        .collect();
    let what = prop_oneof![
        4 => select(junk()).prop_map(What::Replace),
        1 => select(vec!["x", "/", " ", "\u{1}", "@", ".", "0", "é", "\n"]).prop_map(What::Append),
        2 => Just(What::Remove),
        1 => Just(What::Unknown),
        2 => (select(keys), select(junk())).prop_map(|(key, value)| What::Add(key, value)),
        1 => Just(What::Twice),
    ];
    (any::<Index>(), what).prop_map(|(place, what)| Change { place, what })
}

/// Values that are right in a few places and wrong in all others.
pub(crate) fn junk() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(101),
        json!(1001),
        json!(0.5),
        json!(100.0),
        json!(1e12),
        json!([]),
        json!({}),
        json!([null]),
        json!([""]),
        json!(["x"]),
        json!(["x", 1]),
        json!(["before"]),
        json!({ "a": "b" }),
        json!({ "a b": "c" }),
        json!({ "a": 1 }),
        json!({ "A=": "x" }),
        json!(""),
        json!(" "),
        json!("x"),
        json!("X y"),
        json!("a/b"),
        json!("5"),
        json!("5m"),
        json!("1h1h"),
        json!("30 parsecs"),
        json!("on"),
        json!("After"),
        json!("true"),
        json!("100.01"),
        json!("1e1"),
        json!("http://a"),
        json!("ftp://a"),
        json!("https://u@h/"),
        json!("http://"),
        json!("http://h:x/"),
        json!("eu-west-1"),
        json!("EU-west-1"),
        json!("< 1"),
        json!("<> 1"),
        json!("< NaN"),
        json!("h:80"),
        json!("h:0"),
        json!("h:65536"),
        json!("a\u{1}b"),
        json!("a\nb"),
        json!("a\0b"),
        json!("${NOT_SET}"),
        json!("${NOT_SET:-x}"),
        json!("${BAD"),
        json!("$${x}"),
        json!("arn:aws:iam::111122223333:role/x"),
        json!("abcdef0"),
        json!("x".repeat(20_000)),
        json!("é"),
        json!("https://q/1/a"),
        json!("http://a/é b"),
        json!("http://a:65536/"),
        json!("arn:aws:iam::1:role/x"),
        json!("abcdefg"),
        json!("EXT1, EXT2"),
        json!(","),
        json!(["EXT1", "a/b"]),
        json!({ "X": "é" }),
        json!({ "X": "" }),
        json!({ "é": "x" }),
        json!(["sh", null]),
        json!(["sh", "a\0b"]),
        json!(" sh "),
        json!(["after", "before"]),
        json!("eu-west-12"),
        json!("\u{a0}5s"),
        json!("100"),
        json!("256"),
        json!("600"),
        json!("51"),
        json!("0"),
        json!("+1"),
        json!(".5"),
        json!("5."),
    ]
}

impl Change {
    pub(crate) fn apply(&self, suite: &mut Value) {
        let mut count = 0;
        visit(suite, &mut |_| count += 1);
        let (chosen, mut number) = (self.place.index(count), 0);
        visit(suite, &mut |value| {
            if number == chosen {
                self.what.apply(value);
            }
            number += 1;
        });
    }
}

impl What {
    fn apply(&self, value: &mut Value) {
        match (self, value) {
            (Self::Replace(junk), value) => *value = junk.clone(),
            (Self::Append(tail), Value::String(text)) => text.push_str(tail),
            (Self::Remove, Value::Object(table)) => {
                let key = table.keys().next_back().cloned();
                key.and_then(|key| table.remove(&key));
            }
            (Self::Remove, Value::Array(items)) => items.clear(),
            (Self::Unknown, Value::Object(table)) => {
                table.insert("zzz".to_owned(), json!("x"));
            }
            (Self::Add(key, junk), Value::Object(table)) => {
                table.insert((*key).to_owned(), junk.clone());
            }
            (Self::Twice, Value::Array(items)) if !items.is_empty() => items.push(items[0].clone()),
            (_, value) => *value = json!([value.clone()]),
        }
    }
}

/// Visits every value of a tree, children first. A change is made once, so the value that it puts there is
/// not visited.
fn visit(value: &mut Value, seen: &mut dyn FnMut(&mut Value)) {
    match value {
        Value::Object(table) => table.values_mut().for_each(|value| visit(value, seen)),
        Value::Array(items) => items.iter_mut().for_each(|value| visit(value, seen)),
        _ => {}
    }
    seen(value);
}
