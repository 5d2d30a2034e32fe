"""The gate that runs the container, at every end of its build."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fis import TEMPLATE
from interpreter import interpreter, refusal
from stacks import ACCOUNT, REGION, definition, hasten, load

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


def end(build: CodeBuild, asked: Any = None, **parameters: str) -> dict[str, Any]:
    substitutions = {
        "Project": "chaos",
        "ExperimentTemplateId": TEMPLATE,
        "Templates": f"{TEMPLATE},EXTother",
        "Region": REGION,
        "Regions": REGION,
        "RoleArn": "",
        "Roles": "",
        "ExpectedResilienceScore": "100",
        "TimeoutMinutes": "30",
    } | parameters
    with interpreter(codebuild=build) as running:
        machine = running.create("gate", hasten(definition(STACK, "Gate", **substitutions)))
        return running.run(machine, {} if asked is None else asked)


def test_a_passed_gate_succeeds_with_its_verdict() -> None:
    told = {"VERDICT": "passed", "RESILIENCE_SCORE": "97.5", "EXPERIMENT_IDS": "EXP1", "STATE": "completed", "REASON": "fine"}
    ended = end(CodeBuild("SUCCEEDED", told), {"ExpectedResilienceScore": 90})
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"]) == {
        "Verdict": "passed",
        "ResilienceScore": 97.5,
        "ExpectedResilienceScore": 90,
        "ExperimentTemplateId": TEMPLATE,
        "ExperimentIds": "EXP1",
        "State": "completed",
        "Reason": "fine",
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


def test_a_passed_gate_that_tells_no_more_succeeds() -> None:
    ended = end(CodeBuild("SUCCEEDED", {"VERDICT": "passed"}))
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"])["ResilienceScore"] == ""


def handed_on(asked: dict[str, Any], **parameters: str) -> tuple[int, dict[str, str]]:
    """For how long a build was asked for, and with which variables."""
    build = CodeBuild("SUCCEEDED", {"VERDICT": "failed"})
    end(build, asked, **parameters)
    assert build.asked["projectName"] == "chaos"
    variables = build.asked["environmentVariablesOverride"]
    return build.asked["timeoutInMinutesOverride"], {each["name"]: each["value"] for each in variables}


def test_what_an_execution_asks_for_is_handed_on() -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/other"
    asked = {"ExperimentTemplateId": "EXTother", "Region": "eu-central-1", "RoleArn": role, "ExpectedResilienceScore": 62.5,
             "TimeoutMinutes": 90, "Repository": "octo/shop", "Commit": "9fceb02d"}  # fmt: skip
    minutes, variables = handed_on(asked, Regions=f"{REGION},eu-central-1", Roles=role)
    assert minutes == 105
    assert variables == {
        "FAULTGATE_EXPERIMENT_TEMPLATE_ID": "EXTother",
        "FAULTGATE_AWS_REGION": "eu-central-1",
        "FAULTGATE_AWS_ROLE_ARN": role,
        "FAULTGATE_EXPECTED_RESILIENCE_SCORE": "62.5",
        "FAULTGATE_TIMEOUT": "90m",
        "FAULTGATE_REPOSITORY": "octo/shop",
        "FAULTGATE_COMMIT": "9fceb02d",
    }


def test_what_it_leaves_out_is_the_stacks() -> None:
    minutes, variables = handed_on({})
    assert minutes == 45
    assert {name.removeprefix("FAULTGATE_"): value for name, value in variables.items()} == {
        "EXPERIMENT_TEMPLATE_ID": TEMPLATE,
        "AWS_REGION": REGION,
        "AWS_ROLE_ARN": "",
        "EXPECTED_RESILIENCE_SCORE": "100",
        "TIMEOUT": "30m",
        "REPOSITORY": "",
        "COMMIT": "",
    }


def test_reports_are_kept_and_a_token_for_statuses_is_handed_on() -> None:
    resources = STACK["Resources"]
    project = resources["Project"]["Properties"]
    assert project["Artifacts"]["Location"] == {"Ref": "ReportFiles"} and project["Artifacts"]["NamespaceType"] == "BUILD_ID"
    (variable,) = project["Environment"]["EnvironmentVariables"]
    token = {"Name": {"Ref": "ForgeTokenVariable"}, "Value": {"Ref": "ForgeToken"}, "Type": "SECRETS_MANAGER"}
    assert variable["Fn::If"] == ["HasForgeToken", token, {"Ref": "AWS::NoValue"}]
    pipeline = load("codepipeline/pipeline.yml")["Parameters"]
    for name in ("ForgeToken", "ForgeTokenVariable"):
        assert STACK["Parameters"][name] == pipeline[name]
