//! The topics of the help: commands, groups of inputs, and inputs.

use super::page::Page;
use super::{command, describe};
use crate::cli::command_name::CommandName;
use faultgate_config::{Group, INPUTS, Input};

/// Something that the help tells of.
#[derive(Clone, Copy)]
pub(super) enum Topic {
    Command(CommandName),
    Group(Group),
    Input(&'static Input),
}

/// Returns the words by which groups are called.
pub(super) fn group_words() -> [String; Group::ALL.len()] {
    Group::ALL.map(|group| group.title().to_lowercase())
}

impl Topic {
    /// Finds a topic by its name: a command, a group, or an input. A flag or a variable means the input, also
    /// if something else has its name.
    pub(super) fn find(named: &str) -> Option<Self> {
        let name = Self::plain_name(named);
        if named.starts_with('-') || named.len() > name.len() {
            return find_input(&name).map(Self::Input);
        }
        let group = || Group::ALL.into_iter().find(|group| group.title().to_lowercase() == name);
        let command = CommandName::find(&name).map(Self::Command);
        command.or_else(|| group().map(Self::Group)).or_else(|| find_input(&name).map(Self::Input))
    }

    /// Returns the name that a flag or a variable has as an input.
    pub(super) fn plain_name(named: &str) -> String {
        let name = named.trim_start_matches('-').to_lowercase().replace('_', "-");
        let plain = name.strip_prefix("faultgate-").or(name.strip_prefix("input-")).unwrap_or(&name);
        plain.to_owned()
    }

    /// Returns the names of all commands and inputs.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        CommandName::WORDS.iter().copied().chain(INPUTS.iter().map(|input| input.name))
    }

    pub(super) fn page(self) -> Page {
        let (mut page, name) = match self {
            Self::Command(name) => {
                // The arguments of the built command are those that are parsed.
                let all = command();
                let page = all.find_subcommand(name.as_str()).map(|one| describe(one, false));
                (page.unwrap_or_default(), name.as_str().to_owned())
            }
            Self::Group(group) => (describe_group(group), group.title().to_lowercase()),
            Self::Input(input) => return describe_input(input),
        };
        if find_input(&name).is_some() {
            page.paragraph(&format!("There is an input of the same name: faultgate help --{name}"));
        }
        page
    }
}

fn find_input(name: &str) -> Option<&'static Input> {
    INPUTS.iter().find(|input| input.name == name)
}

fn describe_group(group: Group) -> Page {
    let mut page = Page::default();
    page.title(&format!("Inputs: {}", group.title()));
    let inputs = INPUTS.iter().filter(|input| input.group == group);
    page.rows(
        "",
        inputs.map(|input| {
            let default = input.default_text().map(|text| format!(" [default: {text}]")).unwrap_or_default();
            (input.name.to_owned(), format!("{}{default}", input.description()))
        }),
    );
    page.paragraph(
        "faultgate help INPUT tells how one is set: by its flag, its variable, or its key in the suite file.",
    );
    page
}

fn describe_input(input: &Input) -> Page {
    let mut page = Page::default();
    page.title(&format!("{} ({})", input.name, input.group.title()));
    page.paragraph(&format!("{}.", input.meaning().trim_end_matches('.')));
    let example = input.example();
    let value = example.unwrap_or(input.placeholder());
    let mut rows = Vec::new();
    let mut add = |left: &str, right: String| rows.push((left.to_owned(), right));
    if let Some(forms) = input.forms() {
        add("Value", forms);
    }
    add("Default", input.default_text().unwrap_or("none").to_owned());
    if let Some(example) = example {
        add("Example", example.to_owned());
    }
    match input.flag() {
        Some(flag) if input.choices() == ["true", "false"] => {
            add("Flag", format!("--{flag}, or --{flag}=false"));
        }
        Some(flag) => add("Flag", format!("--{flag} {value}")),
        None => add("Flag", "none: every process can read a command line".to_owned()),
    }
    add("Variable", input.variable());
    add("GitHub", format!("with: {{ {}: … }} of the action", input.name));
    if input.in_suite() {
        add("Suite", format!("{}: {value}", input.name));
    } else {
        add("Suite", "not in the suite file".to_owned());
    }
    page.rows("", rows);
    page.paragraph("The first that is set counts: flag, variable, input of the action, suite file, default.");
    page
}
