"""Each stack, copied as it stands: created with the parameters that its README asks for, and run."""

from __future__ import annotations

import json
from fnmatch import fnmatch
from typing import Any

import boto3
import pytest
from deployed import Stack, deploy
from fis import TEMPLATE, Fis
from interpreter import PATIENCE, interpreter
from moto import mock_aws
from stacks import ACCOUNT, FILES, REGION, load
from test_container import CodeBuild

PIPELINE = {
    "ConnectionArn": f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/0",
    "Repository": "octo/shop",
    "StagingLoadBalancer": "app/staging/0123456789abcdef",
}
IN_PRODUCTION = PIPELINE | {
    "ProductionExperiment": "true",
    "ProductionLoadBalancer": "app/production/0123456789abcdef",
    "Schedule": "cron(0 10 ? * TUE *)",
    "ScheduledEnvironment": "production",
    "StagingGroup": "staging",
}
SAMPLE = {"Environment": "staging", "PipelineStack": "delivery"}
FLEET = {"GateArn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:Gate-0123"}
MEMBER = {
    "Gate": "container",
    "TrustedRoleArns": f"arn:aws:iam::{ACCOUNT}:role/fleet",
    "OrganizationId": "o-0123456789",
    "RoleRegion": REGION,
}
BATCH = {"Subnets": "subnet-0", "SecurityGroups": "sg-0", "SuiteParameter": "/faultgate/suite"}
JOINED = {"HubBusArn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/faultgate-hub"}
ONE = {"ExperimentTemplateId": TEMPLATE}
LEAST = dict(
    zip(FILES, [PIPELINE, ONE, ONE, {}, SAMPLE, {}, FLEET, MEMBER, BATCH, {}, JOINED], strict=True)
)


def arn(template: str, region: str = REGION) -> str:
    return f"arn:aws:fis:{region}:{ACCOUNT}:experiment-template/{template}"


def may_start(stack: Stack, role: str) -> list[str]:
    """The templates that a role may start experiments of, as patterns."""
    found: list[str] = []
    for statement in stack.statements(role):
        if statement["Effect"] == "Allow" and "fis:StartExperiment" in statement["Action"]:
            resources = statement["Resource"]
            found += resources if isinstance(resources, list) else [resources]
    return [each for each in found if ":experiment-template/" in each]


@pytest.mark.parametrize("file", FILES)
def test_a_copy_is_created_with_the_least_that_it_asks_for(file: str) -> None:
    with mock_aws():
        stack = deploy(file, **LEAST[file])
        assert {load(file)["Resources"][name]["Type"] for name in stack.strangers} <= {
            "AWS::Batch::ComputeEnvironment", "AWS::Batch::JobDefinition", "AWS::Batch::JobQueue",
            "AWS::CloudWatch::Alarm", "AWS::CodeBuild::Project", "AWS::CodeBuild::ReportGroup",
            "AWS::CodeDeploy::Application", "AWS::CodeDeploy::DeploymentGroup", "AWS::CodePipeline::Pipeline",
            "AWS::FIS::ExperimentTemplate", "AWS::RDS::DBInstance", "AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SSM::Parameter",
            "AWS::Scheduler::Schedule",
        }  # fmt: skip


def test_a_pipeline_with_all_that_it_has_is_created() -> None:
    with mock_aws():
        stack = deploy(FILES[0], **IN_PRODUCTION)
        assert {"Scheduled", "ProductionTemplate"} <= stack.strangers and "ScheduledExperiment" in stack.ids
        assert may_start(stack, "ProjectRole") == [arn("ExperimentTemplate-Id"), arn("ProductionTemplate-Id")]
        less = {"Scheduled", "ProductionTemplate", "PassedInProduction", "ScheduledExperiment", "ScheduleRole"}
    with mock_aws():
        stack = deploy(FILES[0], **PIPELINE)
        assert not less & (stack.strangers | set(stack.ids))
        assert may_start(stack, "ProjectRole") == [arn("ExperimentTemplate-Id")]


