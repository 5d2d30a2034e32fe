"""The GitLab templates as pipelines: gitlab-ci-local runs them with its shell executor against embedded endpoints."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from pipelines import PATIENCE, REPORTS, ROOT, TEMPLATE_ID, TEMPLATES, Machine, dotenv, served

NODE = Path(os.environ.get("TEMPLATE_TOOLS", ROOT / ".tools" / "ci")) / "node_modules" / ".bin"
COMPONENT = f"""
include:
  - local: ci-templates/gitlab/templates/chaos/template.yml
    inputs:
      experiment-template-id: {TEMPLATE_ID}
      rollback-script: sh scripts/rollback-deploy.sh
stages: [deploy, chaos, rollback]
"""
FIS = f"""
include:
  - local: ci-templates/gitlab/fis.gitlab-ci.yml
variables:
  FIS_TEMPLATE_ID: {TEMPLATE_ID}
  FIS_REGION: us-east-1
"""
STEPS = FIS.replace("fis.gitlab", "steps.gitlab")
HARNESS = """
include:
  - local: ci-templates/gitlab/harness.gitlab-ci.yml
variables:
  ACCOUNT_ID: abcdefghijklmnopqrstuv
  PROJECT_ID: shop
  WORKFLOW_ID: d7c9d243-0219-4f7c-84c2-3004e59e4505
