"""The buildspec as one shell's script, as CodeBuild carries it out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pipelines import TEMPLATES

BUILDSPEC: dict[str, Any] = yaml.safe_load((TEMPLATES / "codebuild" / "buildspec.yml").read_text(encoding="utf-8"))
PHASES = ("install", "pre_build", "build", "post_build")


def script(environment_file: Path) -> str:
    """The build as one shell's script. The exit code is that of the phases; the environment is left in a file."""
    lines = ["failed=0"]
    for phase in PHASES:
        told = BUILDSPEC["phases"].get(phase, {})
        for command in told.get("commands", []):
            lines += [f'if [ "$failed" -eq 0 ]; then\n{command}\n[ "$?" -eq 0 ] || failed=1\nfi']
        for command in told.get("finally", []):
            lines += [command, '[ "$?" -eq 0 ] || failed=1']
    return "\n".join([*lines, f"env > '{environment_file}'", 'exit "$failed"', ""])


def exported(environment_file: Path) -> dict[str, str]:
    """The variables that the buildspec exports, as the shell of the build has left them."""
    lines = environment_file.read_text(encoding="utf-8").splitlines()
    environment = dict(line.split("=", 1) for line in lines if "=" in line)
    return {name: environment[name] for name in BUILDSPEC["env"]["exported-variables"] if name in environment}


def report(source: Path) -> Path:
    """The file of the report group."""
    (group,) = BUILDSPEC["reports"].values()
    assert group["file-format"] == "JUNITXML"
    (name,) = group["files"]
    return source / group["base-directory"] / name


def artifacts(source: Path) -> set[str]:
    told = BUILDSPEC["artifacts"]
    return {path.name for pattern in told["files"] for path in (source / told["base-directory"]).glob(pattern)}
