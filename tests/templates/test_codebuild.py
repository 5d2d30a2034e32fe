"""The buildspec, carried out as CodeBuild does: one shell for all commands, `finally` whatever happened, variables of that
shell exported, reports and artifacts collected."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import pytest
from codebuild import BUILDSPEC, artifacts, exported, report, script
from pipelines import PATIENCE, REPORTS, ROOT, TEMPLATE_ID, Machine, dotenv, served


@dataclass
class Build:
    """A build that has ended."""

    code: int
    log: str
    exported: dict[str, str]
    source: Path
    machine: Machine

    def report(self) -> ElementTree.Element:
        return ElementTree.parse(report(self.source)).getroot()


class Project:
    """A CodeBuild project whose source is a folder."""

    def __init__(self, home: Path, endpoints: dict[str, str], **variables: str) -> None:
        self.source, self.environment_file = home / "src", home / "environment"
        self.source.mkdir()
        self.machine = Machine(home, endpoints)
        # Variables of the project and of the build stand over those of the buildspec.
        self.variables = BUILDSPEC["env"]["variables"] | variables
        self.variables |= {"CODEBUILD_BUILD_ID": "chaos:1", "CODEBUILD_SRC_DIR": str(self.source)}

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [BUILDSPEC["env"]["shell"], "-c", script(self.environment_file)],
            cwd=self.source,
            env=self.machine.environment | self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> Build:
        log, _ = process.communicate(timeout=PATIENCE)
        return Build(process.returncode, log, exported(self.environment_file), self.source, self.machine)


@pytest.mark.parametrize(("scenario", "code", "verdict"), [("completed", 0, "passed"), ("stop-condition", 1, "failed")])
def test_a_build_ends_as_the_gate_decides_and_exports_why(
    tmp_path: Path, scenario: str, code: int, verdict: str
) -> None:
    with served(scenario) as endpoints:
        project = Project(tmp_path, endpoints, FAULTGATE_EXPERIMENT_TEMPLATE_ID=TEMPLATE_ID)
        build = project.finish(project.start())
    assert build.code == code, build.log
    assert build.machine.called() == ["run", "stop"], build.log
    assert set(build.exported) == set(BUILDSPEC["env"]["exported-variables"])
    assert build.exported["FAULTGATE_VERDICT"] == verdict
    told = dotenv(build.source / "faultgate-report" / "faultgate.env")
    assert build.exported.items() <= told.items()
    assert REPORTS <= artifacts(build.source)
    cases = build.report().findall(".//testcase")
    assert 0 < len(cases) <= 500
    assert bool(build.report().findall(".//failure")) == (code == 1)


def test_a_build_with_mistakes_in_its_settings_still_stops(tmp_path: Path) -> None:
    project = Project(tmp_path, {}, FAULTGATE_TIMEOUT="never")
    build = project.finish(project.start())
    assert build.code == 1 and "FAULTGATE_TIMEOUT" in build.log, build.log
    assert build.machine.called() == ["run", "stop"], build.log
    assert build.exported == {}


def test_a_build_whose_run_was_killed_still_stops(tmp_path: Path) -> None:
    with served("completed", "--fault", "10m") as endpoints:
        project = Project(tmp_path, endpoints, FAULTGATE_EXPERIMENT_TEMPLATE_ID=TEMPLATE_ID)
        process = project.start()
        assert process.stdout
        for line in process.stdout:
            if " running [event]" in line:
                break
        os.kill(project.machine.first_pid(), signal.SIGKILL)
        build = project.finish(process)
    assert build.code == 1, build.log
    assert build.machine.called() == ["run", "stop"], build.log


def test_the_commands_are_sound_shell() -> None:
    tool = shutil.which("shellcheck", path=f"{ROOT / '.tools' / 'lint' / 'bin'}:{os.environ['PATH']}")
    assert tool, "shellcheck is missing: make lint-templates installs it"
    phases = BUILDSPEC["phases"].values()
    for command in [line for told in phases for line in told.get("commands", []) + told.get("finally", [])]:
        ended = subprocess.run(
            # The sourced file is made by the run.
            [tool, "--shell=sh", "--exclude=SC1090,SC1091", "-"],
            input=f"{command}\n", capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout
