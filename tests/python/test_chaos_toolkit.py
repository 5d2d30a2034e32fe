"""The engine `command` with the real `chaos` command: its journals, its exit codes and its signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from support import Ended, Faultgate, eventually

CHAOS = shutil.which("chaos", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))


def activity(kind: str, name: str, script: str, **more: Any) -> dict[str, Any]:
    provider = {"type": "process", "path": "sh", "arguments": ["-c", script]}
    return {"type": kind, "name": name, "provider": provider, **more}


def probe(name: str, script: str) -> dict[str, Any]:
    return activity("probe", name, script, tolerance=0)


def experiment(method: list[dict[str, Any]], probes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "title": "a file is broken",
        "description": "as small as can be",
        "steady-state-hypothesis": {"title": "whole", "probes": probes},
        "method": method,
        "rollbacks": [activity("action", "mend", "rm -f broken")],
    }


BREAK = activity("action", "break", "touch broken")
ALWAYS = probe("always", "true")
WHOLE = probe("whole", "test ! -e broken")
NEVER = probe("never", "false")


@pytest.fixture
def chaos(rehearsing: Faultgate) -> Faultgate:
    """faultgate with a suite that runs `chaos`; each test writes the experiment."""
    assert CHAOS, "chaos is missing: make target python-test installs it"
    command = {"run": [CHAOS, "run", "--rollback-strategy", "always", "e.json"], "journal": "journal.json"}
    suite = {"version": 1, "experiments": [{"name": "outage", "command": command}]}
    (rehearsing.home / ".faultgate.json").write_text(json.dumps(suite), encoding="utf-8")
    return rehearsing


def ended(faultgate: Faultgate, method: list[dict[str, Any]], probes: list[dict[str, Any]]) -> Ended:
    (faultgate.home / "e.json").write_text(json.dumps(experiment(method, probes)), encoding="utf-8")
    return faultgate.ended(faultgate.run())


def test_a_steady_state_that_holds_passes(chaos: Faultgate) -> None:
    run = ended(chaos, [BREAK], [ALWAYS]).expect(0, "passed")
    assert (run.experiment["score"], run.experiment["score_source"]) == (100, "engine")
    assert [each["name"] for each in run.experiment["actions"]] == ["break", "mend"]
    assert not (chaos.home / "broken").exists()


def test_a_deviation_is_a_weakness_with_a_score(chaos: Faultgate) -> None:
    run = ended(chaos, [BREAK], [ALWAYS, WHOLE, ALWAYS, ALWAYS]).expect(1, "failed")
    assert (run.experiment["score"], run.experiment["state"]) == (25, "completed")
    assert run.experiment["reason"].endswith("has deviated: whole")


def test_a_system_that_is_not_steady_is_not_broken(chaos: Faultgate) -> None:
    run = ended(chaos, [BREAK], [NEVER]).expect(3, "errored")
    assert "not steady before" in run.experiment["reason"]


def test_an_experiment_that_does_nothing_shows_nothing(chaos: Faultgate) -> None:
    run = ended(chaos, [probe("look", "true")], [ALWAYS]).expect(3, "errored")
    assert "nothing was injected" in run.experiment["reason"]


def test_a_journal_from_before_is_not_this_runs(chaos: Faultgate) -> None:
    ended(chaos, [BREAK], [ALWAYS]).expect(0, "passed")
    (chaos.home / "e.json").write_text("not an experiment", encoding="utf-8")
    run = chaos.ended(chaos.run()).expect(3, "errored")
    assert "from an earlier run" in run.experiment["reason"]


def test_a_signal_interrupts_it_and_its_rollbacks_are_played(chaos: Faultgate) -> None:
    slow = activity("action", "slow", "sleep 60")
    (chaos.home / "e.json").write_text(json.dumps(experiment([BREAK, slow], [ALWAYS])), encoding="utf-8")
    process = chaos.run()
    eventually((chaos.home / "broken").exists, "the fault is in")
    process.send(signal.SIGTERM)
    run = chaos.ended(process).expect(143, "cancelled")
    assert run.experiment["stop"]["confirmed"]
    assert not (chaos.home / "broken").exists()
