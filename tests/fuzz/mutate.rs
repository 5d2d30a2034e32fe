//! Mutations that make one input into another: anywhere in its bytes, or anywhere in its tree if it is JSON.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// Maximum length of an input in bytes.
const MAX_INPUT_BYTES: usize = 1 << 20;

/// Words that parsers stumble over.
const WORDS: &[&str] = &[
    "\0",
    "\u{feff}",
    "\r\n",
    "\u{202e}",
    "é",
    "\u{10ffff}",
    "${",
    "${A:-",
    "}",
    "$${",
    "&a ",
    "*a",
    "<<: ",
    "? ",
    "- ",
    "!!",
    "|\n",
    ">\n",
    "\"",
    "'",
    "\\",
    "\\u0000",
    "\\ud800",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "#",
    "%",
    "---\n",
    "null",
    "true",
    "~",
    "-1",
    "0",
    "1e999",
    "18446744073709551616",
    "-9223372036854775809",
    "NaN",
    ".inf",
    "0x",
    "1s",
    "9999999h",
    "100",
    "2026-02-30T24:00:60Z",
    "-009999-01-01T00:00:00Z",
    "+999999-12-31T23:59:59Z",
    "refs/pull/7/merge",
    "schema_version",
    "passed",
];

pub(crate) fn mutated(one: &[u8], other: &[u8], random: &mut Rng) -> Vec<u8> {
    let mut bytes = match serde_json::from_slice::<Value>(one) {
        Ok(mut tree) if random.u8(..4) > 0 => {
            let other = serde_json::from_slice(other).unwrap_or(Value::Null);
            for _ in 0..random.usize(1..4) {
                change(&mut tree, &other, random);
            }
            tree.to_string().into_bytes()
        }
        _ => one.to_vec(),
    };
    // The bytes of JSON are changed too, but seldom: most texts that are no JSON end in the same place of the
    // code.
    let times = if bytes == one { random.usize(1..5) } else { usize::from(random.u8(..8) == 0) };
    for _ in 0..times {
        scratch(&mut bytes, other, random);
    }
    bytes.truncate(MAX_INPUT_BYTES);
    bytes
}

/// Changes the bytes in one place.
fn scratch(bytes: &mut Vec<u8>, other: &[u8], random: &mut Rng) {
    let at = random.usize(..=bytes.len());
    let span = |random: &mut Rng, of: &[u8]| {
        let from = random.usize(..=of.len());
        let to = (from + random.usize(..64)).min(of.len());
        of[from..to].to_vec()
    };
    match random.u8(..7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.u8(..8),
        1 if at < bytes.len() => bytes[at] = random.u8(..),
        2 => drop(bytes.drain(at..(at + random.usize(..32)).min(bytes.len()))),
        3 => {
            let piece = span(random, bytes).repeat(random.usize(1..4));
            bytes.splice(at..at, piece);
        }
        4 => {
            let piece = span(random, other);
            bytes.splice(at..at, piece);
        }
        5 => bytes.truncate(at),
        _ => {
            let word = WORDS[random.usize(..WORDS.len())];
            // Now and then there are more of them than anybody writes.
            let times = if random.u16(..500) == 0 { random.usize(1..20_000) } else { 1 };
            bytes.splice(at..at, word.repeat(times).into_bytes());
        }
    }
}

/// Changes the tree in one place.
pub(crate) fn change(tree: &mut Value, other: &Value, random: &mut Rng) {
    let deeper = random.u8(..5) > 0;
    match tree {
        Value::Object(fields) if deeper && !fields.is_empty() => {
            let name = fields.keys().nth(random.usize(..fields.len())).unwrap().clone();
            match random.u8(..12) {
                0 => drop(fields.remove(&name)),
                1 => {
                    let value = fields[&name].clone();
                    fields.insert(word(random), value);
                }
                _ => change(fields.get_mut(&name).unwrap(), other, random),
            }
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let place = random.usize(..items.len());
            match random.u8(..8) {
                0 => drop(items.remove(place)),
                1 => items.push(items[place].clone()),
                _ => change(&mut items[place], other, random),
            }
        }
        // A string may hold JSON itself, as the events in a queue do.
        Value::String(text) if deeper && text.starts_with(['{', '[']) => {
            if let Ok(mut inner) = serde_json::from_str(text) {
                change(&mut inner, other, random);
                *text = inner.to_string();
            }
        }
        Value::String(text) if deeper => {
            let mut bytes = std::mem::take(text).into_bytes();
            scratch(&mut bytes, b"", random);
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
        place => *place = new(place, other, random),
    }
}

fn word(random: &mut Rng) -> String {
    WORDS[random.usize(..WORDS.len())].to_owned()
}

fn new(old: &Value, other: &Value, random: &mut Rng) -> Value {
    match random.u8(..14) {
        0 => Value::Null,
        1 => json!(random.bool()),
        2 => json!(random.u64(..)),
        3 => json!(random.i64(..)),
        4 => json!([f64::MAX, f64::MIN_POSITIVE, -0.0, 1e19, 100.000_001, -1.0][random.usize(..6)]),
        5 => json!([0, 1, -1, 100, 101, i64::MAX, i64::MIN][random.usize(..7)]),
        6 => json!([old]),
        7 => Value::Object(Map::from_iter([(word(random), old.clone())])),
        8 => json!(old.to_string()),
        9 => json!([]),
        10 => json!({}),
        11 => json!("x".repeat(random.usize(..5_000))),
        12 => other.clone(),
        _ => json!(word(random)),
    }
}
