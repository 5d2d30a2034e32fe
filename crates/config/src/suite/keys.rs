//! The keys of the tables in a suite file.
//!
//! One definition of a key serves twice: the parser reads a table by its keys, and the JSON Schema is made
//! from them, so that the two cannot differ.

use ::config::{Value, ValueKind};

use crate::inputs::kind::Kind;
use crate::layers::file::below;
use crate::layers::tree::Table;

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// Meaning on one line, without the forms and ranges, which the kind knows.
    help: &'static str,
    /// Default as a user would write it; the words of a list are divided by spaces.
    pub(crate) default: Option<&'static str>,
    /// Example in the form of `default`.
    pub(crate) example: Option<&'static str>,
    /// Hint on what to write if the key is missing; `None` if the key is optional.
    pub(crate) needed: Option<&'static str>,
}

/// The form of the value at a key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form {
    /// A single value.
    Value(Kind),
    /// A single value, or a list of values.
    Values(Kind),
    /// A program and its arguments.
    Arguments(Item),
    /// A table of texts, whose keys are names of the user's choice.
    Texts(Names, Item),
    /// A table with keys of its own.
    Block(&'static [Key]),
    /// The proof that a fault is injected: a table of these keys, and one kind of probe at most.
    Proof(&'static [Key]),
    /// A table of texts, numbers and truth values, in which `tasks` holds more such tables.
    RuntimeInputs(Kind),
}

/// A text in a list or a table.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Item {
    /// A text without the white space around it; a blank text counts as left out.
    Trimmed(Kind),
    /// A text as it stands, of at most `max` bytes.
    Verbatim { max: usize },
}

/// The names that a table of texts takes as keys.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Names {
    Any,
    Headers,
    Variables,
}

impl Key {
    /// A key with a single value.
    pub(crate) const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self::of(name, Form::Value(kind), help)
    }

    /// A key with a value of any form.
    pub(crate) const fn of(name: &'static str, form: Form, help: &'static str) -> Self {
        Self { name, form, help, default: None, example: None, needed: None }
    }

    pub(crate) const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    pub(crate) const fn example(mut self, value: &'static str) -> Self {
        self.example = Some(value);
        self
    }

    /// Makes the key one that must not be missing, with a hint on what to write.
    pub(crate) const fn needed(mut self, hint: &'static str) -> Self {
        self.needed = Some(hint);
        self
    }

    /// The words of the default, where that is a list.
    pub(crate) fn words(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.default.unwrap_or_default().split_whitespace()
    }

    /// The kind of the value, or of the texts in it.
    pub(crate) fn kind(&self) -> Option<&Kind> {
        match &self.form {
            Form::Value(kind)
            | Form::Values(kind)
            | Form::Arguments(Item::Trimmed(kind))
            | Form::Texts(_, Item::Trimmed(kind)) => Some(kind),
            Form::Block(_)
            | Form::Proof(_)
            | Form::RuntimeInputs(_)
            | Form::Arguments(Item::Verbatim { .. })
            | Form::Texts(_, Item::Verbatim { .. }) => None,
        }
    }

    /// The meaning of the key, with the forms, units and range of its value.
    pub(crate) fn description(&self) -> String {
        match self.kind().and_then(Kind::forms) {
            Some(forms) => format!("{} ({forms})", self.help),
            None => self.help.to_owned(),
        }
    }
}

pub(crate) fn names(keys: &[Key]) -> Vec<&'static str> {
    keys.iter().map(|key| key.name).collect()
}

/// `true` for a value that is missing, null or blank, all of which count as not set.
pub(crate) fn is_blank(value: Option<&Value>) -> bool {
    match value.map(|value| &value.kind) {
        None | Some(ValueKind::Nil) => true,
        Some(ValueKind::String(text)) => text.trim().is_empty(),
        Some(_) => false,
    }
}

/// A table of the file, with the keys by which it is read.
#[derive(Debug, Clone)]
pub(crate) struct Section<'a> {
    pub(crate) table: &'a Table,
    pub(crate) path: String,
    keys: &'static [Key],
}

impl<'a> Section<'a> {
    pub(crate) fn new(table: &'a Table, path: &str, keys: &'static [Key]) -> Self {
        Self { table, path: path.to_owned(), keys }
    }

    /// The key path of a key of this table.
    pub(crate) fn at(&self, name: &str) -> String {
        below(&self.path, name)
    }

    /// The value at a key, unless it is null.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.table.get(name).filter(|value| !matches!(value.kind, ValueKind::Nil))
    }

    /// `true` if there is a value other than null and blank at the key.
    pub(crate) fn is_set(&self, name: &str) -> bool {
        !is_blank(self.table.get(name))
    }

    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        let key = self.keys.iter().find(|key| key.name == name);
        // The schema knows the keys of the table alone, so it would refuse one that is only read.
        debug_assert!(key.is_some(), "{name} is read and not in the table of keys");
        key
    }
}
