//! The block of a local command in a suite.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use ::config::{Value, ValueKind};
use faultgate_core::mistake::key;
use faultgate_core::model::{CommandLine, CommandSpec, ProbeKind, Proof};

use crate::inputs::kind::Kind;
use crate::layers::file::below;
use crate::layers::tree::Table;
use crate::layers::values;
use crate::suite::keys::{Form, Key, Names, Section, names};
use crate::suite::probes::keys::proofs;
use crate::suite::reader::{Reader, sort_entries};
use crate::suite::tables::{ARGUMENT, MAX_ARGUMENT_BYTES};

const LIST_HINT: &str = "write [\"program\", \"argument\"]; no shell reads it";
const EXIT_CODE: Kind = Kind::Count { min: 0, max: 255 };
const TEXT: Kind = Kind::Text { max: 1_000 };
const STOP_WITHIN: Kind = Kind::Duration { min: Duration::from_secs(1), max: Duration::from_hours(1) };
const PROOF_WITHIN: Kind = Kind::Duration { min: Duration::from_millis(100), max: Duration::from_hours(1) };
const DURATION: Kind = Kind::Duration { min: Duration::ZERO, max: Duration::from_hours(12) };

/// The keys of the proof that the fault is injected, besides the block of a probe.
#[rustfmt::skip]
const PROOF: &[Key] = &[
    Key::new("output", TEXT, "Text that run prints when the fault is in").example("paused"),
    Key::new("no-output", TEXT, "Text by which run says that it has found nothing to break")
        .example("no containers found"),
    Key::new("within", PROOF_WITHIN, "How long after its start the proof may take").default("30s"),
];

/// The keys of the block of a local command.
#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &[
    Key::of("run", Form::Arguments(ARGUMENT), "The program and its arguments; no shell reads them")
        .needed(LIST_HINT).example("docker pause cache"),
    Key::of("stop", Form::Arguments(ARGUMENT), "What undoes the fault, at every kind of end")
        .example("docker unpause cache"),
    Key::new("stop-within", STOP_WITHIN, "How long stop may take; after a signal it is left to end by itself").default("30s"),
    Key::of("injected", Form::Proof(PROOF),
        "What proves that the fault is in: without it nothing was injected. Besides its texts, one look: http, tcp or command"),
    Key::new("dir", Kind::Path, "Working directory of both, seen from faultgate's own"),
    Key::of("env", Form::Texts(Names::Variables, ARGUMENT), "Variables for both, besides those that every command inherits"),
    Key::new("journal", Kind::Path, "Journal that Chaos Toolkit writes, seen from dir").example("journal.json"),
    Key::new("expect-exit-code", EXIT_CODE, "Exit code by which run says that the fault went in").default("0"),
    Key::new("duration", DURATION, "How long the fault stays in after run has ended as expected; shorter than timeout")
        .default("0s").example("30s"),
];

impl<'a> Reader<'a> {
    /// Reads the block of a local command. Everything that is wrong with it is told.
    pub(crate) fn command_engine(&mut self, block: &'a Table, path: &str) -> Option<CommandSpec> {
        let block = self.section(block, path, KEYS);
        if block.value("run").is_none() {
            self.mistake(&format!("{}:", block.at("run")), "is missing", LIST_HINT);
        }
        let run = block.value("run").and_then(|value| self.command_line(value, &block.at("run")));
        let stop = block.value("stop").and_then(|value| self.command_line(value, &block.at("stop")));
        let env = self.variables(&block);
        let dir = self.text(&block, "dir").map(PathBuf::from);
        let journal = self.text(&block, "journal").map(PathBuf::from);
        let expected_exit_code = u8::try_from(self.count(&block, "expect-exit-code")?).ok()?;
        let duration = self.time(&block, "duration")?;
        let stop_within = self.time(&block, "stop-within")?;
        let proof = match block.value("injected") {
            Some(value) => Some(self.proof(value, &block.at("injected"))?),
            None => None,
        };
        Some(CommandSpec {
            // A program that is missing or wrong has been told, and the other keys are judged all the same.
            run: run.unwrap_or_else(|| CommandLine { args: vec![String::new()], shown: String::new() }),
            stop,
            stop_within,
            proof,
            dir,
            env,
            journal,
            expected_exit_code,
            duration,
        })
    }

