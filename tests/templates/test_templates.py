"""What holds for every template: it is valid, grants no more than it uses, and listens to the events that there are."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml
from codebuild import BUILDSPECS
from gitlab import NODE
from moto.events.models import EventPattern
from stacks import FILES, TEMPLATES, Loader, load, resources, states

BIN = Path(sys.executable).parent
# What has no narrower resource: lists, descriptions, and what belongs to the whole account.
ANYWHERE = {
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeLifecycleHooks",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstances",
    "events:ListRules",
    "fis:GetSafetyLever",
    "fis:ListExperiments",
    "logs:CreateLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:PutResourcePolicy",
    "sqs:ListQueues",
    "ssm:CancelCommand",
    "ssm:ListCommands",
    "tag:GetResources",
}
# IAM's word for a service where it is not that of the integration.
PREFIXES = {"sfn": "states", "eventbridge": "events"}
# IAM's word for a call where it is another one.
RENAMED = {"s3:ListObjectsV2": "s3:ListBucket"}
# What a call needs beside itself.
ALSO = {
    "fis:StartExperiment": {"fis:TagResource"},
    # Where a build's end is awaited.
    "codebuild:StartBuild.sync": {
        "codebuild:StopBuild",
        "codebuild:BatchGetBuilds",
        "events:PutRule",
        "events:PutTargets",
        "events:DescribeRule",
    },
    # Where the end of an execution is awaited.
    "states:StartExecution.sync": {
        "states:DescribeExecution",
        "states:StopExecution",
        "events:PutRule",
        "events:PutTargets",
        "events:DescribeRule",
    },
    "codedeploy:CreateDeployment": {
        "codedeploy:GetApplicationRevision",
        "codedeploy:RegisterApplicationRevision",
        "codedeploy:GetDeploymentConfig",
    },
}
MACHINES = [(name, machine) for name in FILES for machine in resources(load(name), "AWS::StepFunctions::StateMachine")]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def documents(stack: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The statements of each role, those included that depend on a condition."""

    def of(policy: dict[str, Any]) -> list[dict[str, Any]]:
        every = policy["PolicyDocument"]["Statement"]
        return [statement["Fn::If"][1] if "Fn::If" in statement else statement for statement in every]

    found: dict[str, list[dict[str, Any]]] = {}
    for name, role in resources(stack, "AWS::IAM::Role").items():
        found[name] = [each for policy in role["Properties"].get("Policies", []) for each in of(policy)]
    for policy in resources(stack, "AWS::IAM::Policy").values():
        for role in policy["Properties"]["Roles"]:
            found[role["Ref"]] += of(policy["Properties"])
    return found


def policy(name: str) -> list[dict[str, Any]]:
    """What a member allows the one fleet or the other."""
    return load(FILES[7])["Resources"][name]["Properties"]["PolicyDocument"]["Statement"]


