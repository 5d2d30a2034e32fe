"""The pipeline's experiments: how long they last, where they act, and what starts them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import boto3
import pytest
from botocore.validate import ParamValidator
from interpreter import to_wire
from stacks import FILES, TEMPLATES, load, resources
from test_templates import documents


SENDS = [path for path in TEMPLATES.glob("**/*.yml") if "aws:ssm:send-command" in path.read_text()]


@pytest.mark.parametrize("path", SENDS, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_the_action_goes_on_longer_than_what_it_sends(path: Path) -> None:
    """The instances install what they need before the fault is in."""
    stack = load(str(path.relative_to(TEMPLATES)))
    lengths = stack["Mappings"]["Latency"]
    for minutes, length in lengths.items():
        seconds = int(length["Seconds"])
        assert seconds == int(minutes) * 60
        assert int(re.fullmatch(r"PT(\d+)M", length["Duration"])[1]) * 60 >= seconds + 120  # type: ignore[index]
    sent = [
        action["Parameters"]
        for template in resources(stack, "AWS::FIS::ExperimentTemplate").values()
        for action in template["Properties"]["Actions"].values()
        if action["ActionId"] == "aws:ssm:send-command"
    ]
    assert sent
    for parameters in sent:
        find, (table, minutes, column) = next(iter(parameters["duration"].items()))
        assert (find, table, column) == ("Fn::FindInMap", "Latency", "Duration")
        assert set(lengths) == set(stack["Parameters"][minutes["Ref"]]["AllowedValues"])
        text, filled = parameters["documentParameters"]["Fn::Sub"]
        assert '"DurationSeconds": "${Seconds}"' in text
        assert filled == {"Seconds": {"Fn::FindInMap": ["Latency", minutes, "Seconds"]}}


def test_both_places_that_send_a_command_are_known() -> None:
    assert {path.parent.name for path in SENDS} == {"codepipeline", "ec2-latency"}


def test_no_build_of_the_pipeline_lasts_longer_than_its_action_may() -> None:
    stack = load(FILES[0])
    minutes = stack["Resources"]["Project"]["Properties"]["TimeoutInMinutes"]
    assert minutes <= 480 and stack["Parameters"]["TimeoutMinutes"]["MaxValue"] + 15 <= minutes
    # Only manual approvals take it.
    assert "TimeoutInMinutes" not in json.dumps(stack["Resources"]["Pipeline"])


def test_each_environment_has_an_experiment_of_its_own() -> None:
    """Template, targets, stop condition and role: neither experiment reaches the other's instances."""
    stack = load(FILES[0])["Resources"]
    for template, tag, role, alarm, balancer in [
        ("ExperimentTemplate", "StagingTag", "ExperimentRole", "Errors", "StagingLoadBalancer"),
        ("ProductionTemplate", "ProductionTag", "ProductionRole", "ProductionErrors", "ProductionLoadBalancer"),
    ]:
        told = stack[template]["Properties"]
        assert told["Targets"]["instances"]["ResourceTags"] == {"Environment": {"Ref": tag}}
        assert told["RoleArn"] == {"Fn::GetAtt": [role, "Arn"]}
        assert told["StopConditions"] == [{"Source": "aws:cloudwatch:alarm", "Value": {"Fn::GetAtt": [alarm, "Arn"]}}]
        assert stack[alarm]["Properties"]["Dimensions"] == [{"Name": "LoadBalancer", "Value": {"Ref": balancer}}]
        (policy,) = stack[role]["Properties"]["Policies"]
        (reached,) = [each for each in policy["PolicyDocument"]["Statement"] if each["Sid"] == "Instances"]
        assert reached["Condition"]["StringEquals"] == {"ssm:resourceTag/Environment": {"Ref": tag}}


def test_all_that_is_of_production_is_switched_together() -> None:
    stack = load(FILES[0])
    switched = {name for name, each in stack["Resources"].items() if each.get("Condition") == "InProduction"}
    assert switched == {name for name in stack["Resources"] if name.startswith("Production") or name == "JudgedInProduction"} - {"Production"}
    stages = stack["Resources"]["Pipeline"]["Properties"]["Stages"]
    assert [each["Name"] for each in stages[:-1]] == ["Source", "Build", "Staging", "Experiment", "Production"]
    condition, stage, nothing = stages[-1]["Fn::If"]
    assert (condition, stage["Name"], nothing) == ("InProduction", "ProductionExperiment", {"Ref": "AWS::NoValue"})


def test_the_schedule_starts_the_experiment_alone() -> None:
    stack = load(FILES[0])["Resources"]
    target = stack["Scheduled"]["Properties"]["Target"]
    assert target["Arn"]["Fn::Sub"].endswith(":aws-sdk:codebuild:startBuild")
    (statement,) = documents(load(FILES[0]))["ScheduleRole"]
    assert (statement["Action"], statement["Resource"]) == ("codebuild:StartBuild", {"Fn::GetAtt": ["Project", "Arn"]})
    text, values = target["Input"]["Fn::Sub"]
    request = json.loads(re.sub(r"\$\{(\w+)\}", r"\1", text))
    shape = boto3.client("codebuild", "eu-west-1").meta.service_model.operation_model("StartBuild").input_shape
    wire = to_wire(request, shape)
    assert not ParamValidator().validate(wire, shape).has_errors()
    assert (wire["projectName"], wire["sourceTypeOverride"]) == ("Project", "NO_SOURCE")
    # What the stage in production overrides, the schedule does too.
    (action,) = stack["Pipeline"]["Properties"]["Stages"][-1]["Fn::If"][1]["Actions"]
    of_stage = json.loads(re.sub(r"\$\{([\w.]+)\}", r"\1", action["Configuration"]["EnvironmentVariables"]["Fn::Sub"]))
    named = {each["name"] for each in wire["environmentVariablesOverride"]}
    assert named == {each["name"] for each in of_stage} - {
        "FAULTGATE_STATUS_CONTEXT", "FAULTGATE_REPOSITORY", "FAULTGATE_COMMIT", "CODEPIPELINE_EXECUTION_ID"
    }  # fmt: skip
    assert set(values) == {"Template", "Url", "Score"}
    assert {each["Fn::If"][0] for each in values.values()} == {"ScheduledInProduction"}


def test_no_setting_of_an_action_is_longer_than_codepipeline_takes() -> None:
    service = boto3.client("codepipeline", "eu-west-1").meta.service_model
    most = service.shape_for("ActionConfigurationValue").metadata["max"]
    template = load(FILES[0])["Resources"]["Pipeline"]["Properties"]["Stages"]
    stages = [each.get("Fn::If", [None, each])[1] for each in template]
    texts = [
        # An address may be long.
        re.sub(r"\$\{[\w.]+\}", "x" * 100, value["Fn::Sub"] if isinstance(value, dict) else value)
        for stage in stages
        for action in stage["Actions"]
        for value in action["Configuration"].values()
        if isinstance(value, str) or "Fn::Sub" in value
    ]
    assert len(texts) == 2 and max(map(len, texts)) <= most
