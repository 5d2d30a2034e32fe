"""A template as a stack on moto: as it stands, with parameters and no more.

What moto's CloudFormation leaves out is made up for here: conditions are decided, `AWS::NoValue` is dropped, a state
machine's definition and its substitutions become one string, and resources of kinds that it does not know (a CodeBuild
project, an FIS template …) have a stand-in for a name. Those are held to their schemas by cfn-lint.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from dataclasses import dataclass
from typing import Any

import boto3
from moto.cloudformation.parsing import get_model_map
from moto.stepfunctions.models import stepfunctions_backends
from stacks import ACCOUNT, REGION, hasten, load

NOTHING = object()
# Of these it knows too little.
HALF_KNOWN = {"AWS::Batch::ComputeEnvironment", "AWS::Batch::JobDefinition", "AWS::Batch::JobQueue", "AWS::RDS::DBInstance", "AWS::SSM::Parameter"}


def decide(condition: Any, conditions: dict[str, Any], values: dict[str, str]) -> Any:
    if isinstance(condition, list):
        return [decide(each, conditions, values) for each in condition]
    if not isinstance(condition, dict):
        return condition
    ((function, argument),) = condition.items()
    if function == "Ref":
        return REGION if argument == "AWS::Region" else values[argument]
    if function == "Condition":
        return decide(conditions[argument], conditions, values)
    decided = [decide(each, conditions, values) for each in argument]
    if function == "Fn::Join":
        return decided[0].join(decided[1])
    if function == "Fn::Equals":
        return decided[0] == decided[1]
    if function == "Fn::Not":
        return not decided[0]
    assert function in ("Fn::And", "Fn::Or"), function
    return all(decided) if function == "Fn::And" else any(decided)


class Fold:
    """A template without conditions, whose resources are all of kinds that moto knows."""

    def __init__(self, template: dict[str, Any], values: dict[str, str]) -> None:
        conditions = template.get("Conditions", {})
        self.truth = {name: decide(each, conditions, values) for name, each in conditions.items()}
        self.here = {
            name: each for name, each in template["Resources"].items() if self.truth.get(each.get("Condition"), True)
        }
        # Others' tests teach moto kinds for the whole process, whichever run first: here they stay strangers.
        taught = {kind for kind, model in get_model_map().items() if model.__module__.endswith(".taught")}
        known = set(get_model_map()) - HALF_KNOWN - taught
        self.strangers = {name for name, each in self.here.items() if each["Type"] not in known}
        self.resources = {}
        for name, each in self.here.items():
            if name not in self.strangers:
                plain = {key: value for key, value in each.items() if key not in ("Condition", "Metadata")}
                self.resources[name] = self.fold(machine(plain))

    def stand_in(self, name: str, attribute: str = "Ref") -> str:
        kind = self.here[name]["Type"].split("::")[1].lower()
        return f"arn:aws:{kind}:{REGION}:{ACCOUNT}:{name}" if attribute == "Arn" else f"{name}-{attribute}"

    def _named(self, reference: re.Match[str]) -> str:
        name, _, attribute = reference[1].partition(".")
        return self.stand_in(name, attribute or "Ref") if name in self.strangers else reference[0]

    def fold(self, node: Any) -> Any:
        if isinstance(node, list):
            return [each for each in map(self.fold, node) if each is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, argument),) = node.items()
            if function == "Fn::If":
                return self.fold(argument[1 if self.truth[argument[0]] else 2])
            if function == "Ref":
                if argument == "AWS::NoValue":
                    return NOTHING
                return self.stand_in(argument) if argument in self.strangers else node
            if function == "Fn::GetAtt" and argument[0] in self.strangers:
                return self.stand_in(*argument)
            if function == "Fn::Sub":
                text, *more = argument if isinstance(argument, list) else [argument]
                return {function: [re.sub(r"\$\{([\w.]+)\}", self._named, text), *self.fold(more)] if more
                        else re.sub(r"\$\{([\w.]+)\}", self._named, text)}  # fmt: skip
        folded = {key: self.fold(value) for key, value in node.items()}
        return {key: value for key, value in folded.items() if value is not NOTHING}


def machine(resource: dict[str, Any]) -> dict[str, Any]:
    """A state machine with its definition as one string, and waits cut short."""
    properties = resource.get("Properties", {})
    if resource["Type"] != "AWS::StepFunctions::StateMachine":
        return resource
    text = json.dumps(hasten(properties["Definition"]))
    string = {"Fn::Sub": [text, properties["DefinitionSubstitutions"]]}
    return {"Type": resource["Type"], "Properties": {"RoleArn": properties["RoleArn"], "DefinitionString": string}}


@dataclass
class Stack:
    """A stack that has been created."""

    ids: dict[str, str]
    strangers: set[str]

    def machine(self, name: str) -> str:
        return self.ids[name]

    def statements(self, role: str) -> list[dict[str, Any]]:
        """The policies of a role, as IAM has them."""
        iam, name = boto3.client("iam"), self.ids[role]
        documents = [
            iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"]
            for each in iam.list_role_policies(RoleName=name)["PolicyNames"]
        ]
        # moto keeps what a role brings along as Python's text of it.
        read = [ast.literal_eval(each) if isinstance(each, str) else each for each in documents]
        return [statement for document in read for statement in document["Statement"]]


def deploy(file: str, **parameters: str) -> Stack:
    template = load(file)
    declared = template["Parameters"]
    values = {name: str(parameters.get(name, each.get("Default", ""))) for name, each in declared.items()}
    missing = {name for name, each in declared.items() if "Default" not in each} - set(parameters)
    assert not missing and set(parameters) <= set(declared), f"{file}: {missing or set(parameters) - set(declared)}"
    for name, value in values.items():
        if pattern := declared[name].get("AllowedPattern"):
            assert re.fullmatch(pattern, value), f"{name}: {value} is not {pattern}"
    folded = Fold(template, values)
    body = {
        "AWSTemplateFormatVersion": template["AWSTemplateFormatVersion"],
        "Parameters": {name: {"Type": "String"} for name in values},
        "Mappings": template.get("Mappings", {}),
        "Resources": folded.resources,
    }
    cloudformation = boto3.client("cloudformation", REGION)
    told = [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cloudformation.create_stack(StackName="stack", TemplateBody=json.dumps(body), Parameters=told)
    (stack,) = cloudformation.describe_stacks(StackName="stack")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    made = cloudformation.describe_stack_resources(StackName="stack")["StackResources"]
    assert {each["LogicalResourceId"] for each in made} == set(folded.resources)
    ids = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in made if "PhysicalResourceId" in each}
    # What interprets machines keeps them elsewhere than what creates stacks: each is made there under its name.
    for name, each in folded.resources.items():
        if each["Type"] == "AWS::StepFunctions::StateMachine":
            made_by_stack = stepfunctions_backends[ACCOUNT][REGION].describe_state_machine(ids[name])
            created = boto3.client("stepfunctions", REGION).create_state_machine(
                name=made_by_stack.name, definition=made_by_stack.definition, roleArn=made_by_stack.roleArn
            )
            assert created["stateMachineArn"] == ids[name]
    return Stack(ids, folded.strangers)