def allowed(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [statement for statement in statements if statement["Effect"] == "Allow"]


def actions(statements: list[dict[str, Any]]) -> set[str]:
    return {action for statement in allowed(statements) for action in as_list(statement["Action"])}


# --- valid


def test_every_template_is_here() -> None:
    every = (path for folder in ("codepipeline", "fan-out", "hub", "step-functions", "sweep") for path in (TEMPLATES / folder).rglob("*.yml"))
    found = {str(path.relative_to(TEMPLATES)) for path in every if "AWSTemplateFormatVersion" in path.read_text()}
    assert found == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_cfn_lint_is_content(name: str) -> None:
    command = [BIN / "cfn-lint", "--regions", "us-east-1", "eu-west-1", "--", TEMPLATES / name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("name", "machine"), MACHINES)
def test_statelint_is_content(name: str, machine: str, tmp_path: Path) -> None:
    definition = resources(load(name), "AWS::StepFunctions::StateMachine")[machine]["Properties"]["Definition"]
    for state in states(definition).values():
        # It takes no expression there, and Step Functions does.
        for key in ("TimeoutSeconds", "MaxConcurrency"):
            if key in state:
                state[key] = 300
        # AWS has added these to the language.
        state.pop("Label", None)
        state.get("ItemReader", {}).pop("ReaderConfig", None)
    # Placeholders are filled in before the machine is made.
    text = re.sub(r"\$\{\w+\}", "1", json.dumps(definition))
    (tmp_path / "machine.json").write_text(text)
    command = [BIN / "statelint", tmp_path / "machine.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("name", "machine"), MACHINES)
def test_asl_validator_is_content(name: str, machine: str, tmp_path: Path) -> None:
    definition = resources(load(name), "AWS::StepFunctions::StateMachine")[machine]["Properties"]["Definition"]
    # It takes no empty text and none of several lines, and Step Functions does.
    text = re.sub(r"\$\{\w+\}", "1", json.dumps(definition)).replace('": ""', '": "x"').replace("\\n", " ")
    (tmp_path / "machine.json").write_text(text)
    command = [NODE / "asl-validator", "--json-path", tmp_path / "machine.json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", FILES)
def test_cloudformation_takes_no_yaml_aliases(name: str) -> None:
    events = yaml.parse((TEMPLATES / name).read_text(), Loader)
    assert [event.start_mark.line + 1 for event in events if isinstance(event, yaml.AliasEvent)] == []


@pytest.mark.parametrize(("name", "machine"), MACHINES)
def test_every_state_is_reached_and_every_call_retried_or_caught(name: str, machine: str) -> None:
    definition = resources(load(name), "AWS::StepFunctions::StateMachine")[machine]["Properties"]["Definition"]
    every = states(definition)
    text = json.dumps(definition)
    for state in every:
        assert re.search(rf'"(StartAt|Next|Default)": "{state}"', text), f"{state} is never reached"
    for state, each in every.items():
        assert each["Type"] != "Task" or "Retry" in each or "Catch" in each, f"{state} has neither Retry nor Catch"


# --- permissions


@pytest.mark.parametrize("name", FILES)
def test_no_policy_allows_more_than_named_actions_on_named_resources(name: str) -> None:
    for role, statements in documents(load(name)).items():
        for statement in allowed(statements):
            granted = set(as_list(statement["Action"]))
            assert not [action for action in granted if "*" in action], role
            if "*" in as_list(statement["Resource"]):
                assert granted <= ANYWHERE, f"{role}: {granted - ANYWHERE}"


@pytest.mark.parametrize("name", FILES)
def test_every_role_trusts_one_service_for_this_account_alone(name: str) -> None:
    for role, each in resources(load(name), "AWS::IAM::Role").items():
        # Machines assume the one, instances the other, another account the last; EC2 names no account.
        if role in ("ExperimentsRole", "InstanceRole", "Member"):
            continue
        (statement,) = each["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert list(statement["Principal"]) == ["Service"], role
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}, role
        # What acts by itself is named by its kind, since its name is made up with the stack.
        service = statement["Principal"]["Service"].removesuffix(".amazonaws.com")
        if name != FILES[3] and service in ("events", "states", "codebuild", "fis"):
            (arn,) = arns(statement["Condition"]["ArnLike"]["aws:SourceArn"])
            assert arn.startswith(f"arn:aws:{service}:*:*:"), role


@pytest.mark.parametrize(("name", "machine"), MACHINES)
def test_a_machine_may_do_what_it_does_and_nothing_else(name: str, machine: str) -> None:
    stack = load(name)
    properties = stack["Resources"][machine]["Properties"]
    by_role: defaultdict[str, set[str]] = defaultdict(set)
    for state in states(properties["Definition"]).values():
        if state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
            by_role[""].add("states:StartExecution")
        asks = state if state["Type"] == "Task" else state.get("ItemReader")
        if asks:
            service, operation = asks["Resource"].removeprefix("arn:aws:states:::").removeprefix("aws-sdk:").split(":", 1)
            name, _, pattern = operation.removesuffix(":2").partition(".")
            call = f"{PREFIXES.get(service, service)}:{name[0].upper()}{name[1:]}"
            of = by_role[state.get("Credentials", {}).get("RoleArn", "")]
            of |= {RENAMED.get(call, call)} | ALSO.get(call, set()) | ALSO.get(f"{call}.{pattern}", set())
    given, role = documents(stack), properties["RoleArn"]["Fn::GetAtt"][0]
    if len(by_role) > 1:
        # One further role, whose name a variable holds.
        (assumed,) = by_role.keys() - {""}
        assert assumed.startswith("{% $")
        by_role[""].add("sts:AssumeRole")
        # It is shared with another machine, or that of each member.
        shared = given["ExperimentsRole"] if "ExperimentsRole" in given else policy("NoContainer")
        assert actions(shared) >= by_role[assumed]
    assert actions(given[role]) == by_role[""]


def test_the_role_that_machines_assume_may_do_what_they_do_and_trusts_them_alone() -> None:
    stack = load(FILES[2])
    machines = [stack["Resources"][name]["Properties"] for name in ("Gate", "Sweeper")]
    calls = {
        f"fis:{operation[0].upper()}{operation[1:]}"
        for machine in machines
        for state in states(machine["Definition"]).values()
        if "Credentials" in state
        for operation in [state["Resource"].rpartition(":")[2]]
    }
    assert actions(documents(stack)["ExperimentsRole"]) == calls | ALSO["fis:StartExperiment"]
    (trust,) = stack["Resources"]["ExperimentsRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": [{"Fn::GetAtt": [*machine["RoleArn"]["Fn::GetAtt"]]} for machine in machines]}


@pytest.mark.parametrize("name", [*FILES[:3], *FILES[5:7]])
def test_rules_may_start_what_they_start(name: str) -> None:
    stack = load(name)
    targets = {
        target["Arn"]["Ref"]
        for rule in resources(stack, "AWS::Events::Rule").values()
        for target in rule["Properties"]["Targets"]
    }
    (statement,) = documents(stack)["RuleRole"]
    assert statement["Action"] == "states:StartExecution"
    assert {each["Ref"] for each in as_list(statement["Resource"])} == targets


def arns(resource: Any) -> list[str]:
    """The ARNs of a statement as patterns, whatever fills them in. Of a list that is joined, the first."""
    if isinstance(resource, list):
        return [arn for each in resource for arn in arns(each)]
    if isinstance(resource, dict):
        ((function, value),) = resource.items()
        if function == "Fn::Split":
            return [part for arn in arns(value[1]) for part in arn.split(",")]
        assert function == "Fn::Sub"
        return arns(value[0] if isinstance(value, list) else value)
    return [re.sub(r"\$\{[^}]+\}", "*", resource.replace("${AWS::Partition}", "aws"))]


@pytest.mark.parametrize(("name", "probes"), [(FILES[0], {"cloudwatch:GetMetricData"}), (FILES[1], {"cloudwatch:GetMetricData"})])
def test_faultgate_may_do_what_its_manual_says_and_no_more(name: str, probes: set[str]) -> None:
    """Each action on what the manual has or less, under each condition of the manual's."""
    manual = json.loads((TEMPLATES / "iam" / "events.json").read_text())["Statement"]
    role = load(name)["Resources"]["ProjectRole"]["Properties"]["Policies"]
    (given,) = [each["PolicyDocument"]["Statement"] for each in role if each["PolicyName"] == "faultgate"]
    given = [each for each in given if "Fn::If" not in each]
    assert actions(given) - probes == actions(manual)
    assert probes <= actions(given)
    for action in actions(manual):
        (said,) = [each for each in manual if action in as_list(each["Action"])]
        (here,) = [each for each in allowed(given) if action in as_list(each["Action"])]
        reached = arns([each["Fn::If"][1] if "Fn::If" in each else each for each in as_list(here["Resource"])])
        for arn in reached:
            assert any(fnmatch(arn, pattern) for pattern in said["Resource"]), f"{action}: {arn}"
        # Each kind of resource that the action needs.
        for pattern in said["Resource"]:
            assert any(fnmatch(arn, pattern) for arn in reached), f"{action}: {pattern}"
        assert set(here.get("Condition", {})) == set(said.get("Condition", {})), action
        for operator, keys in said.get("Condition", {}).items():
            assert {key: arns(value)[0] for key, value in here["Condition"][operator].items()} == keys, action


@pytest.mark.parametrize(
    ("name", "role", "tag"),
    [
        (FILES[0], "ProjectRole", "run-id"), (FILES[0], "WatchdogRole", "run-id"),
        (FILES[1], "ProjectRole", "run-id"), (FILES[1], "WatchdogRole", "run-id"),
        (FILES[2], "ExperimentsRole", "execution"),
    ],
)  # fmt: skip
def test_a_role_reaches_experiments_of_its_own_kind_alone(name: str, role: str, tag: str) -> None:
    of_request = {"fis:StartExperiment", "fis:TagResource"}
    of_resource = {"fis:GetExperiment", "fis:ListExperimentResolvedTargets", "fis:StopExperiment"}
    seen = set()
    for statement in allowed(documents(load(name))[role]):
        for action in set(as_list(statement["Action"])) & (of_request | of_resource):
            key = f"aws:{'Request' if action in of_request else 'Resource'}Tag/faultgate:{tag}"
            assert statement["Condition"] == {"Null": {key: "false"}}, f"{role}: {action}"
            seen.add(action)
    assert "fis:StopExperiment" in seen


def test_the_container_runs_in_the_regions_of_the_stack_alone() -> None:
    role = load(FILES[1])["Resources"]["ProjectRole"]["Properties"]["Policies"]
    (given,) = [each["PolicyDocument"]["Statement"] for each in role if each["PolicyName"] == "faultgate"]
    (denied,) = [each for each in given if each.get("Effect") == "Deny"]
    services = {action.split(":")[0] for action in actions([each for each in given if "Fn::If" not in each])}
    assert denied["Action"] == [f"{service}:*" for service in ("fis", "cloudwatch", "events", "sqs")]
    assert {each.split(":")[0] for each in denied["Action"]} == services
    assert list(denied["Condition"]) == ["StringNotEquals"]
    assert list(denied["Condition"]["StringNotEquals"]) == ["aws:RequestedRegion"]


def test_the_scheduled_sweep_may_do_what_its_manual_says() -> None:
    """Action by action, on the same resources of this account, under the same conditions."""

    def by_action(statements: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            action: (as_list(each["Resource"]), each.get("Condition"))
            for each in statements
            for action in as_list(each["Action"])
        }

    printed = json.loads((TEMPLATES / "iam" / "sweep.json").read_text())
    text = json.dumps(load(FILES[3])["Resources"]["OwnAccountPolicy"]["Properties"]["PolicyDocument"])
    text = re.sub(r'\{"Fn::Sub": ("[^"]*")\}', r"\1", text)
    given = json.loads(text.replace("${AWS::Partition}", "aws").replace("${AWS::AccountId}", "*"))
    statements = [each["Fn::If"][1] if "Fn::If" in each else each for each in given["Statement"]]
    assert by_action(statements) == by_action(printed["Statement"])


def test_the_schedule_may_start_its_project_alone() -> None:
    stack = load(FILES[3])
    target = stack["Resources"]["Sweep"]["Properties"]["Target"]
    assert target["RoleArn"] == {"Fn::GetAtt": ["ScheduleRole", "Arn"]}
    (statement,) = documents(stack)["ScheduleRole"]
    assert (statement["Action"], statement["Resource"]) == ("codebuild:StartBuild", target["Arn"])
    assert target["Arn"] == {"Fn::GetAtt": ["Project", "Arn"]}


# --- events


def matches(name: str, rule: str, event: dict[str, Any]) -> bool:
    """Whether the rule takes the event; what the template fills in is itself in the event."""
    pattern = load(name)["Resources"][rule]["Properties"]["EventPattern"]
    text = re.sub(r'\{"Ref": "(\w+)"\}', r'"\1"', json.dumps(pattern))
    return EventPattern.load(text).matches_event(event)


@pytest.mark.parametrize("status", ["pending", "initiating", "running", "stopping"])
@pytest.mark.parametrize("end", ["completed", "stopped", "failed", "cancelled"])
def test_the_listener_hears_ends_alone(status: str, end: str) -> None:
    def event(status: str) -> dict[str, Any]:
        detail = {"experiment-id": "EXP1", "experiment-template-id": "EXT1", "new-state": {"status": status}}
        return {"source": "aws.fis", "detail-type": "FIS Experiment State Change", "detail": detail}

    assert matches(FILES[2], "EndOfExperiment", event(end))
    assert not matches(FILES[2], "EndOfExperiment", event(status))


@pytest.mark.parametrize(
    ("status", "heard"), [("ABORTED", True), ("FAILED", True), ("TIMED_OUT", True), ("SUCCEEDED", False), ("RUNNING", False)]
)
def test_the_sweeper_hears_executions_that_did_not_succeed(status: str, heard: bool) -> None:
    event = {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"stateMachineArn": "Gate", "status": status, "executionArn": "x"},
    }
    assert matches(FILES[2], "DeadExecution", event) is heard


@pytest.mark.parametrize("name", FILES[:2])
@pytest.mark.parametrize(
    ("status", "heard"),
    [("STOPPED", True), ("FAILED", True), ("TIMED_OUT", True), ("FAULT", True), ("SUCCEEDED", False), ("IN_PROGRESS", False)],
)
def test_the_watchdog_hears_builds_that_did_not_succeed(name: str, status: str, heard: bool) -> None:
    event = {
        "source": "aws.codebuild",
        "detail-type": "CodeBuild Build State Change",
        "detail": {"project-name": "Project", "build-status": status, "build-id": "x"},
    }
    assert matches(name, "DeadBuild", event) is heard
    event["detail"]["project-name"] = "another"  # type: ignore[index]
    assert not matches(name, "DeadBuild", event)


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED", "RUNNING"])
def test_the_rollback_waits_for_the_watchdog_and_hears_it_however_it_ends(status: str) -> None:
    detail = {"stateMachineArn": "Watchdog", "status": status, "input": "{}"}
    event = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
    assert matches(FILES[0], "NotPassed", event) is (status != "RUNNING")
    assert not matches(FILES[0], "NotPassed", event | {"detail": detail | {"stateMachineArn": "another"}})


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "STOPPED", "IN_PROGRESS"])
def test_what_passes_in_production_is_heard(status: str) -> None:
    detail = {"project-name": "Project", "build-status": status, "build-id": "x"}
    event = {"source": "aws.codebuild", "detail-type": "CodeBuild Build State Change", "detail": detail}
    assert matches(FILES[0], "PassedInProduction", event) is (status == "SUCCEEDED")
    assert not matches(FILES[0], "PassedInProduction", event | {"detail": detail | {"project-name": "another"}})


@pytest.mark.parametrize("name", BUILDSPECS)
def test_the_build_exports_what_a_run_writes(name: str) -> None:
    manual = (TEMPLATES.parent / "docs" / "reports.md").read_text()
    for variable in BUILDSPECS[name].exports:
        # Its own, for the rollback.
        if variable == "LAUNCHED":
            continue
        assert f"`{variable}`" in manual
