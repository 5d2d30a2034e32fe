//! The parsing of the merged layers: values of the inputs, with the origin of each.

use std::collections::{BTreeMap, HashMap};

use ::config::{Value, ValueKind};
use faultgate_core::mistake::{FilePlace, Mistake, Problem};

use crate::inputs::input::{Handle, Input};
use crate::inputs::kind::{Kind, Parsed};
use crate::inputs::table::{self, GATE, INPUTS};
use crate::layers::file::{Document, below};
use crate::layers::merge::DEFAULT;

/// Advice where a table or a list stands in the place of a value.
const SINGLE_VALUE: &str = "write a single value";
/// Advice where a number or a truth value stands in the place of a text.
const QUOTES: &str = "put the value in quotes";

/// Parses one value. Returns `Ok(None)` if it is blank, which counts as not set. `written` is the text in the
/// suite file, if the value was made from variables.
pub(crate) fn read(
    kind: &Kind,
    name: &str,
    value: &Value,
    origin: &str,
    written: Option<&str>,
) -> Result<Option<Parsed>, Mistake> {
    let told =
        |problem: Problem, shown: &str| with_example(problem, kind, name).at(name, shown, origin, written);
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

/// Adds an example of what is right to a problem that shows none.
fn with_example(mut problem: Problem, kind: &Kind, name: &str) -> Problem {
    let example = table::find(name).and_then(|input| input.example).unwrap_or_else(|| kind.example());
    // The parsers of texts know nothing of what is meant, and a table has no form of a value.
    let shows = match kind {
        Kind::Variable | Kind::Secret => |_: &str| true,
        Kind::Text { .. } | Kind::Lines { .. } | Kind::Path => |hint: &str| hint == QUOTES,
        _ => |hint: &str| hint != SINGLE_VALUE,
    };
    problem.hint = Some(match problem.hint.take() {
        None => format!("write for example {example}"),
        Some(hint) if shows(&hint) => hint,
        Some(hint) => format!("{hint}, for example {example}"),
    });
    problem
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
    let quotes = || Problem::new("must be text").hint(QUOTES);
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
            let mut problem = Problem::new("is a table or a list").hint(SINGLE_VALUE);
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
pub(crate) struct Values {
    slots: BTreeMap<&'static str, Slot>,
    /// Origin of each input that was set, whether its value is valid or not. Defaults are not in it.
    set: BTreeMap<&'static str, String>,
}

impl Values {
    pub(crate) fn read(
        merged: &HashMap<String, Value>,
        suite: Option<&Document>,
        mistakes: &mut Vec<Mistake>,
    ) -> Self {
        let mut values = Self::default();
        for input in INPUTS {
            let value = merged.get(input.name);
            let origin = value.and_then(Value::origin).unwrap_or(DEFAULT);
            // A value that is set in vain is no reason to take the default, which would be judged instead.
            if let Some(document) = suite.filter(|suite| origin == DEFAULT && is_broken(suite, input)) {
                values.set.insert(input.name, document.origin.clone());
                continue;
            }
            let Some(value) = value else { continue };
            let suite = suite.filter(|document| document.origin == origin);
            let written = suite.and_then(|document| find_written(document, input));
            let place = suite.and_then(|document| place(document, input));
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

    /// The value of an input; none, or the default, if it is not set or its value is a mistake.
    pub(crate) fn get<H: Handle>(&self, handle: H) -> H::Value {
        handle.convert(self.slots.get(handle.definition().name).map(|slot| &slot.parsed))
    }

    /// The origin of an input that was set; `None` if it has its default or no value.
    pub(crate) fn set(&self, handle: impl Handle) -> Option<&str> {
        self.origin_of(handle.definition())
    }

    /// The origin of an input that was set, whichever it is.
    pub(crate) fn origin_of(&self, input: &Input) -> Option<&str> {
        self.set.get(input.name).map(String::as_str)
    }

    /// The mistake of an input whose value was parsed and is wrong all the same.
    pub(crate) fn mistake(&self, handle: impl Handle, problem: Problem) -> Mistake {
        let name = handle.definition().name;
        let slot = self.slots.get(name);
        let written = slot.and_then(|slot| slot.written.as_deref());
        let value = slot.and_then(|slot| slot.parsed.as_text()).unwrap_or_default();
        let origin = slot.map_or(DEFAULT, |slot| &slot.origin);
        problem.at(name, value, origin, written).at(slot.and_then(|slot| slot.place.clone()))
    }

    /// The place of an input in the suite file, if the suite sets it.
    pub(crate) fn place(&self, handle: impl Handle) -> Option<FilePlace> {
        self.slots.get(handle.definition().name)?.place.clone()
    }
}

/// The key paths at which a suite file may set an input: its own name, and a key of the gate.
fn paths(input: &Input) -> [Option<String>; 2] {
    let of_gate = GATE.iter().find(|(_, of_gate)| of_gate.name == input.name);
    [Some(input.name.to_owned()), of_gate.map(|(key, _)| below("gate", key))]
}

/// `true` if variables in the value of an input could not be replaced.
fn is_broken(document: &Document, input: &Input) -> bool {
    paths(input).iter().flatten().any(|path| document.breaks(path))
}

/// The place of an input's value in the suite file. A value at the top of the file goes before one in the
/// gate.
fn place(document: &Document, input: &Input) -> Option<FilePlace> {
    let [own, of_gate] = paths(input);
    let of_gate = of_gate.filter(|_| !document.root.contains_key(input.name));
    document.value_at(&of_gate.or(own)?)
}

/// The text in the suite file for an input: at its own name, in the gate, or in the items of its list.
pub(crate) fn find_written(document: &Document, input: &Input) -> Option<String> {
    let whole = paths(input).iter().flatten().find_map(|path| document.written.get(path));
    let items = || {
        let prefix = format!("{}[", input.name);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::table::find;

    /// Returns the mistake of an input with this value.
    fn mistake_of(name: &str, value: impl Into<ValueKind>) -> String {
        let value = Value::new(None, value);
        read(&find(name).unwrap().kind, name, &value, "FAULTGATE_X", None).unwrap_err().to_string()
    }

    #[test]
    fn each_mistake_has_an_example_of_what_is_right() {
        for input in INPUTS.iter().filter(|input| !input.is_secret()) {
            let value = Value::new(None, "\u{7}?? ?".to_owned());
            // A control character is no value of any input; other texts are values of some.
            let told = read(&input.kind, input.name, &value, "FAULTGATE_X", None).unwrap_err().to_string();
            let hint = told.split_once("); ").map_or_else(|| panic!("{told}"), |(_, hint)| hint);
            let marks = ['"', ',', ';', '.', '\''];
            let shows = hint.split(' ').any(|word| input.kind.parse(word.trim_matches(marks)).is_ok());
            assert!(shows, "{told}");
        }
    }

    #[test]
    fn a_table_is_answered_by_an_example_of_the_input() {
        let told = mistake_of("timeout", Vec::<String>::new());
        assert!(told.ends_with("; write a single value, for example 20m"), "{told}");
        let told = mistake_of("repository", "x".repeat(300));
        assert!(
            told.ends_with(" is longer than 255 characters (from FAULTGATE_X); write for example octo/shop"),
            "{told}"
        );
    }
}
