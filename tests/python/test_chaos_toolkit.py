"""The engine `command` with the real `chaos` command: its journals, its exit codes and its signals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
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


def python(kind: str, name: str, func: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, "provider": {"type": "python", "module": "oddities", "func": func}, **more}


def experiment(
    method: list[dict[str, Any]],
    probes: list[dict[str, Any]],
    rollbacks: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    return {
        "title": "a file is broken",
        "description": "as small as can be",
        "steady-state-hypothesis": {"title": "whole", "probes": probes},
        "method": method,
        "rollbacks": [activity("action", "mend", "rm -f broken")] if rollbacks is None else rollbacks,
    }


# What an extension may do.
ODDITIES = """
import math
from chaoslib.exceptions import ActivityFailed

def refused():
    raise ActivityFailed("403 Forbidden: pods is forbidden")

def numbers():
    return [math.nan, math.inf, -math.inf, 10 ** 400]

def not_a_number():
    return math.nan

def nothing():
    return None
"""

BREAK = activity("action", "break", "touch broken")
ALWAYS = probe("always", "true")
WHOLE = probe("whole", "test ! -e broken")
NEVER = probe("never", "false")


@contextmanager
def answering(status: int) -> Iterator[str]:
    """A server that answers each request with one status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def chaos(rehearsing: Faultgate) -> Faultgate:
    """faultgate with a suite that runs `chaos`; each test writes the experiment."""
    assert CHAOS, "chaos is missing: make target python-test installs it"
    (rehearsing.home / "oddities.py").write_text(ODDITIES, encoding="utf-8")
    told(rehearsing, ["--rollback-strategy", "always"])
    return rehearsing


def told(faultgate: Faultgate, flags: list[str]) -> None:
    """Writes a suite that runs `chaos` with these flags."""
    command = {"run": [CHAOS, "run", *flags, "e.json"], "journal": "journal.json", "env": {"PYTHONPATH": "."}}
    suite = {"version": 1, "experiments": [{"name": "outage", "command": command}]}
    (faultgate.home / ".faultgate.json").write_text(json.dumps(suite), encoding="utf-8")


def ended(
    faultgate: Faultgate,
    method: list[dict[str, Any]],
    probes: list[dict[str, Any]],
    rollbacks: list[dict[str, Any]] | None = None,
) -> Ended:
    (faultgate.home / "e.json").write_text(json.dumps(experiment(method, probes, rollbacks)), encoding="utf-8")
    return faultgate.ended(faultgate.run())


def assert_reason(run: Ended, *parts: str) -> None:
    for part in parts:
        assert part in run.experiment["reason"], run.experiment["reason"]


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


@pytest.mark.parametrize(
    ("dry", "reason"),
    [
        ("actions", "dry run (actions): nothing was injected"),
        ("activities", "dry run (activities): nothing was injected"),
        ("probes", "dry run (probes): the system was not looked at"),
        ("pause", "dry run (pause): its pauses were left out"),
    ],
)
def test_a_dry_run_is_no_experiment(chaos: Faultgate, dry: str, reason: str) -> None:
    told(chaos, ["--dry", dry])
    run = ended(chaos, [BREAK], [ALWAYS]).expect(3, "errored")
    assert_reason(run, reason)
    assert run.experiment["score"] is None


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (python("action", "terminate-pods", "refused"), "403 Forbidden: pods is forbidden)"),
        (activity("action", "kill-pod", "echo no such pod >&2; exit 3"), "kill-pod ended with exit code 3 (no such pod)"),
        (activity("action", "kill-pod", "kill -s KILL $$"), "kill-pod was killed by signal 9"),
        (activity("action", "later", "exit 7", background=True), "later ended with exit code 7"),
    ],
)
def test_one_action_that_did_not_act_is_enough(chaos: Faultgate, action: dict[str, Any], reason: str) -> None:
    run = ended(chaos, [BREAK, action], [ALWAYS]).expect(3, "errored")
    assert_reason(run, reason, "only break acted")
    run = ended(chaos, [action], [ALWAYS]).expect(3, "errored")
    assert_reason(run, "nothing was injected", reason)


def test_a_server_that_refuses_has_injected_nothing(chaos: Faultgate) -> None:
    with answering(503) as url:
        action = {"type": "action", "name": "inject", "provider": {"type": "http", "url": url}}
        run = ended(chaos, [action], [ALWAYS]).expect(3, "errored")
        assert_reason(run, "inject was answered with status 503")
    with answering(200) as url:
        action["provider"]["url"] = url
        ended(chaos, [action], [ALWAYS]).expect(0, "passed")


def test_an_action_without_an_output_has_acted(chaos: Faultgate) -> None:
    ended(chaos, [python("action", "inject", "nothing")], [ALWAYS]).expect(0, "passed")