    fn proof(&mut self, value: &'a Value, path: &str) -> Option<Proof> {
        let table = self.table(Some(value), path)?;
        let kinds: Vec<&str> = proofs().map(ProbeKind::as_str).collect();
        self.known_keys(table, path, &[names(PROOF), kinds.clone()].concat());
        let block = Section::new(table, path, PROOF);
        let (output, no_output) = (self.text(&block, "output"), self.text(&block, "no-output"));
        let within = self.time(&block, "within")?;
        let has_check = kinds.iter().any(|kind| table.contains_key(*kind));
        let check = if has_check { Some(self.check(table, path)?) } else { None };
        if output.is_none() && no_output.is_none() && check.is_none() {
            self.mistake(path, "proves nothing", "add one of output, no-output, http, tcp, command");
            return None;
        }
        Some(Proof { output, no_output, check, within })
    }

    /// A program and its arguments. Mistakes in all of them are told.
    fn command_line(&mut self, value: &Value, path: &str) -> Option<CommandLine> {
        let ValueKind::Array(items) = &value.kind else {
            self.tell_shape(&format!("{path}:"), "is not a list of a program and its arguments", LIST_HINT);
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
            // All arguments are read before the first failure counts, so that every mistake is told.
            .collect();
        let args = args.into_iter().collect::<Option<Vec<String>>>()?;
        if args[0].trim().is_empty() {
            self.mistake(&format!("{path}[0]:"), "is empty", "write the program's name or path");
            return None;
        }
        // Reports show the names of variables and not their content, which may be secret.
        let written = |(place, arg): (usize, &String)| {
            let written = self.document.written.get(&format!("{path}[{place}]"));
            written.map_or_else(|| quote_for_shell(arg), |written| quote_with_variables(written))
        };
        let shown = args.iter().enumerate().map(written).collect::<Vec<_>>().join(" ");
        Some(CommandLine { args, shown })
    }

    /// The variables in the key `env` of a command.
    pub(crate) fn variables(&mut self, block: &Section<'a>) -> BTreeMap<String, String> {
        let path = block.at("env");
        let Some(table) = self.table(block.value("env"), &path) else { return BTreeMap::new() };
        let mut variables = BTreeMap::new();
        for (name, value) in sort_entries(table) {
            let path = below(&path, &key(name));
            if name.is_empty() || name.contains(['=', '\0']) {
                self.mistake(&format!("{path}:"), "is not a variable's name", "write NAME: \"value\"");
            } else if let Some(text) = self.argument(value, &path) {
                variables.insert(name.clone(), text);
            }
        }
        variables
    }

    /// A text as it stands, since white space and line breaks are part of an argument.
    fn argument(&mut self, value: &Value, path: &str) -> Option<String> {
        if self.document.broken.contains(path) {
            return None;
        }
        if let ValueKind::String(text) = &value.kind {
            if !text.contains('\0') && text.len() <= MAX_ARGUMENT_BYTES {
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
        // The value is no text, so this only makes the mistake that fits.
        let kind = Kind::Text { max: MAX_ARGUMENT_BYTES };
        if let Err(mistake) = values::read(&kind, path, value, &self.document.origin, written) {
            self.of_value(mistake, path);
        }
        None
    }
}

/// An argument in a form that a shell reads back.
fn quote_for_shell(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) {
        return arg.to_owned();
    }
    format!("'{}'", arg.replace('\'', "'\\''"))
}

/// An argument with `${NAME}` in it, in a form in which a shell would replace the variable too.
fn quote_with_variables(written: &str) -> String {
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
