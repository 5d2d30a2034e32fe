"""Buildspecs as one shell's script, as CodeBuild carries them out: the one to copy, and those inside of stacks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from stacks import TEMPLATES, load

PHASES = ("install", "pre_build", "build", "post_build")
STACKS = {"pipeline": "codepipeline/pipeline.yml", "container": "step-functions/container.yml"}


@dataclass
class Buildspec:
    told: dict[str, Any]

    @property
    def shell(self) -> str:
        return str(self.told["env"].get("shell", "/bin/sh"))

    @property
    def variables(self) -> dict[str, str]:
        return dict(self.told["env"].get("variables", {}))

    @property
    def exports(self) -> list[str]:
        return list(self.told["env"].get("exported-variables", []))

    def commands(self) -> list[str]:
        """All commands, in order, whatever came before."""
        phases = self.told["phases"].values()
        return [line for phase in phases for line in phase.get("commands", []) + phase.get("finally", [])]

    def script(self, environment_file: Path) -> str:
        """The build as one shell's script. The exit code is that of the phases; the environment is left in a file."""
        lines = ["failed=0"]
        for phase in PHASES:
            told = self.told["phases"].get(phase, {})
            for command in told.get("commands", []):
                lines += [f'if [ "$failed" -eq 0 ]; then\n{command}\n[ "$?" -eq 0 ] || failed=1\nfi']
            for command in told.get("finally", []):
                lines += [command, '[ "$?" -eq 0 ] || failed=1']
        return "\n".join([*lines, f"env > '{environment_file}'", 'exit "$failed"', ""])

    def exported(self, environment_file: Path) -> dict[str, str]:
        """The variables that the build exports, as its shell has left them."""
        lines = environment_file.read_text(encoding="utf-8").splitlines()
        environment = dict(line.split("=", 1) for line in lines if "=" in line)
        return {name: environment[name] for name in self.exports if name in environment}

    def report(self, source: Path) -> Path:
        """The file of the report group."""
        (group,) = self.told["reports"].values()
        assert group.get("file-format", "JUNITXML") == "JUNITXML"
        (name,) = group["files"]
        return source / group["base-directory"] / name

    def artifacts(self, source: Path) -> set[str]:
        told = self.told.get("artifacts", {"files": []})
        return {path.name for pattern in told["files"] for path in (source / told["base-directory"]).glob(pattern)}

    def cached(self, source: Path) -> set[str]:
        paths = self.told.get("cache", {"paths": []})["paths"]
        return {str(path.relative_to(source)) for pattern in paths for path in source.glob(pattern) if path.is_file()}


def of_stack(name: str) -> Buildspec:
    source = load(name)["Resources"]["Project"]["Properties"]["Source"]["BuildSpec"]["Fn::Sub"]
    return Buildspec(yaml.safe_load(source.replace("${Reports.Arn}", "arn")))


BUILDSPECS = {
    "file": Buildspec(yaml.safe_load((TEMPLATES / "codebuild" / "buildspec.yml").read_text(encoding="utf-8"))),
    **{name: of_stack(stack) for name, stack in STACKS.items()},
}
