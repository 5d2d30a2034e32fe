"""The GitLab templates as pipelines: gitlab-ci-local runs them with its shell executor against embedded endpoints."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from gitlab import COMPONENT, FIS, HARNESS, STEPS, repository, rolled_back
from pipelines import PATIENCE, REPORTS, Machine, dotenv, served


class Project:
    """A repository, and a machine that runs its pipeline."""

    def __init__(self, home: Path, endpoints: dict[str, str], pipeline: str) -> None:
        self.machine = Machine(home, endpoints)
        self.repository = repository(home, pipeline, self.machine.environment, "--force-shell-executor")
        self.report = self.repository.folder / "faultgate-report"

    def start(self) -> subprocess.Popen[str]:
        return self.repository.start()

    def run(self) -> tuple[int, str]:
        return self.repository.run()

    def verdict(self) -> str:
        return json.loads((self.report / "result.json").read_text(encoding="utf-8"))["gate"]["verdict"]


@pytest.mark.parametrize("pipeline", [COMPONENT, FIS], ids=["component", "include"])
def test_a_pipeline_goes_on_where_the_gate_says_yes(tmp_path: Path, pipeline: str) -> None:
    with served("completed") as endpoints:
        shop = Project(tmp_path, endpoints, pipeline)
        code, log = shop.run()
    assert code == 0, log
    assert shop.verdict() == "passed" and rolled_back(log) is None, log
    assert shop.machine.called() == ["run", "stop"], log
    assert REPORTS <= {path.name for path in shop.report.iterdir()}
    assert dotenv(shop.report / "faultgate.env")["FAULTGATE_VERDICT"] == "passed"


@pytest.mark.parametrize("pipeline", [COMPONENT, FIS], ids=["component", "include"])
def test_a_pipeline_rolls_back_where_the_gate_says_no(tmp_path: Path, pipeline: str) -> None:
    with served("stop-condition") as endpoints:
        shop = Project(tmp_path, endpoints, pipeline)
        code, log = shop.run()
    assert code == 1, log
    assert shop.verdict() == "failed" and rolled_back(log) == "failed", log
    assert shop.machine.called() == ["run", "stop"], log


def test_the_component_takes_its_inputs(tmp_path: Path) -> None:
    more = '      expected-resilience-score: "101"\n      report-dir: out\n      job-name: gate\n'
    with served("completed") as endpoints:
        shop = Project(tmp_path, endpoints, COMPONENT.replace("stages:", f"{more}stages:"))
        code, log = shop.run()
    assert code == 1 and "FAULTGATE_EXPECTED_RESILIENCE_SCORE" in log, log
    assert "FAIL  gate" in log and rolled_back(log) == "", log
    assert shop.machine.called() == ["run", "stop"], log


def test_a_cancelled_job_stops_its_experiment_and_then_what_is_left(tmp_path: Path) -> None:
    with served("completed", "--fault", "10m") as endpoints:
        shop = Project(tmp_path, endpoints, COMPONENT)
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
        shop = Project(tmp_path, endpoints, STEPS)
        code, log = shop.run()
    assert code == 0, log
    assert shop.verdict() == "passed" and rolled_back(log) is None, log
    assert shop.machine.called() == ["launch", "monitor", "score", "stop"], log


def test_the_last_of_three_jobs_is_the_gate(tmp_path: Path) -> None:
    with served("stop-condition") as endpoints:
        shop = Project(tmp_path, endpoints, STEPS)
        code, log = shop.run()
    assert code == 1, log
    assert shop.verdict() == "failed" and rolled_back(log) == "failed", log
    assert {"launch", "monitor", "score", "stop"} <= set(shop.machine.called()), log


def test_where_a_job_between_fails_nothing_is_left_running(tmp_path: Path) -> None:
    with served("completed") as endpoints:
        shop = Project(tmp_path, endpoints, STEPS)
        (shop.repository.folder / "failing-tests").touch()
        shop.repository.git("add", "--all")
        code, log = shop.run()
    assert code == 1 and rolled_back(log) is not None, log
    assert shop.machine.called()[-2:] == ["score", "stop"], log
    state = json.loads((shop.report / "state.json").read_text(encoding="utf-8"))
    assert all(one["phase"] == "over" for one in state["experiments"]), state
    assert all(one["removed"] for one in state["subscriptions"]), state


def test_a_harness_pipeline_rolls_back_where_nothing_could_be_asked(tmp_path: Path) -> None:
    """The variables of Harness's tutorial arrive: only the key is missing. The engine has tests of its own."""
    shop = Project(tmp_path, {}, HARNESS)
    code, log = shop.run()
    assert code == 1, log
    assert "found a mistake in its settings" in log and "FAULTGATE_HARNESS_API_KEY" in log, log
    assert rolled_back(log) == "", log
    assert shop.machine.called() == ["run", "stop"], log
