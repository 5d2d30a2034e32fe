"""The buildspecs, carried out as CodeBuild does: one shell for all commands, `finally` whatever happened, variables of that
shell exported, reports and artifacts collected."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from codebuild import BUILDSPECS, Buildspec
from pipelines import PATIENCE, REPORTS, ROOT, TEMPLATE_ID, Machine, dotenv, served


@dataclass
class Build:
    """A build that has ended."""

    code: int
    log: str
    exported: dict[str, str]
    source: Path
    machine: Machine
    buildspec: Buildspec

    def report(self) -> ElementTree.Element:
        return ElementTree.parse(self.buildspec.report(self.source)).getroot()

    def result(self) -> dict[str, Any]:
        return json.loads((self.source / "faultgate-report" / "result.json").read_text(encoding="utf-8"))


class Project:
    """A CodeBuild project whose source is a folder."""

    def __init__(self, home: Path, endpoints: dict[str, str], buildspec: Buildspec, **variables: str) -> None:
        self.buildspec = buildspec
        self.source, self.environment_file = home / "src", home / "environment"
        self.source.mkdir(parents=True)
        self.machine = Machine(home, endpoints)
        # Variables of the project and of the build stand over those of the buildspec. The pipeline's hands its template on.
        self.variables = buildspec.variables | variables
        if buildspec is PIPELINE and "FAULTGATE_EXPERIMENT_TEMPLATE_ID" in variables:
            self.variables["EXPERIMENT_TEMPLATE_ID"] = self.variables.pop("FAULTGATE_EXPERIMENT_TEMPLATE_ID")
        self.variables |= {"CODEBUILD_BUILD_ID": "chaos:1", "CODEBUILD_SRC_DIR": str(self.source)}

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.buildspec.shell, "-c", self.buildspec.script(self.environment_file)],
            cwd=self.source,
            env=self.machine.environment | self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self, process: subprocess.Popen[str]) -> Build:
        log, _ = process.communicate(timeout=PATIENCE)
        told = self.buildspec.exported(self.environment_file)
        return Build(process.returncode, log, told, self.source, self.machine, self.buildspec)

    def run(self) -> Build:
        return self.finish(self.start())


@pytest.fixture(params=BUILDSPECS)
def buildspec(request: pytest.FixtureRequest) -> Buildspec:
    return BUILDSPECS[request.param]


@pytest.mark.parametrize(("scenario", "code", "verdict"), [("completed", 0, "passed"), ("stop-condition", 1, "failed")])
def test_a_build_ends_as_the_gate_decides_and_exports_why(
    tmp_path: Path, buildspec: Buildspec, scenario: str, code: int, verdict: str
) -> None:
    with served(scenario) as endpoints:
        build = Project(tmp_path, endpoints, buildspec, FAULTGATE_EXPERIMENT_TEMPLATE_ID=TEMPLATE_ID).run()
    assert build.code == code, build.log
    assert build.machine.called() == ["run", "stop"], build.log
    assert set(build.exported) == set(buildspec.exports)
    assert build.exported["FAULTGATE_VERDICT"] == verdict
    told = dotenv(build.source / "faultgate-report" / "faultgate.env")
    assert build.exported.pop("LAUNCHED", "yes") == "yes"
    assert build.exported.items() <= told.items()
    assert REPORTS <= buildspec.artifacts(build.source)
    cases = build.report().findall(".//testcase")
    assert 0 < len(cases) <= 500
    assert bool(build.report().findall(".//failure")) == (code == 1)


def test_a_build_with_mistakes_in_its_settings_still_stops(tmp_path: Path, buildspec: Buildspec) -> None:
    build = Project(tmp_path, {}, buildspec, FAULTGATE_TIMEOUT="never").run()
    assert build.code == 1 and "FAULTGATE_TIMEOUT" in build.log, build.log
    assert build.machine.called() == ["run", "stop"], build.log
    assert build.exported == ({"LAUNCHED": "no"} if buildspec is PIPELINE else {})


def test_a_build_whose_run_was_killed_still_stops(tmp_path: Path, buildspec: Buildspec) -> None:
    with served("completed", "--fault", "10m") as endpoints:
        project = Project(tmp_path, endpoints, buildspec, FAULTGATE_EXPERIMENT_TEMPLATE_ID=TEMPLATE_ID)
        process = project.start()
        assert process.stdout
        for line in process.stdout:
            if " running [event]" in line:
                break
        os.kill(project.machine.first_pid(), signal.SIGKILL)
        build = project.finish(process)
    assert build.code == 1, build.log
    assert build.machine.called() == ["run", "stop"], build.log


# --- what the pipeline's build does besides

PIPELINE = BUILDSPECS["pipeline"]
SUITE = """version: 1
experiments:
  - name: of-the-suite
    fis: { template: "${EXPERIMENT_TEMPLATE_ID}" }
