//! The keys of the tables in a suite file.
//!
//! One definition of a key serves twice: the parser reads a table by its keys, and the JSON Schema is made
//! from them, so that the two cannot differ.

use std::time::Duration;

use ::config::{Value, ValueKind};

use super::file::{Table, below};
use super::kind::{Kind, Parsed};
use super::suite::Reader;

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) form: Form,
    /// Meaning on one line, without the forms and ranges, which the kind knows.
    help: &'static str,
    /// Default as a user would write it; the words of a list are divided by spaces.
    pub(super) default: Option<&'static str>,
    /// Example in the form of `default`.
    pub(super) example: Option<&'static str>,
    /// Hint on what to write if the key is missing; `None` if the key is optional.
    pub(super) needed: Option<&'static str>,
}

/// The form of the value at a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
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
pub(super) enum Item {
    /// A text without the white space around it; a blank text counts as left out.
    Trimmed(Kind),
    /// A text as it stands, of at most `max` bytes.
    Verbatim { max: usize },
}

/// The names that a table of texts takes as keys.
#[derive(Debug, Clone, Copy)]
pub(super) enum Names {
    Any,
    Headers,
    Variables,
}

impl Key {
    /// A key with a single value.
    pub(super) const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self::of(name, Form::Value(kind), help)
    }

    /// A key with a value of any form.
    pub(super) const fn of(name: &'static str, form: Form, help: &'static str) -> Self {
        Self { name, form, help, default: None, example: None, needed: None }
    }

    pub(super) const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    pub(super) const fn example(mut self, value: &'static str) -> Self {
        self.example = Some(value);
        self
    }

    /// Makes the key one that must not be missing, with a hint on what to write.
    pub(super) const fn needed(mut self, hint: &'static str) -> Self {
        self.needed = Some(hint);
        self
    }

    /// The words of the default, where that is a list.
    pub(super) fn words(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.default.unwrap_or_default().split_whitespace()
    }

    /// The kind of the value, or of the texts in it.
    pub(super) fn kind(&self) -> Option<&Kind> {
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
    pub(super) fn description(&self) -> String {
        match self.kind().and_then(Kind::forms) {
            Some(forms) => format!("{} ({forms})", self.help),
            None => self.help.to_owned(),
        }
    }
}

pub(super) fn names(keys: &[Key]) -> Vec<&'static str> {
    keys.iter().map(|key| key.name).collect()
}

/// `true` for a value that is missing, null or blank, all of which count as not set.
pub(super) fn is_blank(value: Option<&Value>) -> bool {
    match value.map(|value| &value.kind) {
        None | Some(ValueKind::Nil) => true,
        Some(ValueKind::String(text)) => text.trim().is_empty(),
        Some(_) => false,
    }
}

/// A table of the file, with the keys by which it is read.
#[derive(Debug, Clone)]
pub(super) struct Section<'a> {
    pub(super) table: &'a Table,
    pub(super) path: String,
    keys: &'static [Key],
}

impl<'a> Section<'a> {
    pub(super) fn new(table: &'a Table, path: &str, keys: &'static [Key]) -> Self {
        Self { table, path: path.to_owned(), keys }
    }

    /// The key path of a key of this table.
    pub(super) fn at(&self, name: &str) -> String {
        below(&self.path, name)
    }

    /// The value at a key, unless it is null.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.table.get(name).filter(|value| !matches!(value.kind, ValueKind::Nil))
    }

    /// `true` if there is a value other than null and blank at the key.
    pub(super) fn is_set(&self, name: &str) -> bool {
        !is_blank(self.table.get(name))
    }

    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        let key = self.keys.iter().find(|key| key.name == name);
        // The schema knows the keys of the table alone, so it would refuse one that is only read.
        debug_assert!(key.is_some(), "{name} is read and not in the table of keys");
        key
    }
}

impl<'a> Reader<'a> {
    /// The table as a section. A key that is not among these is told as a mistake.
    pub(super) fn section(&mut self, table: &'a Table, path: &str, keys: &'static [Key]) -> Section<'a> {
        self.known_keys(table, path, &names(keys));
        Section::new(table, path, keys)
    }

    /// The value at a key, or its default. A needed key that is missing is told as a mistake.
    pub(super) fn parsed(&mut self, section: &Section<'_>, name: &str) -> Option<Parsed> {
        let key = section.key(name)?;
        let kind = key.kind()?;
        let value = self.leaf(section.table, &section.path, name, kind);
        if value.is_none()
            && let Some(hint) = key.needed
        {
            self.missing(section.table, &section.path, name, hint);
        }
        // A value that is wrong is replaced by the default too, so that the rest of the table is still read.
        value.or_else(|| kind.parse(key.default?).ok())
    }

    /// The text at a key, or its default.
    pub(super) fn text(&mut self, section: &Section<'_>, name: &str) -> Option<String> {
        match self.parsed(section, name) {
            Some(Parsed::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The whole number at a key, or its default.
    pub(super) fn count(&mut self, section: &Section<'_>, name: &str) -> Option<u32> {
        match self.parsed(section, name) {
            Some(Parsed::Count(count)) => Some(count),
            _ => None,
        }
    }

    /// The duration at a key, or its default.
    pub(super) fn time(&mut self, section: &Section<'_>, name: &str) -> Option<Duration> {
        match self.parsed(section, name) {
            Some(Parsed::Duration(duration)) => Some(duration),
            _ => None,
        }
    }

    /// `true` if the truth value at a key, or its default, is true.
    pub(super) fn yes(&mut self, section: &Section<'_>, name: &str) -> bool {
        matches!(self.parsed(section, name), Some(Parsed::Bool(true)))
    }
}
