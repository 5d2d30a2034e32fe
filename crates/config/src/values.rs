//! The parsing of the merged layers: values of the inputs, with the origin of each.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use ::config::{Value, ValueKind};

use super::file::Document;
use super::inputs::{INPUTS, find};
use super::kind::{Kind, Parsed};
use super::layers::DEFAULT;
use super::suite::GATE;
use faultgate_core::mistake::FilePlace;
use faultgate_core::mistake::Mistake;
use faultgate_core::mistake::Problem;
use faultgate_core::model::Score;

/// Parses one value. Returns `Ok(None)` if it is blank, which counts as not set. `written` is the text in the
/// suite file, if the value was made from variables.
pub(super) fn read(
    kind: &Kind,
    name: &str,
    value: &Value,
    origin: &str,
    written: Option<&str>,
) -> Result<Option<Parsed>, Mistake> {
    let told = |problem: Problem, shown: &str| problem.at(name, shown, origin, written);
    let text = match text_of(kind, &value.kind) {
        Ok(text) => text,
        Err(problem) => return Err(told(problem, &value.kind.to_string())),
    };
    match text {
        Some(text) if !text.trim().is_empty() => {
            // A secret in the file would be in the repository too, so only the name of its variable may stand
            // there.
            if matches!(kind, Kind::Variable) && !written.is_some_and(is_one_variable) {
                return Err(told(literal_secret(), &text));
            }
            kind.parse(&text).map(Some).map_err(|problem| told(problem, &text))
        }
        _ => Ok(None),
    }
}

/// `true` for `${NAME}`, with an empty default or none, and for nothing else.
fn is_one_variable(written: &str) -> bool {
    let name = written.trim().strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| !name.strip_suffix(":-").unwrap_or(name).contains(['$', '{', '}', ':']))
}

fn literal_secret() -> Problem {
    let mut problem = Problem::new("is a secret, and a secret may not stand in the suite file")
        .hint("write the name of a variable that holds it, as in \"${TOKEN}\"");
    problem.hide = true;
    problem
}

/// The text of a value, if its type is one that the kind takes; `None` for null.
fn text_of(kind: &Kind, value: &ValueKind) -> Result<Option<String>, Problem> {
    let quotes = || Problem::new("must be text").hint("put the value in quotes");
    match value {
        ValueKind::Nil => Ok(None),
        ValueKind::String(text) => Ok(Some(text.clone())),
        ValueKind::Boolean(word) if kind.takes_booleans() => Ok(Some(word.to_string())),
        ValueKind::I64(_)
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_)
            if kind.takes_numbers() =>
        {
            Ok(Some(value.to_string()))
        }
        ValueKind::Array(items) if matches!(kind, Kind::Templates) && !items.is_empty() => {
            let texts: Result<Vec<_>, _> = items
                .iter()
                .map(|item| match &item.kind {
                    ValueKind::String(text) => Ok(text.as_str()),
                    _ => Err(quotes()),
                })
                .collect();
            texts.map(|texts| Some(texts.join("\n")))
        }
        // The value is hidden, since its text would be of no use to anybody.
        ValueKind::Table(_) | ValueKind::Array(_) => {
            let mut problem = Problem::new("is a table or a list").hint("write a single value");
            problem.hide = true;
            Err(problem)
        }
        _ => Err(quotes()),
    }
}

#[derive(Debug)]
struct Slot {
    parsed: Parsed,
    origin: String,
    /// The text in the suite file, if the value was made from variables.
    written: Option<String>,
    /// The place of the value in the suite file.
    place: Option<FilePlace>,
}

/// The parsed values of all inputs that have one. A value with a mistake is missing here, but the run ends
/// before anybody could ask for it.
#[derive(Debug, Default)]
pub(super) struct Values {
    slots: BTreeMap<&'static str, Slot>,
    /// Origin of each input that was set, whether its value is valid or not. Defaults are not in it.
    set: BTreeMap<&'static str, String>,
}

