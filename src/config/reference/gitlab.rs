//! The GitLab CI/CD component, whole: its jobs, the `spec: inputs` and the variables that they become. Secrets are no
//! inputs, since GitLab would show them: they come from masked variables of the project.

use super::{described, yaml_string};
use crate::config::inputs::{INPUTS, Input};
use crate::config::kind::Kind;

/// The component, but for what is made of the inputs.
const COMPONENT: &str = include_str!("component.yml");

pub(super) fn render() -> String {
    COMPONENT.replace("{inputs}", &spec()).replace("{variables}", &variables())
}

fn given() -> impl Iterator<Item = &'static Input> {
    INPUTS.iter().filter(|input| !input.is_secret())
}

/// GitLab takes an input for mandatory unless it has a default, and checks a default against type and options: so
/// all are strings, and empty, which is unset.
fn spec() -> String {
    let inputs: Vec<_> = given()
        .map(|input| {
            let options = options(&input.kind).map(|o| format!("      options: [{o}]\n")).unwrap_or_default();
            format!(
                "    {}:\n      description: {}\n      type: string\n{options}      default: {}\n",
                input.name,
                yaml_string(&described(input)),
                yaml_string(default(input)),
            )
        })
        .collect();
    inputs.concat()
}

/// The job has to know where the files are that it keeps.
fn default(input: &Input) -> &'static str {
    if input.name == "report-dir" { input.default.unwrap_or_default() } else { "" }
}

fn variables() -> String {
    let lines: Vec<_> =
        given().map(|i| format!("    {}: \"$[[ inputs.{} ]]\"\n", i.variable(), i.name)).collect();
    format!("  variables:\n{}", lines.concat())
}

fn options(kind: &Kind) -> Option<String> {
    let words: &[&str] = match kind {
        Kind::Bool => &["true", "false"],
        Kind::Choice(words) => words,
        _ => return None,
    };
    let quoted: Vec<_> = std::iter::once(&"").chain(words).map(|w| yaml_string(w)).collect();
    Some(quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use ::config::{FileFormat, Format as _, Value, ValueKind};

    use super::super::tests::table;
    use super::*;
    use crate::config::inputs::find;

    #[test]
    fn the_component_is_up_to_date() {
        let file = include_str!("../../../ci-templates/gitlab/templates/chaos/template.yml");
        assert!(file == render(), "the component is not what it should be: make docs");
    }

    #[test]
    fn it_is_yaml_without_secrets() {
        let inputs = inputs();
        assert!(given().all(|input| inputs.contains_key(input.name)));
        for (name, input) in inputs.iter().filter(|(name, _)| find(name).is_some()) {
            let input = table(input);
            let default = if name == "report-dir" { "faultgate-report" } else { "" };
            assert_eq!(input["default"].kind, ValueKind::String(default.to_owned()), "{name}");
            assert_eq!(input["type"].kind, ValueKind::String("string".to_owned()), "{name}");
        }
        assert!(inputs.keys().all(|name| find(name).is_none_or(|input| !input.is_secret())));
    }

    #[test]
    fn every_input_becomes_its_variable() {
        let rendered = render();
        let (_, job) = rendered.split_once("---\n").unwrap();
        let root = FileFormat::Yaml.parse(None, job).unwrap();
        let variables = table(&table(&root["$[[ inputs.job-name ]]"])["variables"]);
        for input in given() {
            let value = &variables[&input.variable()];
            assert_eq!(value.kind, ValueKind::String(format!("$[[ inputs.{} ]]", input.name)));
        }
    }

    fn inputs() -> HashMap<String, Value> {
        let rendered = render();
        let (head, _) = rendered.split_once("---\n").unwrap();
        let root = FileFormat::Yaml.parse(None, head).unwrap();
        table(&table(&root["spec"])["inputs"]).clone()
    }
}
