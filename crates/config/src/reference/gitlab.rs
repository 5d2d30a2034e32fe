//! The whole of the GitLab CI/CD component: its jobs, its `spec: inputs`, and the variables that they become.
//!
//! Secrets are never inputs of it, since GitLab would show them: they come from masked variables of the
//! project.

use crate::inputs::input::Input;
use crate::inputs::kind::Kind;
use crate::inputs::table::{ENVIRONMENT, INPUTS, POLICY, REPORT_DIR};
use crate::reference::texts::{describe, yaml_string};

/// The component, with marks for everything that is made from the inputs.
const COMPONENT: &str = include_str!("component.yml");

pub(crate) fn render() -> String {
    COMPONENT
        .replace("{inputs}", &spec())
        .replace("{optional}", &optional())
        .replace("{extended}", &write_extends())
        .replace("{variables}", &variables())
}

/// The inputs that the component takes.
fn list_inputs() -> impl Iterator<Item = &'static Input> {
    INPUTS.iter().filter(|input| !input.is_secret())
}

/// GitLab's type of an input, and the value that stands for no value given: GitLab takes an input for
/// mandatory unless it has a default, and checks the default against type and options.
enum Type {
    /// A text. An empty one counts as not set.
    Text,
    /// A number. No input takes a negative one, so that -1 can stand for no value given.
    Number,
    /// A truth value. Only its default can stand for no value given; the setting is left to the suite then.
    Boolean { default: &'static str },
}

const NO_NUMBER: &str = "-1";

impl Type {
    fn of(input: &Input) -> Self {
        match input.kind {
            Kind::Score | Kind::Count { .. } | Kind::Number => Self::Number,
            Kind::Bool => Self::Boolean { default: input.default.unwrap_or("false") },
            _ => Self::Text,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Number => "number",
            Self::Boolean { .. } => "boolean",
        }
    }

    /// The value that stands for no value given, where that is not an empty text.
    fn none(&self) -> Option<&'static str> {
        match self {
            Self::Text => None,
            Self::Number => Some(NO_NUMBER),
            Self::Boolean { default } => Some(default),
        }
    }
}

/// The inputs in `spec`, but for the environment, which is one of the component's own too.
fn spec() -> String {
    let inputs: Vec<_> = list_inputs()
        .filter(|input| input.name != ENVIRONMENT.name())
        .map(|input| {
            let kind = Type::of(input);
            let (description, default) = match kind.none() {
                None => (describe(input), yaml_string(default(input))),
                Some(none) => {
                    (format!("{} {none} means that no value is given.", describe(input)), none.to_owned())
                }
            };
            format!(
                "    {}:\n      description: {}\n      type: {}\n{}      default: {default}\n",
                input.name,
                yaml_string(&description),
                kind.name(),
                options(&input.kind).map(|o| format!("      options: [{o}]\n")).unwrap_or_default(),
            )
        })
        .collect();
    inputs.concat()
}

/// The default of an input. That of `report-dir` is not left out, since the job has to know the folder whose
/// files it keeps.
fn default(input: &Input) -> &'static str {
    if input.name == REPORT_DIR.name() { input.default.unwrap_or_default() } else { "" }
}

/// The hidden jobs: for each input that is no text, one with its variable, and one without it.
fn optional() -> String {
    let jobs = list_inputs().filter_map(|input| {
        let none = Type::of(input).none()?;
        Some(format!(
            "{}:\n  variables:\n    {}: {}\n{}:\n  variables: {{}}\n\n",
            name_hidden_job(input, &interpolate(input)),
            variable(input),
            // GitLab takes neither booleans nor fractions as variables: the space makes a text of them.
            yaml_string(&format!("{} ", interpolate(input))),
            name_hidden_job(input, none),
        ))
    });
    jobs.collect()
}

fn write_extends() -> String {
    let typed = list_inputs().filter(|input| Type::of(input).none().is_some());
    let lines: Vec<_> = typed.map(|i| format!("    - {}\n", name_hidden_job(i, &interpolate(i)))).collect();
    lines.concat()
}

fn variables() -> String {
    let texts = list_inputs().filter(|input| Type::of(input).none().is_none());
    let lines: Vec<_> =
        texts.map(|i| format!("    {}: {}\n", variable(i), yaml_string(&interpolate(i)))).collect();
    format!("  variables:\n{}", lines.concat())
}

/// The variable that the component sets for an input. A policy of the component's has one of its own, since
/// both it and that of the group's variable hold.
fn variable(input: &Input) -> String {
    let [_, of_ci] = input.ci_variables();
    if input.name == POLICY.name() { of_ci } else { input.variable() }
}

