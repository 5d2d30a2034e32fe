"""The gate that runs the container, at every end of its build."""

from __future__ import annotations

import json
from typing import Any

import pytest
from interpreter import interpreter, refusal
from stacks import definition, hasten, load

STACK = load("step-functions/container.yml")
BUILD = "gate:0a1b2c3d-0000-4000-8000-0123456789ab"


class CodeBuild:
    """Builds that end as the test says."""

    def __init__(self, status: str, told: dict[str, str] | None) -> None:
        self.status, self.told = status, told
        self.asked: dict[str, Any] = {}

    def start_build(self, **request: Any) -> dict[str, Any]:
        self.asked = request
        if self.status == "REFUSED":
            raise refusal("codebuild", "InvalidInputException", "no such project", "StartBuild")
        build: dict[str, Any] = {"id": BUILD, "buildStatus": self.status, "logs": {"deepLink": "https://logs.example"}}
        if self.told is not None:
            build["exportedEnvironmentVariables"] = [
                {"name": f"FAULTGATE_{name}", "value": value} for name, value in self.told.items()
            ]
        return {"build": build}


def end(build: CodeBuild, event: dict[str, str] | None = None) -> dict[str, Any]:
    with interpreter(codebuild=build) as running:
        machine = running.create("gate", hasten(definition(STACK, "Gate", Project="chaos")))
        return running.run(machine, event or {})


def test_a_passed_gate_succeeds_with_its_verdict() -> None:
    told = {"VERDICT": "passed", "RESILIENCE_SCORE": "97.5", "EXPERIMENT_IDS": "EXP1", "REASON": ""}
    ended = end(CodeBuild("SUCCEEDED", told))
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"]) == {
        "Verdict": "passed",
        "ResilienceScore": "97.5",
        "ExperimentIds": "EXP1",
        "BuildId": BUILD,
    }


@pytest.mark.parametrize("verdict", ["failed", "errored", "timed-out", "cancelled"])
def test_another_verdict_is_the_error(verdict: str) -> None:
    ended = end(CodeBuild("FAILED", {"VERDICT": verdict, "REASON": "the \"alarm\" fired"}))
    assert (ended["status"], ended["error"]) == ("FAILED", verdict)
    assert ended["cause"] == f'{BUILD} FAILED: the "alarm" fired: https://logs.example'


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("STOPPED", "BuildStopped"),
        ("TIMED_OUT", "BuildTimedOut"),
        ("FAULT", "BuildFailed"),
        ("FAILED", "BuildFailed"),
    ],
)
@pytest.mark.parametrize("told", [None, {}, {"VERDICT": ""}, {"VERDICT": "passed"}])
def test_a_build_that_died_does_not_pass(status: str, error: str, told: dict[str, str] | None) -> None:
    ended = end(CodeBuild(status, told))
    assert (ended["status"], ended["error"]) == ("FAILED", error)
    assert ended["cause"] == f"{BUILD} {status}: https://logs.example"


@pytest.mark.parametrize("told", [None, {}, {"VERDICT": ""}, {"VERDICT": "failed"}])
def test_a_build_that_succeeds_without_a_passed_verdict_does_not_pass(told: dict[str, str] | None) -> None:
    ended = end(CodeBuild("SUCCEEDED", told))
    assert (ended["status"], ended["error"]) == ("FAILED", "NoVerdict")


def test_a_refused_build_tells_why() -> None:
    ended = end(CodeBuild("REFUSED", None))
    assert (ended["status"], ended["error"]) == ("FAILED", "NotStarted")
    assert "no such project" in ended["cause"]


def test_repository_and_commit_are_handed_on() -> None:
    build = CodeBuild("SUCCEEDED", {"VERDICT": "failed"})
    end(build, {"Repository": "octo/shop", "Commit": "9fceb02d"})
    assert build.asked["projectName"] == "chaos"
    assert build.asked["environmentVariablesOverride"] == [
        {"name": "FAULTGATE_REPOSITORY", "value": "octo/shop"},
        {"name": "FAULTGATE_COMMIT", "value": "9fceb02d"},
    ]