@pytest.mark.parametrize("strategy", ["never", "deviated"])
def test_rollbacks_that_were_not_played_are_no_pass(chaos: Faultgate, strategy: str) -> None:
    told(chaos, ["--rollback-strategy", strategy])
    run = ended(chaos, [BREAK], [ALWAYS]).expect(3, "errored")
    assert_reason(run, "declared rollbacks were not played: mend, so the fault may still be in")
    assert (chaos.home / "broken").exists()
    ended(chaos, [BREAK], [ALWAYS], rollbacks=[]).expect(0, "passed")


@pytest.mark.parametrize("strategy", ["default", "always"])
def test_rollbacks_that_were_played_must_succeed(chaos: Faultgate, strategy: str) -> None:
    told(chaos, ["--rollback-strategy", strategy])
    ended(chaos, [BREAK], [ALWAYS]).expect(0, "passed")
    rollbacks = [activity("action", f"tidy-{number}", "true") for number in range(250)]
    ended(chaos, [BREAK], [ALWAYS], rollbacks).expect(0, "passed")
    rollbacks.append(activity("action", "mend", "exit 4"))
    run = ended(chaos, [BREAK], [ALWAYS], rollbacks).expect(3, "errored")
    assert_reason(run, "rollbacks did not succeed: mend ended with exit code 4, so the fault may still be in")


def test_a_weakness_is_told_with_the_fault_that_stayed_in(chaos: Faultgate) -> None:
    """A probe that cannot look lets Chaos Toolkit play no rollbacks by default."""
    told(chaos, [])
    probe_of_server = python("probe", "server answers", "refused", tolerance=True)
    steady = ended(chaos, [BREAK], [probe_of_server]).expect(3, "errored")
    assert_reason(steady, "not steady before")
    told(chaos, ["--hypothesis-strategy", "after-method-only"])
    run = ended(chaos, [BREAK], [probe_of_server]).expect(3, "errored")
    assert_reason(run, "has deviated: server answers", "declared rollbacks were not played: mend")


@pytest.mark.parametrize("number", ["numbers", "not_a_number"])
def test_numbers_that_json_does_not_have(chaos: Faultgate, number: str) -> None:
    ended(chaos, [BREAK, python("probe", "error-rate", number)], [ALWAYS]).expect(0, "passed")


def test_a_value_that_is_no_number_is_in_no_range(chaos: Faultgate) -> None:
    rate = python("probe", "error-rate", "not_a_number", tolerance=[0, 1])
    run = ended(chaos, [BREAK], [rate]).expect(3, "errored")
    assert_reason(run, "not steady before")
    told(chaos, ["--hypothesis-strategy", "after-method-only", "--rollback-strategy", "always"])
    run = ended(chaos, [BREAK], [rate]).expect(1, "failed")
    assert run.experiment["score"] == 0


@pytest.mark.parametrize("strategy", ["before-method-only", "during-method-only"])
def test_a_hypothesis_that_was_not_measured_after_the_method_is_no_pass(chaos: Faultgate, strategy: str) -> None:
    told(chaos, ["--hypothesis-strategy", strategy])
    run = ended(chaos, [BREAK], [ALWAYS]).expect(3, "errored")
    assert_reason(run, "the steady state was not measured after the method")


@pytest.mark.parametrize("strategy", ["default", "after-method-only", "continuously"])
def test_a_hypothesis_that_was_measured_after_the_method_passes(chaos: Faultgate, strategy: str) -> None:
    told(chaos, ["--hypothesis-strategy", strategy])
    ended(chaos, [BREAK], [ALWAYS]).expect(0, "passed")


def test_a_deviation_may_end_the_method(chaos: Faultgate) -> None:
    flags = ["--hypothesis-strategy", "continuously", "--hypothesis-frequency", "0.1", "--fail-fast"]
    told(chaos, [*flags, "--rollback-strategy", "always"])
    seen = activity("action", "until it was seen", "while ! test -e seen; do sleep 0.05; done")
    whole = probe("whole", "test ! -e broken || { touch seen; exit 1; }")
    run = ended(chaos, [BREAK, seen, *[activity("action", "never begun", "sleep 1")] * 20], [ALWAYS, whole])
    run.expect(1, "failed")
    assert_reason(run, "has deviated: whole")


def test_a_probe_of_the_method_that_cannot_look_is_a_warning(chaos: Faultgate) -> None:
    run = ended(chaos, [BREAK, python("probe", "latency", "refused")], [ALWAYS]).expect(0, "passed")
    warnings = run.experiment["warnings"]
    assert any("latency failed" in warning for warning in warnings), warnings