/// The name of a hidden job. The main job extends it by this name, which GitLab completes with the value
/// given.
fn name_hidden_job(input: &Input, value: &str) -> String {
    yaml_string(&format!(".$[[ inputs.job-name ]] {} {value}", input.name))
}

fn interpolate(input: &Input) -> String {
    format!("$[[ inputs.{} ]]", input.name)
}

fn options(kind: &Kind) -> Option<String> {
    let Kind::Choice(words) = kind else { return None };
    // GitLab reads `on` and `off` without quotes as booleans, and its newer versions turn these into text.
    let read: &[&str] = if words.contains(&"on") { &["true", "false"] } else { &[] };
    let all = std::iter::once(&"").chain(*words).chain(read);
    Some(all.map(|word| yaml_string(word)).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use ::config::{FileFormat, Format as _, Value, ValueKind};

    use super::*;
    use crate::inputs::table::find;
    use crate::reference::tests::table;

    #[test]
    fn the_component_is_up_to_date() {
        let file = include_str!("../../../../ci-templates/gitlab/templates/chaos/template.yml");
        assert!(file == render(), "the component is not what it should be: make docs");
    }

    #[test]
    fn it_is_yaml_without_secrets() {
        let inputs = inputs();
        assert!(list_inputs().all(|input| inputs.contains_key(input.name)));
        assert!(inputs.keys().all(|name| find(name).is_none_or(|input| !input.is_secret())));
    }

    #[test]
    fn an_input_has_its_type_and_a_default_that_is_none() {
        let inputs = inputs();
        let shown = |name: &str| {
            let input = table(&inputs[name]);
            let text = |key: &str| input[key].clone().into_string().unwrap();
            (text("type"), text("default"))
        };
        for (name, kind, default) in [
            ("timeout", "string", ""),
            ("report-dir", "string", "faultgate-report"),
            ("parallel", "number", "-1"),
            ("expected-resilience-score", "number", "-1"),
            ("pull-request", "number", "-1"),
            ("dry-run", "boolean", "false"),
            ("allow-empty-targets", "boolean", "false"),
        ] {
            assert_eq!(shown(name), (kind.to_owned(), default.to_owned()), "{name}");
        }
        for input in list_inputs() {
            // A value that stands for no value given is one that no input takes, or the default of the input.
            match Type::of(input) {
                Type::Number => assert!(input.kind.parse(NO_NUMBER).is_err(), "{}", input.name),
                Type::Boolean { default } => assert_eq!(input.default, Some(default), "{}", input.name),
                Type::Text => {}
            }
        }
    }

    #[test]
    fn every_input_becomes_its_variable() {
        let jobs = jobs();
        let own = table(&table(&jobs["$[[ inputs.job-name ]]"])["variables"]);
        for input in list_inputs() {
            let value = interpolate(input);
            let Some(none) = Type::of(input).none() else {
                assert_eq!(own[&variable(input)].kind, ValueKind::String(value), "{}", input.name);
                continue;
            };
            let name = |value: &str| format!(".$[[ inputs.job-name ]] {} {value}", input.name);
            let variables = table(&table(&jobs[&name(&value)])["variables"]);
            assert_eq!(variables[&variable(input)].kind, ValueKind::String(format!("{value} ")));
            assert!(table(&table(&jobs[&name(none)])["variables"]).is_empty(), "{}", input.name);
        }
    }

    /// The job without the variable has to come last, since GitLab takes the last of two jobs with the same
    /// name.
    #[test]
    fn what_stands_for_none_comes_last() {
        let rendered = render();
        let names: Vec<&str> = rendered.lines().filter(|line| line.starts_with("\".")).collect();
        assert!(names.len() > 12 && names.len().is_multiple_of(2), "{names:?}");
        for pair in names.chunks(2) {
            let (value, none) = (pair[0].rfind(" $[[").unwrap(), pair[1].rfind(' ').unwrap());
            assert_eq!(pair[0][..value], pair[1][..none], "{pair:?}");
        }
    }

    fn inputs() -> HashMap<String, Value> {
        let rendered = render();
        let (head, _) = rendered.split_once("---\n").unwrap();
        let root = FileFormat::Yaml.parse(None, head).unwrap();
        table(&table(&root["spec"])["inputs"]).clone()
    }

    fn jobs() -> HashMap<String, Value> {
        let rendered = render();
        let (_, jobs) = rendered.split_once("---\n").unwrap();
        FileFormat::Yaml.parse(None, jobs).unwrap().into_iter().collect()
    }
}
