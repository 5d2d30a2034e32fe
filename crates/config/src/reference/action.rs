//! The whole of `action.yml`, the metadata of the GitHub action.

use faultgate_core::model::OutputName;

use crate::inputs::input::Input;
use crate::inputs::table::{GITHUB_TOKEN, INPUTS, MATRIX};
use crate::reference::texts::{describe, yaml_string};

const HEAD: &str = "# Made by `faultgate inputs --format action`: make docs
name: faultgate
description: \"Chaos experiments as a gate in the delivery pipeline: launch, watch by events, score, decide\"
author: faultgate
branding:
  icon: shield
  color: purple
";

/// The entry points of the action. A release names its image by digest in the place of `Dockerfile`. Both
/// entry points are the same binary, which knows its stage by the name that it is called by: GitHub gives
/// both stages the same arguments.
const RUNS: &str = "runs:
  using: docker
  image: Dockerfile
  entrypoint: /usr/local/bin/faultgate
  post-entrypoint: /usr/local/bin/faultgate-stop
  post-if: always()
";

pub(crate) fn render() -> String {
    let inputs: String = INPUTS.iter().map(input).collect();
    let outputs: String = OutputName::ALL.into_iter().map(output).collect();
    format!("{HEAD}\ninputs:\n{inputs}\noutputs:\n{outputs}\n{RUNS}")
}

/// Defaults that only the workflow knows: a container is not told them.
const DEFAULTS: [(&str, &str); 2] =
    [(GITHUB_TOKEN.input().name, "${{ github.token }}"), (MATRIX.name(), "${{ toJSON(matrix) }}")];

/// One input of the action. No other input has a default here: GitHub would set its variable, which would
/// take precedence over the suite file. An empty variable counts as not set.
fn input(input: &Input) -> String {
    let default = DEFAULTS.iter().find(|(name, _)| *name == input.name);
    let default = default.map(|(_, value)| format!("    default: {value}\n")).unwrap_or_default();
    format!(
        "  {}:\n    description: {}\n    required: false\n{default}",
        input.name,
        yaml_string(&describe(input))
    )
}

fn output(output: OutputName) -> String {
    format!("  {}:\n    description: {}\n", output.as_str(), yaml_string(output.help()))
}

#[cfg(test)]
mod tests {
    use ::config::{FileFormat, Format as _, ValueKind};

    use super::*;
    use crate::reference::tests::table;

    #[test]
    fn action_yml_is_up_to_date() {
        let file = include_str!("../../../../action.yml");
        assert!(file == render(), "action.yml is not what it should be: make docs");
    }

    #[test]
    fn it_is_yaml_with_every_input_and_output() {
        let root = FileFormat::Yaml.parse(None, &render()).unwrap();
        let inputs = table(&root["inputs"]);
        assert_eq!(inputs.len(), INPUTS.len());
        for input in INPUTS {
            let told = table(&inputs[input.name]);
            assert_eq!(told["description"].kind, ValueKind::String(describe(input)), "{}", input.name);
            assert_eq!(told["required"].kind, ValueKind::Boolean(false));
            let default = told.get("default").map(|default| default.kind.clone());
            let expected = DEFAULTS.iter().find(|(name, _)| *name == input.name);
            assert_eq!(default, expected.map(|(_, value)| ValueKind::String((*value).to_owned())));
        }
        assert!(DEFAULTS.iter().all(|(name, _)| inputs.contains_key(*name)));
        let outputs = table(&root["outputs"]);
        assert_eq!(outputs.len(), OutputName::ALL.len());
        assert!(OutputName::ALL.into_iter().all(|output| outputs.contains_key(output.as_str())));
    }

    #[test]
    fn it_reads_well() {
        let text = render();
        assert!(
            text.contains(concat!(
                "  queue-timeout:\n",
                "    description: \"faultgate gives up an experiment that its engine leaves pending for longer than this. ",
                "Value: a duration such as 90s, 5m or 1h30m, from 1s to 12h. Default: 5m.\"\n",
                "    required: false\n"
            )),
            "{text}"
        );
    }
}
