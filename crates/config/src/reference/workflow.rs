//! The whole of the reusable workflow of GitHub: its jobs, and the inputs, secrets and outputs that it passes
//! on.

use faultgate_core::model::OutputName;

use crate::inputs::input::Input;
use crate::inputs::table::{AWS_ID_TOKEN, GITHUB_TOKEN, INPUTS, REPORT_DIR, STATE_FILE};
use crate::reference::texts::{describe, yaml_string};

/// The workflow, with marks for everything that is made from inputs and outputs.
const WORKFLOW: &str = include_str!("workflow.yml");

/// Names of inputs and outputs that a caller cannot use: files of the job's own folder, and a token that the
/// job makes itself.
const OWN: [&str; 3] = [AWS_ID_TOKEN.input().name, REPORT_DIR.name(), STATE_FILE.name()];

pub(crate) fn render() -> String {
    WORKFLOW
        .replace("{inputs}", &lines(settings(), input))
        .replace("{secrets}", &lines(secrets(), secret))
        .replace("{outputs}", &lines(outputs(), output))
        .replace("{job-outputs}", &lines(outputs(), job_output))
        .replace("{with}", &lines(list_inputs(), with))
        .replace("{version}", env!("CARGO_PKG_VERSION"))
}

fn lines<T>(all: impl Iterator<Item = T>, line: impl Fn(T) -> String) -> String {
    all.map(line).collect()
}

fn list_inputs() -> impl Iterator<Item = &'static Input> {
    INPUTS.iter().filter(|input| !OWN.contains(&input.name))
}

fn settings() -> impl Iterator<Item = &'static Input> {
    list_inputs().filter(|input| !input.is_secret())
}

fn secrets() -> impl Iterator<Item = &'static Input> {
    list_inputs().filter(|input| input.is_secret())
}

fn outputs() -> impl Iterator<Item = OutputName> {
    OutputName::ALL.into_iter().filter(|output| !OWN.contains(&output.as_str()))
}

fn input(input: &Input) -> String {
    let description = yaml_string(&describe(input));
    format!("      {}:\n        description: {description}\n        type: string\n", input.name)
}

/// The secret of an input, under the name of its variable: secrets of GitHub have no hyphens, and a secret of
/// a repository or an environment is only found by its own name.
fn secret(input: &Input) -> String {
    let description = yaml_string(&describe(input));
    format!("      {}:\n        description: {description}\n        required: false\n", input.variable())
}

fn output(output: OutputName) -> String {
    let (name, help) = (output.as_str(), output.help());
    let description = yaml_string(&format!("{help}; empty if faultgate did not run"));
    format!(
        "      {name}:\n        description: {description}\n        value: ${{{{ jobs.experiment.outputs.{name} }}}}\n"
    )
}

fn job_output(output: OutputName) -> String {
    let name = output.as_str();
    format!("      {name}: ${{{{ steps.faultgate.outputs.{name} }}}}\n")
}

/// The line that passes an input on to the action. An empty value takes precedence over a default of the
/// action, and counts as not set for faultgate.
fn with(input: &Input) -> String {
    let name = input.name;
    let given =
        if input.is_secret() { format!("secrets.{}", input.variable()) } else { format!("inputs.{name}") };
    let otherwise = if name == GITHUB_TOKEN.input().name { " || github.token" } else { "" };
    format!("          {name}: ${{{{ {given}{otherwise} }}}}\n")
}

#[cfg(test)]
mod tests {
    use ::config::{FileFormat, Format as _, ValueKind};

    use super::*;
    use crate::reference::tests::table;

    #[test]
    fn the_workflow_is_up_to_date() {
        let file = include_str!("../../../../ci-templates/github/reusable.yml");
        assert!(file == render(), "reusable.yml is not what it should be: make docs");
    }

    #[test]
    fn every_input_is_a_string_without_a_default_and_every_secret_a_secret() {
        let root = FileFormat::Yaml.parse(None, &render()).unwrap();
        let call = table(&table(&root["on"])["workflow_call"]);
        let (inputs, secrets) = (table(&call["inputs"]), table(&call["secrets"]));
        for input in INPUTS {
            // The parser turns all keys into lower case.
            let is_there = secrets.keys().any(|name| name.eq_ignore_ascii_case(&input.variable()));
            assert_eq!(is_there, input.is_secret() && !OWN.contains(&input.name), "{}", input.name);
            let Some(told) = inputs.get(input.name).map(table) else {
                assert!(input.is_secret() || OWN.contains(&input.name), "{}", input.name);
                continue;
            };
            assert_eq!(told["type"].kind, ValueKind::String("string".to_owned()), "{}", input.name);
            assert!(!told.contains_key("default") && !input.is_secret(), "{}", input.name);
        }
    }

    #[test]
    fn the_workflows_own_inputs_hide_none() {
        let text = render();
        let names = |section: &str| {
            let (_, rest) = text.split_once(&format!("    {section}:\n")).unwrap();
            let lines = rest.lines().take_while(|line| line.starts_with("      "));
            let keys = lines.filter(|line| !line.starts_with("       "));
            keys.map(|line| line.trim().to_owned()).collect::<Vec<_>>()
        };
        for section in ["inputs", "secrets", "outputs"] {
            let mut told = names(section);
            let count = told.len();
            told.sort();
            told.dedup();
            assert!(count > 0 && told.len() == count, "{section}: {told:?}");
        }
    }
}
