"""The library of FIS templates as data: what is given to each, and what CloudFormation would make of it."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from stacks import ACCOUNT, REGION, load
from terraform import FOLDERS, LIBRARY

__all__ = ["FOLDERS", "GIVEN", "LIBRARY", "MADE", "properties", "render", "stack", "statements", "values"]

BALANCER = {"LoadBalancer": "app/staging/0123456789abcdef"}
CLUSTER = {"Cluster": "staging", "Selector": "app=shop"}
# What has no default.
GIVEN: dict[str, dict[str, str]] = {
    "api-errors": {"RoleName": "shop", "Operations": "DescribeInstances"} | BALANCER,
    "aurora-failover": BALANCER,
    "az-power-interruption": {"AvailabilityZone": "eu-west-1a"} | BALANCER,
    "cross-region-connectivity": {"OtherRegion": "eu-central-1", "TableName": "orders", "BucketName": "pictures"}
    | BALANCER,
    "dynamodb-replication-pause": {"TableName": "orders"} | BALANCER,
    "ec2-latency": BALANCER,
    "ec2-stop": BALANCER,
    "ecs-task-cpu": {"Cluster": "staging", "Service": "shop"} | BALANCER,
    "ecs-task-stop": {"Cluster": "staging", "Service": "shop"} | BALANCER,
    "eks-pod-delete": CLUSTER | BALANCER,
    "eks-pod-latency": CLUSTER | BALANCER,
    "lambda-faults": {"ConfigurationPath": "my-bucket/FisConfigs/", "ApiId": "a1b2c3d4e5"},
}
# What is made, by the names of CloudFormation. Of Terraform's the same is said in test_library_terraform.py.
MADE = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
    "Alarm.Arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:guard",
    "ExperimentRole.Arn": f"arn:aws:iam::{ACCOUNT}:role/experiment",
    "ExperimentLogs.Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:experiment:*",
    "Reports": "reports",
    "Reports.Arn": "arn:aws:s3:::reports",
}


@cache
def stack(folder: str) -> dict[str, Any]:
    return load(f"fis/{folder}/template.yml")


def values(folder: str) -> dict[str, Any]:
    """Parameters, given or by default, and what is made."""
    parameters = {
        name: GIVEN[folder].get(name, about.get("Default")) for name, about in stack(folder)["Parameters"].items()
    }
    return MADE | {"AWS::StackName": folder} | parameters


def render(folder: str, node: Any) -> Any:
    """The node as CloudFormation resolves it. Whatever it does not know is a failure."""
    template, known = stack(folder), values(folder)

    def of(node: Any) -> Any:
        if isinstance(node, list):
            return [of(each) for each in node]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, argument),) = node.items()
            if function == "Ref":
                return known[argument]
            if function == "Fn::GetAtt":
                return known[".".join(argument)]
            if function == "Fn::Sub":
                text, own = (argument, {}) if isinstance(argument, str) else (argument[0], of(argument[1]))
                return re.sub(r"\$\{([\w:.]+)\}", lambda found: str((known | own)[found[1]]), text)
            if function == "Fn::FindInMap":
                name, key, column = of(argument)
                return template["Mappings"][name][key][column]
            assert not function.startswith("Fn::"), function
        return {key: of(each) for key, each in node.items()}

    return of(node)


def properties(folder: str, resource: str) -> dict[str, Any]:
    return render(folder, stack(folder)["Resources"][resource]["Properties"])


def statements(folder: str) -> list[dict[str, Any]]:
    """What the experiment's role may do, everything as lists."""

    def listed(value: Any) -> list[Any]:
        return value if isinstance(value, list) else [value]

    (policy,) = properties(folder, "ExperimentRole")["Policies"]
    return [
        each | {"Action": listed(each["Action"]), "Resource": listed(each["Resource"])}
        for each in json.loads(json.dumps(policy["PolicyDocument"]["Statement"]))
    ]