"""


@dataclass
class Project:
    """A repository with a pipeline, and a machine that runs it."""

    folder: Path
    machine: Machine

    def git(self, *words: str) -> None:
        names = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *names, *words], cwd=self.folder, check=True, capture_output=True)

    def start(self) -> subprocess.Popen[str]:
        runner = [NODE / "gitlab-ci-local", "--force-shell-executor", "--no-color"]
        return subprocess.Popen(
            runner,
            cwd=self.folder,
            env=self.machine.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self) -> tuple[int, str]:
        process = self.start()
        log, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, log

    @property
    def report(self) -> Path:
        return self.folder / "faultgate-report"

    def verdict(self) -> str:
        return json.loads((self.report / "result.json").read_text(encoding="utf-8"))["gate"]["verdict"]

    def rolled_back(self) -> str | None:
        """The verdict that the rollback was told."""
        mark = self.folder / "rolled-back"
        return mark.read_text(encoding="utf-8").strip() if mark.exists() else None


def project(home: Path, endpoints: dict[str, str], pipeline: str) -> Project:
    folder = home / "shop"
    shutil.copytree(TEMPLATES / "gitlab", folder / "ci-templates" / "gitlab")
    (folder / ".gitlab-ci.yml").write_text(pipeline, encoding="utf-8")
    (folder / "scripts").mkdir()
    (folder / "scripts" / "deploy.sh").write_text("echo deployed\n", encoding="utf-8")
    (folder / "scripts" / "test.sh").write_text("test ! -e failing-tests\n", encoding="utf-8")
    # The variables of the chaos job's dotenv report.
    rollback = 'echo "$FAULTGATE_VERDICT" > rolled-back\n'
    (folder / "scripts" / "rollback-deploy.sh").write_text(rollback, encoding="utf-8")
    made = Project(folder, Machine(home, endpoints))
    made.git("init", "--quiet")
    made.git("remote", "add", "origin", "https://gitlab.example.com/shop/web.git")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "pipeline")
    return made


@pytest.mark.parametrize("pipeline", [COMPONENT, FIS], ids=["component", "include"])
def test_a_pipeline_goes_on_where_the_gate_says_yes(tmp_path: Path, pipeline: str) -> None:
    with served("completed") as endpoints:
        shop = project(tmp_path, endpoints, pipeline)
        code, log = shop.run()
    assert code == 0, log
    assert shop.verdict() == "passed" and shop.rolled_back() is None, log
    assert shop.machine.called() == ["run", "stop"], log
    assert REPORTS <= {path.name for path in shop.report.iterdir()}
    assert dotenv(shop.report / "faultgate.env")["FAULTGATE_VERDICT"] == "passed"


@pytest.mark.parametrize("pipeline", [COMPONENT, FIS], ids=["component", "include"])
def test_a_pipeline_rolls_back_where_the_gate_says_no(tmp_path: Path, pipeline: str) -> None:
    with served("stop-condition") as endpoints:
        shop = project(tmp_path, endpoints, pipeline)
        code, log = shop.run()
    assert code == 1, log
    assert shop.verdict() == "failed" and shop.rolled_back() == "failed", log
    assert shop.machine.called() == ["run", "stop"], log


def test_the_component_takes_its_inputs(tmp_path: Path) -> None:
    more = '      expected-resilience-score: "101"\n      report-dir: out\n      job-name: gate\n'
    with served("completed") as endpoints:
        shop = project(tmp_path, endpoints, COMPONENT.replace("stages:", f"{more}stages:"))
        code, log = shop.run()
    assert code == 1 and "FAULTGATE_EXPECTED_RESILIENCE_SCORE" in log, log
    assert "FAIL  gate" in log and shop.rolled_back() == "", log
    assert shop.machine.called() == ["run", "stop"], log


def test_a_cancelled_job_stops_its_experiment_and_then_what_is_left(tmp_path: Path) -> None:
    with served("completed", "--fault", "10m") as endpoints:
        shop = project(tmp_path, endpoints, COMPONENT)
        process = shop.start()
        assert process.stdout
        # GitLab's runner signals the processes of the job one by one; `exec` has left no shell before faultgate.
        lines = []
        for line in process.stdout:
            lines.append(line)
            if " running [event]" in line:
                os.kill(shop.machine.first_pid(), signal.SIGTERM)
        process.wait(PATIENCE)
        log = "".join(lines)
    assert "chaos finished" in " ".join(log.split()) and "FAIL 143" in log, log
    assert shop.verdict() == "cancelled", log
    assert shop.machine.called() == ["run", "stop"], log


def test_three_jobs_do_what_one_does(tmp_path: Path) -> None:
    with served("completed") as endpoints:
        shop = project(tmp_path, endpoints, STEPS)
        code, log = shop.run()
    assert code == 0, log
    assert shop.verdict() == "passed" and shop.rolled_back() is None, log
    assert shop.machine.called() == ["launch", "monitor", "score", "stop"], log


def test_the_last_of_three_jobs_is_the_gate(tmp_path: Path) -> None:
    with served("stop-condition") as endpoints:
        shop = project(tmp_path, endpoints, STEPS)
        code, log = shop.run()
    assert code == 1, log
    assert shop.verdict() == "failed" and shop.rolled_back() == "failed", log
    assert {"launch", "monitor", "score", "stop"} <= set(shop.machine.called()), log


def test_where_a_job_between_fails_nothing_is_left_running(tmp_path: Path) -> None:
    with served("completed") as endpoints:
        shop = project(tmp_path, endpoints, STEPS)
        (shop.folder / "failing-tests").touch()
        shop.git("add", "--all")
        code, log = shop.run()
    assert code == 1 and shop.rolled_back() is not None, log
    assert shop.machine.called()[-2:] == ["score", "stop"], log
    state = json.loads((shop.report / "state.json").read_text(encoding="utf-8"))
    assert all(one["phase"] == "over" for one in state["experiments"]), state
    assert all(one["removed"] for one in state["subscriptions"]), state


def test_a_harness_pipeline_rolls_back_where_nothing_could_be_asked(tmp_path: Path) -> None:
    """The variables of Harness's tutorial arrive: only the key is missing. The engine has tests of its own."""
    shop = project(tmp_path, {}, HARNESS)
    code, log = shop.run()
    assert code == 1, log
    assert "found a mistake in its settings" in log and "FAULTGATE_HARNESS_API_KEY" in log, log
    assert shop.rolled_back() == "", log
    assert shop.machine.called() == ["run", "stop"], log