"""


def test_a_run_of_the_pipeline_is_compared_with_the_last_that_passed(tmp_path: Path) -> None:
    named = {"FAULTGATE_EXPERIMENT_TEMPLATE_ID": TEMPLATE_ID}
    with served("completed") as endpoints:
        first = Project(tmp_path / "first", endpoints, PIPELINE, **named).run()
        assert first.code == 0, first.log
        (kept,) = PIPELINE.cached(first.source)
        second = Project(tmp_path / "second", endpoints, PIPELINE, **named)
        (second.source / kept).parent.mkdir()
        shutil.copy(first.source / kept, second.source / kept)
        build = second.run()
    assert build.code == 0, build.log
    assert "comparison" not in first.result()
    earlier = build.result()["comparison"]["earlier"]
    assert earlier["id"] == first.result()["run"]["id"]


@pytest.mark.parametrize(
    ("claimed", "runs"), [("one", True), ("two", False), ("taken off: one", False), ("nobody", False), ("", False)]
)
def test_a_build_judges_what_its_own_delivery_has_brought_and_nothing_else(tmp_path: Path, claimed: str, runs: bool) -> None:
    with served("completed") as endpoints:
        named = {"FAULTGATE_EXPERIMENT_TEMPLATE_ID": TEMPLATE_ID, "CODEPIPELINE_EXECUTION_ID": "one", "CLAIMED_BY": claimed}
        build = Project(tmp_path, endpoints, PIPELINE, **named).run()
    assert build.code == (0 if runs else 1), build.log
    assert build.machine.called() == (["run", "stop"] if runs else ["stop"])
    if not runs:
        assert build.exported["LAUNCHED"] == "no" and "nothing was launched" in build.exported["FAULTGATE_REASON"]
        assert f"does not run this commit ({claimed})" in build.log and "release a change" in build.log


def test_a_run_that_did_not_pass_is_not_kept(tmp_path: Path) -> None:
    with served("stop-condition") as endpoints:
        build = Project(tmp_path, endpoints, PIPELINE, FAULTGATE_EXPERIMENT_TEMPLATE_ID=TEMPLATE_ID).run()
    assert build.code == 1
    assert PIPELINE.cached(build.source) == set()


@pytest.mark.parametrize("name", [".faultgate.yml", ".faultgate.yaml"])
def test_a_suite_of_the_repository_goes_before_the_pipelines_experiment(tmp_path: Path, name: str) -> None:
    with served("completed") as endpoints:
        project = Project(tmp_path, endpoints, PIPELINE, FAULTGATE_EXPERIMENT_TEMPLATE_ID=TEMPLATE_ID)
        (project.source / name).write_text(SUITE, encoding="utf-8")
        build = project.run()
    assert build.code == 0, build.log
    assert [each["name"] for each in build.result()["experiments"]] == ["of-the-suite"]


def test_a_suite_without_experiments_only_sets_the_gate(tmp_path: Path) -> None:
    with served("completed") as endpoints:
        project = Project(tmp_path, endpoints, PIPELINE, FAULTGATE_EXPERIMENT_TEMPLATE_ID=TEMPLATE_ID)
        (project.source / ".faultgate.yml").write_text("version: 1\ntimeout: 7m\n", encoding="utf-8")
        build = project.run()
    assert build.code == 0, build.log
    assert len(build.result()["experiments"]) == 1


def test_the_commands_are_sound_shell(buildspec: Buildspec) -> None:
    tool = shutil.which("shellcheck", path=f"{ROOT / '.tools' / 'lint' / 'bin'}:{os.environ['PATH']}")
    assert tool, "shellcheck is missing: make lint-templates installs it"
    for command in buildspec.commands():
        ended = subprocess.run(
            # The sourced file is made by the run, and one command sets what another reads.
            [tool, "--shell=sh", "--exclude=SC1090,SC1091,SC2034,SC2154", "-"],
            input=f"{command}\n", capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout
