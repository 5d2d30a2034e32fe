//! The reference of all inputs, in every form that other files are checked against.
//!
//! This file renders the documentation; `action` renders `action.yml`, `workflow` the reusable workflow of
//! GitHub, and `gitlab` the GitLab component, with the `texts` that all have in common. `pages` finds the page of
//! a key of the suite. The JSON Schema for
//! editors comes from `schema`. All of them are made from the inputs, so that none can be out of date.

mod action;
mod gitlab;
mod pages;
mod texts;
mod workflow;

pub use pages::find_page;

use faultgate_core::text::markdown;

use crate::inputs::input::{Group, Input};
use crate::inputs::table::INPUTS;
use crate::schema;

/// The forms in which the reference is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Tables for people.
    Markdown,
    /// `action.yml`, the metadata of the GitHub action.
    Action,
    /// The reusable workflow of GitHub, which other workflows call.
    GithubWorkflow,
    /// The GitLab CI/CD component.
    Gitlab,
    /// The JSON Schema of the suite file.
    Schema,
}

impl Format {
    pub const ALL: [Self; 5] =
        [Self::Markdown, Self::Action, Self::GithubWorkflow, Self::Gitlab, Self::Schema];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Markdown => "markdown",
            Self::Action => "action",
            Self::GithubWorkflow => "github-workflow",
            Self::Gitlab => "gitlab",
            Self::Schema => "schema",
        }
    }
}

const HEAD: &str = "# Inputs

The first of these that is set counts: the flag, the variable, `INPUT_<NAME>` as a GitHub action sets it (hyphens kept
or turned into `_`), the key of the same name in the suite file, the default. An empty value is not set. Secrets come
only from variables. This page is made by `faultgate inputs`.

[suite.schema.json](suite.schema.json) is the JSON Schema of the suite file, with which editors complete and check it:
see [Suites in an editor](probes.md#suites-in-an-editor).
";

/// The whole reference, with a line break at its end.
pub fn render(format: Format) -> String {
    match format {
        Format::Markdown => format!("{HEAD}\n{}", tables()),
        Format::Action => action::render(),
        Format::GithubWorkflow => workflow::render(),
        Format::Gitlab => gitlab::render(),
        Format::Schema => schema::suite(),
    }
}

fn tables() -> String {
    let tables = Group::ALL.map(|group| {
        let rows: String = INPUTS.iter().filter(|i| i.group == group).map(row).collect();
        format!(
            "## {}\n\n| input | meaning | default | flag | variable |\n| --- | --- | --- | --- | --- |\n{rows}",
            group.title()
        )
    });
    tables.join("\n")
}

fn row(input: &Input) -> String {
    let meaning = markdown(&input.description(), 1000);
    let example = input
        .example
        .filter(|_| !input.kind.shows_example())
        .map(|e| format!(" Example: {}.", code(e)))
        .unwrap_or_default();
    let default = match (input.default, input.default_text()) {
        (Some(value), _) => code(value),
        (None, Some(note)) => markdown(note, 200),
        (None, None) => String::new(),
    };
    let flag = input.flag().map_or_else(|| "none".to_owned(), |f| code(&format!("--{f}")));
    format!(
        "| {} | {meaning}{example} | {default} | {flag} | {} |\n",
        code(input.name),
        code(&input.variable())
    )
}

/// Marks a text as code. The words of the table contain neither a backtick nor a bar.
fn code(text: &str) -> String {
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    use ::config::{Value, ValueKind};

    use super::*;

    pub(crate) fn table(value: &Value) -> &std::collections::HashMap<String, Value> {
        match &value.kind {
            ValueKind::Table(table) => table,
            other => panic!("not a table: {other:?}"),
        }
    }

    #[test]
    fn the_page_in_docs_is_up_to_date() {
        let page = include_str!("../../../../docs/inputs.md");
        assert!(page == render(Format::Markdown), "docs/inputs.md is not what it should be: make docs");
    }

    #[test]
    fn the_tables_have_every_input_once_and_whole_rows() {
        let text = render(Format::Markdown);
        for input in INPUTS {
            let start = format!("| `{}` |", input.name);
            assert_eq!(text.matches(&start).count(), 1, "{}", input.name);
        }
        for line in text.lines().filter(|l| l.starts_with('|')) {
            assert_eq!(line.matches('|').count(), 6, "{line}");
        }
    }
}
