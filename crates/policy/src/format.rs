//! The text of a policy file as a tree, with the place of everything in it where the format tells it.

use std::path::Path;
use std::rc::Rc;

use config::{FileFormat, Format, Value, ValueKind};
use faultgate_config::{Mark, Node, UniqueKeys, parse_yaml};
use faultgate_core::text::plain;
use serde_json::Value as Json;

/// Limit of a policy, in bytes, and with its aliases written out in characters.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// The reason why a text is no policy: what completes a sentence that begins with the file, what to do, and
/// where.
pub(crate) struct UnreadablePolicy {
    pub(crate) what: String,
    pub(crate) hint: String,
    pub(crate) mark: Option<Mark>,
}

/// Reads the text in the format that the extension of the file's name says. A variable of type file of GitLab
/// has none: such a file is JSON or YAML.
///
/// # Errors
///
/// All that the parser does not take.
pub(crate) fn tree(name: &str, text: &str) -> Result<Rc<Node>, Vec<UnreadablePolicy>> {
    let extension = Path::new(name).extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    // Editors on Windows put a byte order mark at the beginning.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_json = || text.trim_start().starts_with('{') && serde_json::from_str::<Json>(text).is_ok();
    match extension.as_deref() {
        Some("json") => json(text),
        None if is_json() => json(text),
        Some("yml" | "yaml") | None => yaml(text),
        Some("toml") => toml(name, text),
        Some(_) => Err(vec![UnreadablePolicy {
            what: "has no known extension".to_owned(),
            hint: "name a file that ends in .yml, .yaml, .toml or .json, for example faultgate-policy.yml"
                .to_owned(),
            mark: None,
        }]),
    }
}

fn yaml(text: &str) -> Result<Rc<Node>, Vec<UnreadablePolicy>> {
    parse_yaml(text, MAX_BYTES).map_err(|faults| {
        let unreadable = faults.into_iter().map(|fault| UnreadablePolicy {
            what: fault.what,
            hint: fault.hint.to_owned(),
            mark: fault.mark,
        });
        unreadable.collect()
    })
}

fn json(text: &str) -> Result<Rc<Node>, Vec<UnreadablePolicy>> {
    if text.trim().is_empty() {
        // An empty text is no JSON, and is told as an empty policy.
        return yaml("");
    }
    let json: Json = serde_json::from_str(text).map_err(|error| unparsed("does not parse: ", &error))?;
    // The parser takes the last of two equal keys without a word.
    serde_json::from_str::<UniqueKeys>(text).map_err(|error| unparsed("does not parse: it ", &error))?;
    // JSON is YAML as well, and the YAML parser tells the places.
    Ok(parse_yaml(text, MAX_BYTES).unwrap_or_else(|_| Rc::new(Node::of_json(&json))))
}

fn toml(name: &str, text: &str) -> Result<Rc<Node>, Vec<UnreadablePolicy>> {
    let table = FileFormat::Toml
        .parse(Some(&name.to_owned()), text)
        .map_err(|error| unparsed("does not parse: ", &*error))?;
    let table = table.into_iter().map(|(key, value)| (key, to_json(value))).collect();
    Ok(Rc::new(Node::of_json(&Json::Object(table))))
}

fn to_json(value: Value) -> Json {
    match value.kind {
        ValueKind::Nil => Json::Null,
        ValueKind::Boolean(word) => word.into(),
        ValueKind::I64(number) => number.into(),
        ValueKind::U64(number) => number.into(),
        ValueKind::Float(number) => number.into(),
        // Numbers of this size are none that a policy takes, and are told as the texts that they become.
        ValueKind::I128(number) => number.to_string().into(),
        ValueKind::U128(number) => number.to_string().into(),
        ValueKind::String(text) => text.into(),
        ValueKind::Array(items) => items.into_iter().map(to_json).collect(),
        ValueKind::Table(table) => table.into_iter().map(|(key, value)| (key, to_json(value))).collect(),
    }
}

fn unparsed(what: &str, error: &dyn std::fmt::Display) -> Vec<UnreadablePolicy> {
    let what = format!("{what}{}", plain(&error.to_string(), 200));
    vec![UnreadablePolicy { what, hint: "correct the file".to_owned(), mark: None }]
}
