"""What the templates name of faultgate exists: inputs, outputs, variables, the version."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pipelines import ROOT, TEMPLATES

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["package"]["version"]
WORKFLOWS = sorted((TEMPLATES / "github").rglob("*.yml"))
PIPELINES = sorted((TEMPLATES / "gitlab").rglob("*.yml")) + [TEMPLATES / "codebuild" / "buildspec.yml"]
FLEETS = sorted((TEMPLATES / "fan-out").rglob("*.yml"))
OUTPUTS = {f"FAULTGATE_{name.upper().replace('-', '_')}" for name in ACTION["outputs"]}
INPUTS = {f"FAULTGATE_{name.upper().replace('-', '_')}" for name in ACTION["inputs"]}


def steps(workflow: Path) -> Iterator[dict[str, Any]]:
    for job in yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values():
        yield from job["steps"]


def name(path: Path) -> str:
    return str(path.relative_to(TEMPLATES))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=name)
def test_steps_give_inputs_and_read_outputs_that_the_action_has(workflow: Path) -> None:
    if workflow.name == "fleet.yml" and "only" not in ACTION["inputs"]:
        pytest.skip("the action runs no part of a plan yet")
    ours = [step for step in steps(workflow) if step.get("uses", "").startswith("faultgate/")]
    for step in ours:
        assert step["uses"] == f"faultgate/faultgate@v{VERSION}"
        assert set(step["with"]) <= set(ACTION["inputs"])
    ids = [step["id"] for step in ours if "id" in step]
    read = re.findall(r"steps\.([\w-]+)\.outputs\.([\w-]+)", workflow.read_text(encoding="utf-8"))
    assert all(output in ACTION["outputs"] for step, output in read if step in ids)


@pytest.mark.parametrize("pipeline", PIPELINES, ids=name)
def test_variables_are_inputs_or_outputs(pipeline: Path) -> None:
    assert set(re.findall(r"FAULTGATE_[A-Z_]+", pipeline.read_text(encoding="utf-8"))) <= INPUTS | OUTPUTS


@pytest.mark.skipif(not {"only", "results"} <= set(ACTION["inputs"]), reason="the action runs no part of a plan yet")
@pytest.mark.parametrize("fleet", FLEETS, ids=name)
def test_variables_of_fleets_are_inputs_or_outputs(fleet: Path) -> None:
    assert set(re.findall(r"FAULTGATE_[A-Z_]+", fleet.read_text(encoding="utf-8"))) <= INPUTS | OUTPUTS


def test_images_are_those_of_this_version() -> None:
    files = [path for path in TEMPLATES.rglob("*") if path.suffix in (".yml", ".md")]
    tags = {tag for path in files for tag in re.findall(r"ghcr\.io/faultgate/faultgate:([\w.-]+)", path.read_text())}
    version = VERSION.rpartition(".")[0]
    assert tags == {version, f"{version}-nonroot"}


def test_manuals_name_the_action_by_this_version() -> None:
    files = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *TEMPLATES.rglob("*.md")]
    text = "".join(path.read_text(encoding="utf-8") for path in files)
    assert set(re.findall(r"uses: faultgate/faultgate@([\w.-]+)", text)) == {f"v{VERSION}"}


def test_the_table_of_outputs_is_that_of_the_action() -> None:
    page = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([\w-]+)` \| (.*?) \| (?:none|`(\w+)`) \|$", page, re.MULTILINE)
    assert {name: text for name, text, _ in listed} == {name: each["description"] for name, each in ACTION["outputs"].items()}
    assert {variable for _, _, variable in listed} - {""} == OUTPUTS - INPUTS
