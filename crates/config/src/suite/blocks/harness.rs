//! The block of a Harness experiment in a suite.

use std::collections::BTreeMap;

use ::config::{Value, ValueKind};
use faultgate_core::mistake::key;
use faultgate_core::model::RuntimeInputs;

use crate::inputs::kind::{Kind, Parsed};
use crate::layers::file::below;
use crate::layers::tree::Table;
use crate::layers::values;
use crate::suite::keys::{Form, Key, Section};
use crate::suite::reader::{Reader, sort_entries};

/// The kind of an id, or of the address of the experiment's page.
const ID_OR_PAGE: Kind = Kind::Text { max: 2048 };
const ID: Kind = Kind::Text { max: 255 };
const INPUT: Kind = Kind::Lines { max: 64 * 1024 };
/// The key of `runtime-inputs` under which each task has inputs of its own.
pub(crate) const TASKS: &str = "tasks";

/// The keys of the block of a Harness experiment.
#[rustfmt::skip]
pub(crate) const HARNESS: &[Key] = &[
    Key::new("experiment", ID_OR_PAGE, "Id of the experiment, or the address of its page, which names account, organisation and project too; that of the run unless said otherwise")
        .example("d7c9d243-0219-4f7c-84c2-3004e59e4505"),
    Key::new("account", ID, "Account; that of the run, or the one that the API key names, unless said otherwise"),
    Key::new("org", ID, "Organisation; that of the run unless said otherwise").example("default"),
    Key::new("project", ID, "Project; that of the run unless said otherwise").example("shop"),
    Key::new("url", Kind::Url, "Harness to talk to; that of the run unless said otherwise")
        .example("https://app.harness.io"),
    Key::of("runtime-inputs", Form::RuntimeInputs(INPUT), "Runtime inputs by name; those of a task below tasks and its name"),
];

/// The block of a Harness experiment in the suite file. The inputs complete it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct HarnessBlock {
    /// Id or identity of the experiment, or the address of its page.
    pub(crate) experiment: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) org: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) runtime_inputs: Option<RuntimeInputs>,
}

impl<'a> Reader<'a> {
    /// Reads the block of a Harness experiment.
    pub(crate) fn harness(&mut self, block: &'a Table, path: &str) -> HarnessBlock {
        let block = self.section(block, path, HARNESS);
        HarnessBlock {
            experiment: self.text(&block, "experiment"),
            account: self.text(&block, "account"),
            org: self.text(&block, "org"),
            project: self.text(&block, "project"),
            url: self.text(&block, "url"),
            runtime_inputs: self.runtime_inputs(&block),
        }
    }

    fn runtime_inputs(&mut self, block: &Section<'a>) -> Option<RuntimeInputs> {
        let path = block.at("runtime-inputs");
        let table = self.table(block.value("runtime-inputs"), &path)?;
        let mut inputs = RuntimeInputs::default();
        for (name, value) in sort_entries(table) {
            let path = below(&path, &key(name));
            if name != TASKS {
                self.runtime_input(&mut inputs.experiment, name, value, &path);
                continue;
            }
            let Some(tasks) = self.table(Some(value), &path) else { continue };
            for (task, value) in sort_entries(tasks) {
                let path = below(&path, &key(task));
                let Some(table) = self.table(Some(value), &path) else { continue };
                let of_task = inputs.tasks.entry(task.clone()).or_default();
                for (name, value) in sort_entries(table) {
                    self.runtime_input(of_task, name, value, &below(&path, &key(name)));
                }
            }
        }
        Some(inputs)
    }

    /// Reads one runtime input. Harness takes text alone, so numbers and truth values become text.
    fn runtime_input(
        &mut self,
        inputs: &mut BTreeMap<String, String>,
        name: &str,
        value: &Value,
        path: &str,
    ) {
        if self.document.broken.contains(path) {
            return;
        }
        let text = match &value.kind {
            ValueKind::I64(_) | ValueKind::Boolean(_) => value.kind.to_string(),
            // An empty text is a value as well, and not an input that is left out.
            ValueKind::String(text) if text.is_empty() => String::new(),
            _ => {
                let written = self.document.written.get(path).map(String::as_str);
                match values::read(&INPUT, path, value, &self.document.origin, written) {
                    Ok(Some(Parsed::Text(text))) => text,
                    Ok(_) => {
                        self.mistake(&format!("{path}:"), "is empty", "write \"\" for an empty text");
                        return;
                    }
                    Err(mistake) => {
                        self.of_value(mistake, path);
                        return;
                    }
                }
            }
        };
        inputs.insert(name.to_owned(), text);
    }
}
