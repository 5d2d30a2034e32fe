"""The pipeline's experiments: how long they last, where they act, and what starts them."""

from __future__ import annotations

import json
import re

import boto3
import pytest
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
    assert switched == {"ProductionTemplate", "ProductionErrors", "ProductionRole", "PassedInProduction"}
    stages = stack["Resources"]["Pipeline"]["Properties"]["Stages"]
    # What a stage locks is deployed and judged in it: CodePipeline locks no pipeline.
    assert [each["Name"] for each in stages] == ["Source", "Build", "Staging", "Production"]
    condition, action, nothing = stages[-1]["Actions"][-1]["Fn::If"]
    assert (condition, action["Name"], nothing) == ("InProduction", "Experiment", {"Ref": "AWS::NoValue"})


def test_the_schedule_overrides_what_the_stage_in_production_does() -> None:
    stack = load(FILES[0])["Resources"]
    assert stack["Scheduled"]["Properties"]["Target"]["Arn"] == {"Ref": "ScheduledExperiment"}
    (statement,) = documents(load(FILES[0]))["ScheduleRole"]
    assert (statement["Action"], statement["Resource"]) == ("states:StartExecution", {"Ref": "ScheduledExperiment"})
    machine = stack["ScheduledExperiment"]["Properties"]
    asked = machine["Definition"]["States"]["Experiment"]["Arguments"]
    action = stack["Pipeline"]["Properties"]["Stages"][-1]["Actions"][-1]["Fn::If"][1]
    of_stage = json.loads(re.sub(r"\$\{([\w.]+)\}", r"\1", action["Configuration"]["EnvironmentVariables"]["Fn::Sub"]))
    # Nothing was delivered.
    of_delivery = {
        "FAULTGATE_STATUS_CONTEXT", "FAULTGATE_REPOSITORY", "FAULTGATE_COMMIT", "CODEPIPELINE_EXECUTION_ID", "CLAIMED_BY"
    }  # fmt: skip
    assert {each["Name"] for each in asked["EnvironmentVariablesOverride"]} == {each["name"] for each in of_stage} - of_delivery
    by_environment = {name: each for name, each in machine["DefinitionSubstitutions"].items() if "Fn::If" in each}
    assert set(by_environment) == {"Stage", "Template", "Url", "Score"}
    assert {each["Fn::If"][0] for each in by_environment.values()} == {"ScheduledInProduction"}


def test_no_setting_of_an_action_is_longer_than_codepipeline_takes() -> None:
    service = boto3.client("codepipeline", "eu-west-1").meta.service_model
    most = service.shape_for("ActionConfigurationValue").metadata["max"]
    template = load(FILES[0])["Resources"]["Pipeline"]["Properties"]["Stages"]
    texts = [
        # An address may be long.
        re.sub(r"\$\{[\w.]+\}", "x" * 100, value["Fn::Sub"] if isinstance(value, dict) else value)
        for stage in template
        for each in stage["Actions"]
        for value in each.get("Fn::If", [None, each])[1]["Configuration"].values()
        if isinstance(value, str) or "Fn::Sub" in value
    ]
    assert len(texts) > 2 and max(map(len, texts)) <= most