impl Values {
    pub(super) fn read(
        merged: &HashMap<String, Value>,
        suite: Option<&Document>,
        mistakes: &mut Vec<Mistake>,
    ) -> Self {
        let mut values = Self::default();
        for input in INPUTS {
            let Some(value) = merged.get(input.name) else {
                continue;
            };
            let origin = value.origin().unwrap_or(DEFAULT);
            let suite = suite.filter(|document| document.origin == origin);
            let written = suite.and_then(|document| written(document, input.name));
            let place = suite.and_then(|document| document.value_at(&path(document, input.name)));
            let parsed = read(&input.kind, input.name, value, origin, written.as_deref());
            // An input with a mistake counts as set too, or other messages would call it missing.
            if origin != DEFAULT && !matches!(parsed, Ok(None)) {
                values.set.insert(input.name, origin.to_owned());
            }
            match parsed {
                Ok(Some(parsed)) => {
                    let slot = Slot { parsed, origin: origin.to_owned(), written, place };
                    values.slots.insert(input.name, slot);
                }
                Ok(None) => {}
                Err(mistake) => mistakes.push(mistake.at(place)),
            }
        }
        values
    }

    /// The origin of an input that was set; `None` if it has its default or no value.
    pub(super) fn set(&self, name: &str) -> Option<&str> {
        debug_assert!(find(name).is_some(), "{name} is no input");
        self.set.get(name).map(String::as_str)
    }

    fn origin(&self, name: &str) -> &str {
        self.slots.get(name).map_or(DEFAULT, |slot| &slot.origin)
    }

    /// The mistake of an input whose value was parsed and is wrong all the same.
    pub(super) fn mistake(&self, name: &str, problem: Problem) -> Mistake {
        let written = self.slots.get(name).and_then(|slot| slot.written.as_deref());
        let value = self.text(name).unwrap_or_default();
        problem.at(name, &value, self.origin(name), written).at(self.place(name))
    }

    /// The place of an input in the suite file, if the suite sets it.
    pub(super) fn place(&self, name: &str) -> Option<FilePlace> {
        self.slots.get(name)?.place.clone()
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.parsed(name) {
            Some(Parsed::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn bool(&self, name: &str) -> bool {
        matches!(self.parsed(name), Some(Parsed::Bool(true)))
    }

    /// The score of an input; the full score if it has no valid value.
    pub(super) fn score(&self, name: &str) -> Score {
        // The strictest score: a floor that could not be read must not let a run pass.
        self.score_if_set(name).unwrap_or(Score::FULL)
    }

    pub(super) fn score_if_set(&self, name: &str) -> Option<Score> {
        match self.parsed(name) {
            Some(Parsed::Score(score)) => Some(*score),
            _ => None,
        }
    }

    /// The duration of an input; zero if it has no valid value.
    pub(super) fn duration(&self, name: &str) -> Duration {
        match self.parsed(name) {
            Some(Parsed::Duration(duration)) => *duration,
            _ => Duration::ZERO,
        }
    }

    /// The whole number of an input; 0 if it has no valid value.
    pub(super) fn count(&self, name: &str) -> u32 {
        match self.parsed(name) {
            Some(Parsed::Count(count)) => *count,
            _ => 0,
        }
    }

    /// The texts of an input; none if it has no valid value.
    pub(super) fn list(&self, name: &str) -> &[String] {
        match self.parsed(name) {
            Some(Parsed::List(items)) => items,
            _ => &[],
        }
    }

    fn parsed(&self, name: &str) -> Option<&Parsed> {
        debug_assert!(find(name).is_some(), "{name} is no input");
        self.slots.get(name).map(|slot| &slot.parsed)
    }
}

/// The key path of an input: its own name, or that of a key of the gate.
fn path(document: &Document, name: &str) -> String {
    let of_gate = GATE.iter().find(|(_, input)| *input == name).filter(|_| !document.root.contains_key(name));
    of_gate.map_or_else(|| name.to_owned(), |(key, _)| format!("gate.{key}"))
}

/// The text in the suite file for an input: at its own name, in the gate, or in the items of its list.
pub(super) fn written(document: &Document, name: &str) -> Option<String> {
    let paths = [name.to_owned(), format!("gate.{name}")];
    let whole = paths.iter().find_map(|path| document.written.get(path));
    let items = || {
        let prefix = format!("{name}[");
        let items: Vec<_> = document
            .written
            .iter()
            .filter(|(path, _)| path.starts_with(&prefix))
            .map(|(_, text)| text.as_str())
            .collect();
        (!items.is_empty()).then(|| items.join(", "))
    };
    whole.cloned().or_else(items)
}