@pytest.mark.parametrize(
    ("others", "started", "refused"),
    [
        ("", [TEMPLATE], ["EXTa", "EXTb"]),
        ("EXTa,EXTb", [TEMPLATE, "EXTa", "EXTb"], ["EXTc"]),
        ("EXTa", [TEMPLATE, "EXTa"], ["EXTb"]),
        ("*", [TEMPLATE, "EXTa"], []),
    ],
)
@pytest.mark.parametrize(("file", "role"), [(FILES[1], "ProjectRole"), (FILES[2], "ExperimentsRole")])
def test_a_role_starts_what_the_parameters_list(
    file: str, role: str, others: str, started: list[str], refused: list[str]
) -> None:
    with mock_aws():
        patterns = may_start(deploy(file, ExperimentTemplateId=TEMPLATE, OtherTemplates=others), role)
    for template in started:
        assert any(fnmatch(arn(template), each) for each in patterns), f"{template}: {patterns}"
    for template in refused:
        assert not any(fnmatch(arn(template), each) for each in patterns), f"{template}: {patterns}"


@pytest.mark.parametrize(("file", "role"), [(FILES[1], "ProjectRole"), (FILES[2], "GateRole"), (FILES[2], "SweeperRole")])
def test_only_roles_that_are_listed_are_assumed(file: str, role: str) -> None:
    roles = [f"arn:aws:iam::111122223333:role/{name}" for name in ("one", "two")]

    def assumed(**parameters: str) -> list[str]:
        with mock_aws():
            statements = deploy(file, ExperimentTemplateId=TEMPLATE, **parameters).statements(role)
        listed = [each["Resource"] for each in statements if each["Action"] == "sts:AssumeRole"]
        every = [arn for each in listed for arn in (each if isinstance(each, list) else [each])]
        return [each for each in every if "ExperimentsRole" not in each]

    assert assumed() == []
    assert assumed(Roles=",".join(roles)) == roles


def test_a_copy_of_the_gate_without_a_container_passes_and_refuses(fis: Fis) -> None:
    with interpreter(fis=fis) as running:
        stack = deploy(FILES[2], OtherTemplates="EXTa,EXTb")
        gate, listener = stack.machine("Gate"), stack.machine("Listener")
        execution = running.start(gate, {"ExperimentTemplateId": "EXTb"})
        assert fis.started.wait(PATIENCE)
        (id,) = fis.experiments
        # moto, unlike DynamoDB, loses one of two updates that make the same item at the same moment.
        running.wait_until(lambda: bool(running.heard(listener, "KeepToken")))
        fis.become(id, "completed")
        running.run(listener, fis.event(id))
        ended = running.end(execution)
        assert ended["status"] == "SUCCEEDED", ended
        assert json.loads(ended["output"])["ExperimentTemplateId"] == "EXTb"
        role = boto3.client("iam").get_role(RoleName=stack.ids["ExperimentsRole"])["Role"]["Arn"]
        assert running.roles["fis"] == {role}
        for asked in ({}, {"ExperimentTemplateId": "EXTc"}, {"ExperimentTemplateId": "EXTa", "Region": "us-west-2"}):
            assert running.run(gate, asked)["error"] == "InputRefused"
        assert fis.calls["StartExperiment"] == 1


@pytest.mark.parametrize(
    ("asked", "error"),
    [({}, None), ({"Region": "eu-central-1"}, None), ({"Region": "us-west-2"}, "InputRefused")],
)
def test_a_copy_of_the_gate_with_a_container_runs_its_project(asked: dict[str, Any], error: str | None) -> None:
    build = CodeBuild("SUCCEEDED", {"VERDICT": "passed"})
    with interpreter(codebuild=build) as running:
        stack = deploy(FILES[1], ExperimentTemplateId=TEMPLATE, OtherRegions="eu-central-1")
        ended = running.run(stack.machine("Gate"), asked)
    assert ended.get("error") == error
    assert build.asked.get("projectName") == (None if error else "Project-Ref")
