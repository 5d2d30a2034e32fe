"""CloudFormation templates as data: what is rendered of them is what the service would be given."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

TEMPLATES = Path(__file__).parents[2] / "ci-templates"
FILES = [
    "codepipeline/pipeline.yml",
    "step-functions/container.yml",
    "step-functions/no-container.yml",
    "sweep/sweep.yml",
    "codepipeline/sample/environment.yml",
    "fan-out/step-functions/container.yml",
    "fan-out/step-functions/no-container.yml",
    "fan-out/step-functions/member-account.yml",
    "fan-out/batch/batch.yml",
    "hub/hub.yml",
    "hub/member-account.yml",
]
ACCOUNT, REGION = "123456789012", "eu-west-1"


class Loader(yaml.SafeLoader):
    """CloudFormation's short forms, as the long ones."""


def _long_form(loader: Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name: value.split(".", 1) if tag == "GetAtt" and isinstance(value, str) else value}


Loader.add_multi_constructor("!", _long_form)


def load(name: str) -> dict[str, Any]:
    return yaml.load((TEMPLATES / name).read_text(), Loader)


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in template["Resources"].items() if each["Type"] == kind}


def definition(template: dict[str, Any], machine: str, **substitutions: str) -> dict[str, Any]:
    """A state machine's definition. Each placeholder must be one that the template fills in, and each must be given."""
    properties = template["Resources"][machine]["Properties"]
    assert set(substitutions) == set(properties.get("DefinitionSubstitutions", {}))
    text = re.sub(
        r"\$\{(\w+)\}", lambda found: substitutions[found[1]], json.dumps(properties["Definition"])
    )
    return json.loads(text)


def hasten(node: Any) -> Any:
    """The same machine with its waits and retries cut short: what it does stays, how long it takes does not."""
    if isinstance(node, list):
        return [hasten(each) for each in node]
    if not isinstance(node, dict):
        return node
    short = {key: hasten(value) for key, value in node.items()}
    if short.get("Type") == "Wait":
        short["Seconds"] = 0
    if short.get("MaxAttempts"):
        short |= {"MaxAttempts": 1, "IntervalSeconds": 1}
    return short


def states(machine: dict[str, Any]) -> dict[str, Any]:
    """All its states, with those inside of Map states."""
    found = {}
    for name, state in machine["States"].items():
        found[name] = state
        if "ItemProcessor" in state:
            found |= states(state["ItemProcessor"])
    return found
