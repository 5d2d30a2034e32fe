"""Every template of ours that has an FIS experiment is clean under `faultgate lint`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from pipelines import PATIENCE, TEMPLATES, binary

RESOURCE = "AWS::FIS::ExperimentTemplate"
STACKS = sorted(
    path
    for path in TEMPLATES.rglob("*")
    if path.suffix in {".yml", ".yaml", ".json"} and f"Type: {RESOURCE}\n" in path.read_text(encoding="utf-8")
)


def lint(path: Path) -> subprocess.CompletedProcess[str]:
    command = [binary(), "lint", "--fail-on", "warning", path]
    return subprocess.run(command, env={}, capture_output=True, text=True, check=False, timeout=PATIENCE)


def test_there_are_some() -> None:
    assert TEMPLATES / "codepipeline" / "pipeline.yml" in STACKS


@pytest.mark.parametrize("stack", STACKS, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_no_rule_of_level_error_or_warning_is_broken(stack: Path) -> None:
    ended = lint(stack)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("stack", STACKS, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_without_its_alarm_it_is_not_clean(stack: Path, tmp_path: Path) -> None:
    text = stack.read_text(encoding="utf-8")
    assert "aws:cloudwatch:alarm" in text
    bare = tmp_path / stack.name
    bare.write_text(text.replace("aws:cloudwatch:alarm", "none"), encoding="utf-8")
    ended = lint(bare)
    assert (ended.returncode, "error[stop-condition]" in ended.stdout) == (1, True), ended.stdout + ended.stderr
