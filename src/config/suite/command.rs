//! The block of a local command.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ::config::{Value, ValueKind};

use super::super::file::{Table, below};
use super::super::kind::{Kind, Parsed};
use super::super::mistake::key;
use super::super::values;
use super::{Reader, sorted};
use crate::model::{CommandLine, CommandSpec, EngineSpec};

pub(in crate::config) const KEYS: &[&str] =
    &["run", "stop", "dir", "env", "journal", "expect-exit-code", "duration"];
pub(in crate::config) const EXIT_CODE: Kind = Kind::Count { min: 0, max: 255 };
pub(in crate::config) const DURATION: Kind =
    Kind::Duration { min: Duration::ZERO, max: Duration::from_hours(12) };

const LIST_HINT: &str = "write [\"program\", \"argument\"]; no shell reads it";
/// Scripts may stand in an argument.
const LONGEST_ARGUMENT: usize = 64 * 1024;

impl<'a> Reader<'a> {
    pub(super) fn command_engine(&mut self, block: &'a Table, path: &str) -> Option<EngineSpec> {
        self.known_keys(block, path, KEYS);
        let run = match block.get("run") {
            Some(value) if !matches!(value.kind, ValueKind::Nil) => {
                self.command_line(value, &below(path, "run"))
            }
            _ => {
                self.mistake(&format!("{}:", below(path, "run")), "is missing", LIST_HINT);
                None
            }
        };
        let stop = block
            .get("stop")
            .filter(|value| !matches!(value.kind, ValueKind::Nil))
            .and_then(|value| self.command_line(value, &below(path, "stop")));
        let env = self.command_env(block, path);
        let path_of = |parsed| match parsed {
            Some(Parsed::Text(text)) => Some(PathBuf::from(text)),
            _ => None,
        };
        let dir = path_of(self.leaf(block, path, "dir", &Kind::Path));
        let journal = path_of(self.leaf(block, path, "journal", &Kind::Path));
        let expected_exit_code = match self.leaf(block, path, "expect-exit-code", &EXIT_CODE) {
            Some(Parsed::Count(code)) => u8::try_from(code).unwrap_or_default(),
            _ => 0,
        };
        let duration = match self.leaf(block, path, "duration", &DURATION) {
            Some(Parsed::Duration(duration)) => duration,
            _ => Duration::ZERO,
        };
        Some(EngineSpec::Command(CommandSpec {
            run: run?,
            stop,
            dir,
            env,
            journal,
            expected_exit_code,
            duration,
        }))
    }

    /// A program and its arguments.
    fn command_line(&mut self, value: &Value, path: &str) -> Option<CommandLine> {
        let ValueKind::Array(items) = &value.kind else {
            self.mistake(&format!("{path}:"), "is not a list of a program and its arguments", LIST_HINT);
            return None;
        };
        if items.is_empty() {
            self.mistake(&format!("{path}:"), "is an empty list", LIST_HINT);
            return None;
        }
        let args: Vec<_> = items
            .iter()
            .enumerate()
            .map(|(place, item)| self.argument(item, &format!("{path}[{place}]")))
            .collect();
        let args = args.into_iter().collect::<Option<Vec<String>>>()?;
        if args[0].trim().is_empty() {
            self.mistake(&format!("{path}[0]:"), "is empty", "write the program's name or path");
            return None;
        }
        let written = |(place, arg): (usize, &String)| {
            let written = self.document.written.get(&format!("{path}[{place}]"));
            written.map_or_else(|| quoted(arg), |written| quoted_with_variables(written))
        };
        let shown = args.iter().enumerate().map(written).collect::<Vec<_>>().join(" ");
        Some(CommandLine { args, shown })
    }

    fn command_env(&mut self, block: &'a Table, path: &str) -> BTreeMap<String, String> {
        let path = below(path, "env");
        let block = block.get("env").filter(|value| !matches!(value.kind, ValueKind::Nil));
        let Some(table) = self.table(block, &path) else { return BTreeMap::new() };
        let mut variables = BTreeMap::new();
        for (name, value) in sorted(table) {
            let path = below(&path, &key(name));
            if name.is_empty() || name.contains(['=', '\0']) {
                self.mistake(&format!("{path}:"), "is not a variable's name", "write NAME: \"value\"");
            } else if let Some(text) = self.argument(value, &path) {
                variables.insert(name.clone(), text);
            }
        }
        variables
    }

    /// Text as it stands: white space and line breaks are part of an argument.
    fn argument(&mut self, value: &Value, path: &str) -> Option<String> {
        if self.document.broken.contains(path) {
            return None;
        }
        if let ValueKind::String(text) = &value.kind {
            if !text.contains('\0') && text.len() <= LONGEST_ARGUMENT {
                return Some(text.clone());
            }
            self.mistake(&format!("{path}:"), "holds a zero byte or is too long", "at most 64 KiB");
            return None;
        }
        if matches!(value.kind, ValueKind::Nil) {
            self.mistake(&format!("{path}:"), "is empty", "write \"\" for an empty text");
            return None;
        }
        let written = self.document.written.get(path).map(String::as_str);
        let kind = Kind::Text { max: LONGEST_ARGUMENT };
        if let Err(mistake) = values::read(&kind, path, value, &self.document.origin, written) {
            self.mistakes.push(mistake);
        }
        None
    }
}

/// An argument as a shell reads it back.
fn quoted(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) {
        return arg.to_owned();
    }
    format!("'{}'", arg.replace('\'', "'\\''"))
}

/// The same where `${NAME}` stands in it, which a shell would replace as well.
fn quoted_with_variables(written: &str) -> String {
    let mut out = String::from("\"");
    for c in written.chars() {
        if matches!(c, '"' | '\\' | '`') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
