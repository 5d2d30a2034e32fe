"""The GitLab templates as pipelines: gitlab-ci-local runs them with its shell executor against embedded endpoints. It
knows no resource groups, and a job that triggers a pipeline always passes: what GitLab makes of both is in
test_gitlab_order.py."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import sys
from pathlib import Path

import pytest
from gitlab import COMPONENT, FIS, FLEET, HARNESS, STEPS, Project, rolled_back
from pipelines import PATIENCE, REPORTS, TEMPLATE_ID, binary, dotenv, plans, served


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
        _, log = shop.run()
    assert shop.verdict() == "failed" and rolled_back(log) == "failed", log
    assert "FAIL  score-job" in log, log
    assert {"launch", "monitor", "score", "stop"} <= set(shop.machine.called()), log


def test_where_a_job_between_fails_nothing_is_left_running(tmp_path: Path) -> None:
    with served("completed") as endpoints:
        shop = Project(tmp_path, endpoints, STEPS)
        shop.repository.write("failing-tests", "")
        _, log = shop.run()
    assert "FAIL  test-job" in log and rolled_back(log) is not None, log
    assert shop.machine.called()[-2:] == ["score", "stop"], log
    state = json.loads((shop.report / "state.json").read_text(encoding="utf-8"))
    assert all(one["phase"] == "over" for one in state["experiments"]), state
    assert all(one["removed"] for one in state["subscriptions"]), state


def test_what_was_launched_is_stopped_although_the_runner_that_watched_got_lost(tmp_path: Path) -> None:
    with served("completed", "--fault", "10m") as endpoints:
        shop = Project(tmp_path, endpoints, STEPS, "--shell-isolation")
        # Nothing is uploaded.
        shop.machine.instead_of("monitor", "rm -rf faultgate-report; exit 1")
        _, log = shop.run()
    assert shop.machine.called()[-2:] == ["score", "stop"] and rolled_back(log) is not None, log
    assert "extrehearsal: stopped EXP" in log and "removed the subscription" in log, log


def test_three_jobs_on_machines_of_their_own_do_what_one_does(tmp_path: Path) -> None:
    """The gate is `errored` where it has another state than that of monitor."""
    with served("completed") as endpoints:
        shop = Project(tmp_path, endpoints, STEPS, "--shell-isolation")
        _, log = shop.run()
    assert "PASSED: resilience score 100" in log and rolled_back(log) is None, log


@pytest.mark.parametrize("pipeline", [COMPONENT, FIS], ids=["component", "include"])
def test_nothing_is_rolled_back_where_nothing_was_launched_for_a_mistake(tmp_path: Path, pipeline: str) -> None:
    with served("completed") as endpoints:
        shop = Project(tmp_path, endpoints, pipeline)
        shop.repository.write(".faultgate.yml", "version: 1\nexpeted: 3\n")
        code, log = shop.run()
    assert code == 1 and rolled_back(log) is None, log
    assert "Nothing is rolled back: nothing was launched" in log, log


@pytest.mark.parametrize("pipeline", [COMPONENT, FIS], ids=["component", "include"])
def test_nothing_is_rolled_back_where_the_job_fails_after_the_gate_has_said_yes(tmp_path: Path, pipeline: str) -> None:
    with served("completed") as endpoints:
        shop = Project(tmp_path, endpoints, pipeline)
        shop.machine.fail_after("run")
        code, log = shop.run()
    assert code == 1 and shop.verdict() == "passed", log
    assert rolled_back(log) is None and "Nothing is rolled back: the gate has said yes" in log, log
    assert re.search("FAIL  rollback-(job|chaos)", log), log


@pytest.mark.parametrize("pipeline", [COMPONENT, FIS, HARNESS], ids=["component", "include", "harness"])
def test_nothing_is_known_of_what_was_deployed_where_there_is_no_verdict(tmp_path: Path, pipeline: str) -> None:
    shop = Project(tmp_path, {}, pipeline)
    shop.machine.fail_before()
    code, log = shop.run()
    assert code == 1 and rolled_back(log) == "", log


fleet = pytest.mark.skipif(not plans(), reason="this binary has no plan to merge by")


@fleet
@pytest.mark.parametrize(("scenario", "verdict"), [("completed", "passed"), ("stop-condition", "failed")])
def test_a_plan_becomes_a_child_pipeline_with_one_gate(tmp_path: Path, scenario: str, verdict: str) -> None:
    names = ["one", "two", "three"]
    lines = [f"  - {{ name: {name}, fis: {{ template: {TEMPLATE_ID} }} }}\n" for name in names]
    # gitlab-ci-local takes a variable's value alone, and knows no artifacts of another pipeline: the plan is there already.
    plain = tmp_path / "plain.py"
    plain.write_text(
        "import json, sys\nchild = json.load(sys.stdin)\nfor job in child.values():\n    if isinstance(job, dict):\n"
        "        for name, each in job.get('variables', {}).items():\n"
        "            job['variables'][name] = each['value'] if isinstance(each, dict) else each\n"
        "del child['plan']['needs']\nprint(json.dumps(child))\n",
        encoding="utf-8",
    )
    with served(scenario) as endpoints:
        shop = Project(tmp_path, endpoints, FLEET)
        shop.machine.instead_of(
            '"plan --format gitlab --jobs 20 --max-parallel 1 --save plan.jsonl"',
            f'{shlex.quote(str(binary()))} "$@" | {shlex.quote(sys.executable)} {shlex.quote(str(plain))}; exit $?',
        )
        shop.repository.write(".faultgate.yml", "version: 1\nexperiments:\n" + "".join(lines))
        _, log = shop.run()
    called = shop.machine.called()
    assert (called[0].split()[0], called.count("run"), called[-1].split()[0]) == ("plan", 3, "report"), log
    assert shop.verdict() == verdict, log
    merged = json.loads((shop.report / "result.json").read_text(encoding="utf-8"))
    assert {each["name"] for each in merged["experiments"]} == set(names)
    assert ("FAIL  gate" in log) == (verdict != "passed"), log
