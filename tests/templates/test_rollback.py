"""What becomes of a commit that was judged: taken off where it has not passed, noted where it has, and of no other commit."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator
from interpreter import interpreter, refusal
from stacks import ACCOUNT, REGION, definition, hasten, load

FILE = "codepipeline/pipeline.yml"
GROUP = f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:shop/production"
NAMES = {"Application": "shop", "Staging": "staging", "Production": "production", "Pipeline": "delivery", "Group": GROUP,
         "StagingClaim": "staging-claim", "ProductionClaim": "production-claim"}  # fmt: skip


class Aws:
    """Pipeline, builds, deployments and parameters, as far as a rollback sees them."""

    def __init__(self) -> None:
        self.runs: dict[str, list[str]] = {"staging": [], "production": []}
        self.before: dict[str, str] = {}
        self.actions: list[dict[str, Any]] = []
        self.builds: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, str] = {}
        self.claims: dict[str, str] = {}
        self.asked: list[dict[str, Any]] = []
        self.busy = False

    # --- what has happened

    def act(self, execution: str, stage: str, action: str, status: str, id: str) -> None:
        self.actions.append({
            "pipelineExecutionId": execution, "stageName": stage, "actionName": action, "status": status,
            "startTime": datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=len(self.actions)),
            "output": {"executionResult": {"externalExecutionId": id}},
        })  # fmt: skip

    def deploy(self, execution: str, stage: str = "Staging", id: str | None = None) -> str:
        """The deployment of an execution, called by its commit."""
        id, group = id or f"d-{execution}", stage.lower()
        if self.runs[group]:
            self.before[id] = self.runs[group][-1]
        self.runs[group].append(id)
        self.act(execution, stage, "Claim", "Succeeded", f"claim-{id}")
        self.act(execution, stage, "Deploy", "Succeeded", id)
        return id

    def build(self, execution: str, status: str, verdict: str | None, stage: str = "Staging", **told: str) -> str:
        """The build that has judged it."""
        id = f"gate:{execution}-{len(self.builds)}"
        self.act(execution, stage, "Experiment", "Succeeded" if status == "SUCCEEDED" else "Failed", id)
        told |= {} if verdict is None else {"FAULTGATE_VERDICT": verdict, "LAUNCHED": "yes"}
        self.builds[id] = {
            "id": id, "buildStatus": status,
            "environment": {"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL",
                            "environmentVariables": [{"name": "CODEPIPELINE_EXECUTION_ID", "value": execution}] if execution else []},
            "exportedEnvironmentVariables": [{"name": name, "value": value} for name, value in told.items()],
        }  # fmt: skip
        return id

    # --- what is asked of it

    def batch_get_builds(self, ids: list[str]) -> dict[str, Any]:
        return {"builds": [self.builds[id] for id in ids]}

    def list_action_executions(self, **request: Any) -> dict[str, Any]:
        assert request["pipelineName"] == "delivery"
        of = request["filter"]["pipelineExecutionId"]
        return {"actionExecutionDetails": [each for each in reversed(self.actions) if each["pipelineExecutionId"] == of]}

    def get_deployment_group(self, **request: str) -> dict[str, Any]:
        runs = self.runs[request["deploymentGroupName"]]
        told = {"deploymentId": runs[-1]} if runs else None
        return {"deploymentGroupInfo": {"lastSuccessfulDeployment": told, "lastAttemptedDeployment": told} if told else {}}

    def get_deployment(self, **request: str) -> dict[str, Any]:
        id = request["deploymentId"]
        told: dict[str, Any] = {"deploymentId": id, "revision": revision(id)}
        if id in self.before:
            told["previousRevision"] = revision(self.before[id])
        return {"deploymentInfo": told}

    def list_tags_for_resource(self, **request: str) -> dict[str, Any]:
        assert request == {"ResourceArn": GROUP}
        return {"Tags": [{"Key": "Name", "Value": "x"}, *({"Key": k, "Value": v} for k, v in self.tags.items())]}

    def tag_resource(self, **request: Any) -> dict[str, Any]:
        assert request["ResourceArn"] == GROUP
        self.tags |= {each["Key"]: each["Value"] for each in request["Tags"]}
        return {}

    def put_parameter(self, **request: Any) -> dict[str, Any]:
        assert request["Overwrite"]
        self.claims[request["Name"]] = request["Value"]
        return {"Version": 1}

    def create_deployment(self, **request: Any) -> dict[str, Any]:
        if self.busy:
            raise refusal("codedeploy", "DeploymentLimitExceededException", "busy", "CreateDeployment")
        self.asked.append(request)
        return {"deploymentId": "d-NEW"}

    def deployed(self) -> list[tuple[str, str]]:
        """To where, and what; revisions are called by the deployments that brought them."""
        return [(each["deploymentGroupName"], each["revision"]["s3Location"]["key"]) for each in self.asked]


def revision(name: str) -> dict[str, Any]:
    return {"revisionType": "S3", "s3Location": {"bucket": "b", "key": name, "bundleType": "zip", "version": "v", "eTag": "e"}}


def fakes(aws: Aws) -> dict[str, Aws]:
    return dict.fromkeys(("codedeploy", "codebuild", "codepipeline", "ssm"), aws)


def settle(aws: Aws, build: str, watched: bool = True) -> str:
    """Plays the end of a build, behind the watchdog where there is one."""
    event: dict[str, Any] = {"detail": {"build-id": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:build/{build}", "project-name": "gate"}}
    if watched:
        event = {"detail": {"status": "SUCCEEDED", "input": json.dumps(event)}}
    with interpreter(**fakes(aws)) as running:
        machine = running.create("rollback", hasten(definition(load(FILE), "Rollback", **NAMES)))
        return running.run(machine, event)["status"]


@pytest.fixture
def aws() -> Aws:
    """A commit is in production and another one on staging."""
    made = Aws()
    made.deploy("good", "Production")
    made.deploy("new")
    return made


@pytest.mark.parametrize(
    ("status", "verdict"),
    [("FAILED", verdict) for verdict in ("failed", "errored", "timed-out", "cancelled")]
    + [(status, verdict) for status in ("STOPPED", "TIMED_OUT", "FAULT") for verdict in (None, "failed")],
)
def test_staging_gets_back_what_production_runs(aws: Aws, status: str, verdict: str | None) -> None:
    assert settle(aws, aws.build("new", status, verdict)) == "SUCCEEDED"
    assert aws.deployed() == [("staging", "d-good")]
    # No retry of the experiment judges what is there now.
    assert aws.claims == {"staging-claim": "taken off: new"}


def test_a_run_that_was_killed_in_its_build_has_not_passed(aws: Aws) -> None:
    assert settle(aws, aws.build("new", "FAILED", None, LAUNCHED="yes")) == "SUCCEEDED"
    assert aws.deployed() == [("staging", "d-good")]


@pytest.mark.parametrize("told", [{}, {"LAUNCHED": "no"}])
def test_a_build_that_has_launched_nothing_takes_nothing_off(aws: Aws, told: dict[str, str]) -> None:
    assert settle(aws, aws.build("new", "FAILED", None, **told)) == "SUCCEEDED"
    assert (aws.deployed(), aws.claims) == ([], {})


@pytest.mark.parametrize("status", ["FAILED", "STOPPED", "FAULT"])
def test_what_breaks_behind_a_passed_verdict_takes_nothing_off(aws: Aws, status: str) -> None:
    assert settle(aws, aws.build("new", status, "passed")) == "SUCCEEDED"
    assert (aws.deployed(), aws.claims) == ([], {})


@pytest.mark.parametrize("stage", ["Staging", "Production"])
def test_another_commit_that_is_there_by_now_is_left_alone(aws: Aws, stage: str) -> None:
    aws.deploy("new", "Production")
    build = aws.build("new", "FAILED", "failed", stage)
    aws.deploy("next", stage)
    assert settle(aws, build) == "SUCCEEDED"
    assert (aws.deployed(), aws.claims) == ([], {})


def test_there_is_nothing_to_go_back_to_before_the_first_delivery() -> None:
    aws = Aws()
    aws.deploy("new")
    assert settle(aws, aws.build("new", "FAILED", "failed")) == "SUCCEEDED"
    assert (aws.deployed(), aws.claims) == ([], {})


def test_an_old_build_takes_off_nothing_of_a_stage_that_was_retried(aws: Aws) -> None:
    old = aws.build("new", "FAILED", "failed")
    aws.deploy("new", id="d-again")
    assert settle(aws, old) == "SUCCEEDED"
    assert aws.deployed() == []
    assert settle(aws, aws.build("new", "FAILED", "failed")) == "SUCCEEDED"
    assert aws.deployed() == [("staging", "d-good")]


def test_a_scheduled_build_takes_nothing_off(aws: Aws) -> None:
    assert settle(aws, aws.build("", "FAILED", "failed")) == "SUCCEEDED"
    assert aws.deployed() == []


def test_a_build_that_the_pipeline_does_not_know_fails_visibly(aws: Aws) -> None:
    build = aws.build("new", "FAILED", "failed")
    aws.actions.clear()
    assert (settle(aws, build), aws.deployed()) == ("FAILED", [])


@pytest.mark.parametrize("stage", ["Staging", "Production"])
def test_a_rollback_that_is_refused_fails_visibly(aws: Aws, stage: str) -> None:
    aws.deploy("new", "Production")
    aws.busy = True
    assert settle(aws, aws.build("new", "FAILED", "failed", stage)) == "FAILED"


# --- in production


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
def test_what_passes_in_production_is_noted_whatever_is_there_by_now(aws: Aws, status: str) -> None:
    aws.deploy("new", "Production", id="d-there")
    build = aws.build("new", status, "passed", "Production")
    aws.deploy("next", "Production")
    assert settle(aws, build, watched=status != "SUCCEEDED") == "SUCCEEDED"
    assert (aws.tags, aws.deployed()) == ({"faultgate:passed": "d-there"}, [])


def test_what_passes_on_staging_is_not_noted_of_production(aws: Aws) -> None:
    assert settle(aws, aws.build("new", "SUCCEEDED", "passed"), watched=False) == "SUCCEEDED"
    assert (aws.tags, aws.deployed()) == ({}, [])


def test_production_gets_back_what_last_passed_there(aws: Aws) -> None:
    aws.tags = {"faultgate:passed": "d-good"}
    aws.deploy("unjudged", "Production")
    aws.deploy("new", "Production")
    assert settle(aws, aws.build("new", "FAILED", "failed", "Production")) == "SUCCEEDED"
    assert aws.deployed() == [("production", "d-good")]
    assert aws.tags == {"faultgate:passed": "d-good"}
    assert aws.claims == {"production-claim": "taken off: new"}


def test_where_none_has_passed_yet_production_gets_back_what_was_there(aws: Aws) -> None:
    aws.deploy("new", "Production")
    assert settle(aws, aws.build("new", "FAILED", "failed", "Production")) == "SUCCEEDED"
    assert aws.deployed() == [("production", "d-good")]


def test_the_first_delivery_to_production_has_nothing_to_go_back_to() -> None:
    aws = Aws()
    aws.deploy("new", "Production")
    assert settle(aws, aws.build("new", "FAILED", "failed", "Production")) == "SUCCEEDED"
    assert aws.deployed() == []


# --- whose an environment is


@pytest.mark.parametrize("stage", ["Staging", "Production"])
def test_a_stage_notes_whose_its_environment_is_before_it_deploys(stage: str) -> None:
    stack, aws = load(FILE), Aws()
    (told,) = [each for each in stack["Resources"]["Pipeline"]["Properties"]["Stages"] if each["Name"] == stage]
    actions = [each.get("Fn::If", [None, each])[1] for each in told["Actions"]]
    assert [each["Name"] for each in actions] == ["Claim", "Deploy", "Experiment"]
    assert [each["RunOrder"] for each in actions] == [1, 2, 3]
    configuration = actions[0]["Configuration"]
    assert configuration["StateMachineArn"] == {"Ref": "Claim"}
    asked = json.loads(configuration["Input"].replace("#{codepipeline.PipelineExecutionId}", "one"))
    names = {"Staging": "staging-claim", "Production": "production-claim"}
    with interpreter(ssm=aws) as running:
        machine = running.create("claim", hasten(definition(stack, "Claim", **names)))
        assert running.run(machine, asked)["status"] == "SUCCEEDED"
    assert aws.claims == {f"{stage.lower()}-claim": "one"}


def test_shapes_are_those_of_the_services() -> None:
    """The names that the fake answers with."""
    aws = Aws()
    aws.deploy("new")
    build = aws.build("new", "FAILED", "failed")
    for service, operation, answer in [
        ("codebuild", "BatchGetBuilds", aws.batch_get_builds([build])),
        ("codepipeline", "ListActionExecutions",
         aws.list_action_executions(pipelineName="delivery", filter={"pipelineExecutionId": "new"})),
        ("codedeploy", "GetDeploymentGroup", aws.get_deployment_group(deploymentGroupName="staging")),
        ("codedeploy", "GetDeployment", aws.get_deployment(deploymentId="d-new")),
    ]:  # fmt: skip
        shape = boto3.client(service, REGION).meta.service_model.operation_model(operation).output_shape
        found = ParamValidator().validate(answer, shape)
        assert not found.has_errors(), found.generate_report()
