"""What the builds of a fleet do: each buildspec by CodeBuild's schema, and carried out with a faultgate of the test's."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml
from codebuild import Buildspec
from stacks import load, states

STACK = load("fan-out/step-functions/container.yml")["Resources"]
SCHEMA = json.loads(Path(__file__).with_name("buildspec.schema.json").read_text(encoding="utf-8"))
TEXTS = {"Experiment": STACK["Project"]["Properties"]["Source"]["BuildSpec"]} | {
    name: state["Arguments"]["BuildspecOverride"]
    for machine in ("Fleet", "Sweeper")
    for name, state in states(STACK[machine]["Properties"]["Definition"]).items()
    if "BuildspecOverride" in state.get("Arguments", {})
}
RESULT = "mkdir -p faultgate-report; echo FAULTGATE_VERDICT={verdict} > faultgate-report/faultgate.env; exit {code}"


def carried_out(name: str, tmp_path: Path, fake: str, **variables: str) -> tuple[int, list[str], dict[str, str]]:
    """Exit code, how faultgate was called, and what the build exports."""
    told = yaml.safe_load(TEXTS[name])
    build = Buildspec(told | {"env": told.get("env", {"exported-variables": []})})
    command = tmp_path / "faultgate"
    command.write_text(f'#!/bin/sh\necho "$*" >> "{tmp_path}/calls"\ncase "$1" in stop) exit 0;; esac\n{fake}\n', encoding="utf-8")
    command.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **variables}
    script = build.script(tmp_path / "environment")
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment, check=False)
    calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
    return done.returncode, calls, build.exported(tmp_path / "environment")


@pytest.mark.parametrize("name", TEXTS)
def test_codebuild_takes_it(name: str) -> None:
    jsonschema.validate(yaml.safe_load(TEXTS[name]), SCHEMA)


def test_these_are_all() -> None:
    assert set(TEXTS) == {"Experiment", "Plan", "Merge", "Sweep"}


@pytest.mark.parametrize(("verdict", "code"), [("passed", 0), ("failed", 1), ("errored", 3)])
def test_an_experiment_tells_its_verdict_whatever_it_is(verdict: str, code: int, tmp_path: Path) -> None:
    ended, calls, told = carried_out("Experiment", tmp_path, RESULT.format(verdict=verdict, code=code))
    assert (ended == 0, calls, told) == (code == 0, ["", "stop"], {"FAULTGATE_VERDICT": verdict})


def test_an_experiment_that_died_tells_no_verdict_and_stops_what_is_left(tmp_path: Path) -> None:
    ended, calls, told = carried_out("Experiment", tmp_path, "kill -9 $$")
    assert (ended, calls, told) == (1, ["", "stop"], {})


def test_the_plan_is_an_artifact(tmp_path: Path) -> None:
    ended, calls, _ = carried_out("Plan", tmp_path, "echo '{}'")
    assert (ended, calls) == (0, ["plan --format jsonl"])
    assert [(tmp_path / name).read_text() for name in yaml.safe_load(TEXTS["Plan"])["artifacts"]["files"]] == ["{}\n"]
    assert carried_out("Plan", tmp_path, "exit 2")[0] == 1


@pytest.mark.parametrize(("verdict", "code"), [("passed", 0), ("failed", 1)])
def test_the_merge_tells_the_verdict(verdict: str, code: int, tmp_path: Path) -> None:
    variables = {"RESULTS": "s3://b/runs/r/results/", "PLAN": "s3://b/plan.jsonl", "TOLERATE": "5%"}
    ended, calls, told = carried_out("Merge", tmp_path, RESULT.format(verdict=verdict, code=code), **variables)
    assert calls == ["report --merge s3://b/runs/r/results/ --plan s3://b/plan.jsonl --tolerate 5%"]
    assert (ended == 0, told) == (code == 0, {"FAULTGATE_VERDICT": verdict})


def test_the_sweep_is_of_its_run_alone(tmp_path: Path) -> None:
    assert carried_out("Sweep", tmp_path, "", RUN="nightly")[1] == ["stop --all --environment nightly"]
