//! The reader of the tables in a suite file.
//!
//! Values are read by the keys of a table, and everything that is wrong is told with its place in the file. A
//! value that is wrong is replaced by its default, so that the rest of the file is still read.

use std::path::Path;
use std::time::Duration;

use ::config::{Value, ValueKind};
use faultgate_core::mistake::{Mistake, Problem, key, suggestion};
use faultgate_core::text::plain;

use crate::inputs::kind::{Kind, Parsed};
use crate::layers::file::{Document, below};
use crate::layers::tree::Table;
use crate::layers::values;
use crate::suite::keys::{Key, Section, is_blank, names};

/// A reader of the tables in a suite file. It collects the mistakes.
pub(crate) struct Reader<'a> {
    pub(crate) document: &'a Document,
    pub(crate) dir: &'a Path,
    pub(crate) mistakes: &'a mut Vec<Mistake>,
}

impl<'a> Reader<'a> {
    /// Adds a mistake in the key at this path.
    pub(crate) fn mistake(&mut self, path: &str, what: &str, hint: impl Into<String>) {
        self.problem(path, Problem::new(what).hint(hint));
    }

    /// Adds a mistake in the form of the value at this path, unless variables in it could not be replaced,
    /// which has been told.
    pub(crate) fn tell_shape(&mut self, path: &str, what: &str, hint: impl Into<String>) {
        if !self.document.broken.contains(path.trim_end_matches(':')) {
            self.mistake(path, what, hint);
        }
    }

    /// Adds a mistake in the value at this path.
    pub(crate) fn of_value(&mut self, mistake: Mistake, path: &str) {
        self.mistakes.push(mistake.at(self.document.value_at(path)));
    }

    /// Adds the problem of the value at this path as a mistake in the key.
    pub(crate) fn problem(&mut self, path: &str, problem: Problem) {
        let message = format!("{} {}", plain(path, 120), problem.what);
        let place = self.document.key_at(path.trim_end_matches(':'));
        let mistake = Mistake::new(&self.document.origin, message).maybe_hint(problem.hint);
        self.mistakes.push(mistake.at(place));
    }

    /// Tells that a needed key is missing. A key that is there and wrong has been told already.
    pub(crate) fn missing(&mut self, table: &Table, path: &str, name: &str, hint: &str) {
        if is_blank(table.get(name)) {
            self.mistake(&format!("{}:", below(path, name)), "is missing", hint);
        }
    }

    /// The parsed value at a key; `None` if it is not set, or is a mistake, which has been told.
    pub(crate) fn leaf(&mut self, table: &Table, path: &str, name: &str, kind: &Kind) -> Option<Parsed> {
        let path = below(path, name);
        let value = table.get(name)?;
        if self.document.broken.contains(&path) {
            return None;
        }
        let written = self.document.written.get(&path).map(String::as_str);
        values::read(kind, &path, value, &self.document.origin, written).unwrap_or_else(|mistake| {
            self.of_value(mistake, &path);
            None
        })
    }

    /// The value as a table; `None` if there is no value, or another one, which is told.
    pub(crate) fn table(&mut self, value: Option<&'a Value>, path: &str) -> Option<&'a Table> {
        if let ValueKind::Table(table) = &value?.kind {
            return Some(table);
        }
        self.tell_shape(path, "is not a table of keys", "write key: value pairs below it");
        None
    }

    /// Tells of keys in a table that are not among the known ones.
    pub(crate) fn known_keys(&mut self, table: &Table, path: &str, known: &[&str]) {
        for (name, _) in sort_entries(table) {
            if !known.contains(&name.as_str()) {
                self.unknown(path, name, known);
            }
        }
    }

    pub(crate) fn unknown(&mut self, path: &str, name: &str, known: &[&str]) {
        let mut hint = suggestion(name, known);
        if known.len() > 20 && !hint.starts_with("did") {
            // The top level knows every input, and the reference shows them better than one line can.
            "faultgate inputs lists all".clone_into(&mut hint);
        }
        self.mistake(&format!("{}:", below(path, &key(name))), "is not a known key", hint);
    }

    /// The table as a section. A key that is not among these is told as a mistake.
    pub(crate) fn section(&mut self, table: &'a Table, path: &str, keys: &'static [Key]) -> Section<'a> {
        self.known_keys(table, path, &names(keys));
        Section::new(table, path, keys)
    }

    /// The value at a key, or its default. A needed key that is missing is told as a mistake.
    pub(crate) fn parse_value(&mut self, section: &Section<'_>, name: &str) -> Option<Parsed> {
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
    pub(crate) fn text(&mut self, section: &Section<'_>, name: &str) -> Option<String> {
        match self.parse_value(section, name) {
            Some(Parsed::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The whole number at a key, or its default.
    pub(crate) fn count(&mut self, section: &Section<'_>, name: &str) -> Option<u32> {
        match self.parse_value(section, name) {
            Some(Parsed::Count(count)) => Some(count),
            _ => None,
        }
    }

    /// The duration at a key, or its default.
    pub(crate) fn time(&mut self, section: &Section<'_>, name: &str) -> Option<Duration> {
        match self.parse_value(section, name) {
            Some(Parsed::Duration(duration)) => Some(duration),
            _ => None,
        }
    }

    /// `true` if the truth value at a key, or its default, is true.
    pub(crate) fn yes(&mut self, section: &Section<'_>, name: &str) -> bool {
        matches!(self.parse_value(section, name), Some(Parsed::Bool(true)))
    }
}

/// The entries of a table in alphabetical order, so that mistakes always come in the same order.
pub(crate) fn sort_entries(table: &Table) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    entries
}
