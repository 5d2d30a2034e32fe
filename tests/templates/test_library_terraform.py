"""Terraform's files of the library make what the CloudFormation templates make, and hold against the provider's schema."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from library import FOLDERS, GIVEN, LIBRARY, MADE, properties, stack, statements, values
from stacks import ACCOUNT, REGION
from terraform import Files, Unknown, Values, load, mistakes

ATTRIBUTES = {
    "data.aws_caller_identity.current.account_id": ACCOUNT,
    "data.aws_partition.current.partition": "aws",
    "data.aws_partition.current.dns_suffix": MADE["AWS::URLSuffix"],
    "data.aws_region.current.region": REGION,
    "aws_cloudwatch_metric_alarm.guard.arn": MADE["Alarm.Arn"],
    "aws_iam_role.experiment.arn": MADE["ExperimentRole.Arn"],
    "aws_cloudwatch_log_group.experiment.arn": MADE["ExperimentLogs.Arn"].removesuffix(":*"),
    "aws_s3_bucket.reports.bucket": MADE["Reports"],
    "aws_s3_bucket.reports.id": MADE["Reports"],
    "aws_s3_bucket.reports.arn": MADE["Reports.Arn"],
}
each_folder = pytest.mark.parametrize("folder", FOLDERS)


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Plan:
    """What a folder's files come to with what CloudFormation is given."""

    def __init__(self, folder: str) -> None:
        self.files = load(folder)
        given = {snake(name): number_or_text(value) for name, value in GIVEN[folder].items()}
        self.values = Values(self.files, given, ATTRIBUTES)

    def __call__(self, type_: str, name: str) -> Any:
        return self.values.of(self.files.named(type_, name))


def number_or_text(value: str) -> Any:
    return int(value) if value.isdigit() else value


def strings(node: Any) -> Any:
    """Numbers as texts: CloudFormation makes texts of them, and so does Terraform where a text is wanted."""
    if isinstance(node, dict):
        return {key: strings(value) for key, value in node.items()}
    if isinstance(node, list):
        return [strings(value) for value in node]
    return str(node) if isinstance(node, int) and not isinstance(node, bool) else node


def pairs(blocks: list[dict[str, Any]]) -> dict[str, Any]:
    return {block["key"]: block["value"] for block in blocks}


@each_folder
def test_the_provider_takes_it_and_every_reference_is_there(folder: str) -> None:
    assert mistakes(load(folder)) == []


BROKEN = [
    ("selection_mode = var.selection", "selection = var.selection", "selection is not known"),
    ('resource_type  = "aws:ec2:instance"', "", "resource_type is missing"),
    ("var.selection", "var.selektion", "var.selektion is not there"),
    ("aws_iam_role.experiment.arn", "aws_iam_role.experiment.arm", "aws_iam_role.experiment.arm is not there"),
    ("log_configuration {", "log_config {", "log_config is not known as a block"),
    ("tags        = local.tags", 'tags        = "x"', "tags is not of the type map(string)"),
]


@pytest.mark.parametrize(("right", "broken", "told"), BROKEN)
def test_what_the_provider_would_refuse_is_found(right: str, broken: str, told: str) -> None:
    texts = dict(load("ec2-stop").texts)
    assert right in texts["main.tf"]
    texts["main.tf"] = texts["main.tf"].replace(right, broken, 1)
    assert any(told in one for one in mistakes(Files(texts))), mistakes(Files(texts))


def test_an_expression_that_is_not_known_is_no_value() -> None:
    values = Values(load("ec2-stop"), {"load_balancer": "x"}, ATTRIBUTES)
    assert values.of('"a-${var.load_balancer}-${local.region}"') == f"a-x-{REGION}"
    for unknown in ("${upper(var.name)}", "${aws_s3_bucket.other.arn}", '"${var.name == 1}"'):
        with pytest.raises(Unknown):
            values.of(unknown)


@each_folder
def test_the_provider_is_pinned_by_range(folder: str) -> None:
    (terraform,) = load(folder).top("terraform")
    (required,) = terraform["required_providers"]
    assert required["aws"] == {"source": '"hashicorp/aws"', "version": '">= 6.0, < 7.0"'}


@each_folder
def test_the_experiment_is_the_same(folder: str) -> None:
    made, plan = properties(folder, "ExperimentTemplate"), Plan(folder)("aws_fis_experiment_template", "experiment")
    (options,), (logs,), (report,) = (
        plan["experiment_options"],
        plan["log_configuration"],
        plan["experiment_report_configuration"],
    )
    (group,), (outputs,) = logs["cloudwatch_logs_configuration"], report["outputs"]
    (bucket,) = outputs["s3_configuration"]
    same = {
        "Description": plan["description"],
        "RoleArn": plan["role_arn"],
        "Tags": plan["tags"],
        "ExperimentOptions": {
            "AccountTargeting": options["account_targeting"],
            "EmptyTargetResolutionMode": options["empty_target_resolution_mode"],
        },
        "Targets": {each["name"]: target(each) for each in plan["target"]},
        "Actions": {each["name"]: action(each) for each in plan["action"]},
        "StopConditions": [{"Source": each["source"], "Value": each["value"]} for each in plan["stop_condition"]],
        "LogConfiguration": {
            "LogSchemaVersion": logs["log_schema_version"],
            "CloudWatchLogsConfiguration": {"LogGroupArn": group["log_group_arn"]},
        },
        "ExperimentReportConfiguration": {
            "Outputs": {
                "ExperimentReportS3Configuration": {"BucketName": bucket["bucket_name"], "Prefix": bucket["prefix"]}
            }
        },
    }
    assert strings(same) == strings(made)


def target(plan: dict[str, Any]) -> dict[str, Any]:
    filters = [{"Path": each["path"], "Values": each["values"]} for each in plan.get("filter", [])]
    made = {
        "ResourceType": plan["resource_type"],
        "SelectionMode": plan["selection_mode"],
        "ResourceTags": pairs(plan.get("resource_tag", [])),
        "ResourceArns": plan.get("resource_arns"),
        "Parameters": plan.get("parameters"),
        "Filters": filters,
    }
    return {key: value for key, value in made.items() if value}


def action(plan: dict[str, Any]) -> dict[str, Any]:
    made = {
        "ActionId": plan["action_id"],
        "Description": plan.get("description"),
        "Parameters": pairs(plan.get("parameter", [])),
        "Targets": pairs(plan.get("target", [])),
        "StartAfter": plan.get("start_after"),
    }
    return {key: value for key, value in made.items() if value}


def policy(plan: dict[str, Any]) -> list[dict[str, Any]]:
    made = []
    for each in plan["statement"]:
        conditions: dict[str, dict[str, Any]] = {}
        for one in each.get("condition", []):
            conditions.setdefault(one["test"], {})[one["variable"]] = one["values"]
        made.append(
            {
                "Sid": each.get("sid"),
                "Effect": each.get("effect", "Allow"),
                "Action": each["actions"],
                "Resource": each.get("resources"),
                "Condition": conditions or None,
                "Principal": [(one["type"], one["identifiers"]) for one in each.get("principals", [])] or None,
            }
        )
    return [{key: value for key, value in each.items() if value} for each in made]


def listed(statement: dict[str, Any]) -> dict[str, Any]:
    """A CloudFormation statement as Terraform writes it: lists throughout."""
    as_list = lambda value: value if isinstance(value, list) else [value]  # noqa: E731
    made = {key: as_list(value) if key in ("Action", "Resource") else value for key, value in statement.items()}
    if "Condition" in made:
        made["Condition"] = {
            test: {key: as_list(value) for key, value in keys.items()} for test, keys in made["Condition"].items()
        }
    if "Principal" in made:
        who = made["Principal"]
        made["Principal"] = [("*", ["*"])] if who == "*" else [(kind, as_list(names)) for kind, names in who.items()]
    return made


@each_folder
def test_the_role_is_the_same(folder: str) -> None:
    plan, role = Plan(folder), properties(folder, "ExperimentRole")
    assert policy(plan("aws_iam_policy_document", "experiment")) == [listed(each) for each in statements(folder)]
    trust = role["AssumeRolePolicyDocument"]["Statement"]
    assert policy(plan("aws_iam_policy_document", "trust")) == [listed(each) for each in trust]
    written = plan.files.named("aws_iam_role_policy", "experiment")
    assert written["policy"] == "${data.aws_iam_policy_document.experiment.json}"
    assert (
        plan.files.named("aws_iam_role", "experiment")["assume_role_policy"]
        == "${data.aws_iam_policy_document.trust.json}"
    )


@each_folder
def test_the_alarm_is_the_same(folder: str) -> None:
    made, plan = properties(folder, "Alarm"), Plan(folder)("aws_cloudwatch_metric_alarm", "guard")
    names = {
        "AlarmDescription",
        "Namespace",
        "MetricName",
        "Statistic",
        "ExtendedStatistic",
        "Period",
        "EvaluationPeriods",
        "Threshold",
        "ComparisonOperator",
        "TreatMissingData",
    }
    assert {key: value for key, value in made.items() if key != "Dimensions"} == {
        key: plan[snake(key)] for key in names if snake(key) in plan
    }
    assert {each["Name"]: each["Value"] for each in made["Dimensions"]} == plan["dimensions"]


@each_folder
def test_what_is_left_to_read_is_the_same(folder: str) -> None:
    plan, bucket = Plan(folder), properties(folder, "Reports")
    assert (
        plan("aws_cloudwatch_log_group", "experiment")["retention_in_days"]
        == properties(folder, "ExperimentLogs")["RetentionInDays"]
    )
    blocked = plan("aws_s3_bucket_public_access_block", "reports")
    assert {key: blocked[snake(key)] for key in bucket["PublicAccessBlockConfiguration"]} == bucket[
        "PublicAccessBlockConfiguration"
    ]
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    (encryption,) = plan("aws_s3_bucket_server_side_encryption_configuration", "reports")["rule"]
    assert encryption == {"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256"}]}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"] == [
        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    ]
    (rule,) = plan("aws_s3_bucket_lifecycle_configuration", "reports")["rule"]
    older = rule["noncurrent_version_expiration"][0]["noncurrent_days"]
    assert bucket["LifecycleConfiguration"]["Rules"] == [
        {
            "Id": rule["id"],
            "Status": rule["status"],
            "ExpirationInDays": rule["expiration"][0]["days"],
            "NoncurrentVersionExpiration": {"NoncurrentDays": older},
        }
    ]
    (versions,) = plan("aws_s3_bucket_versioning", "reports")["versioning_configuration"]
    assert bucket["VersioningConfiguration"] == {"Status": versions["status"]}
    (owner,) = plan("aws_s3_bucket_ownership_controls", "reports")["rule"]
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": owner["object_ownership"]}]
    (tls,) = properties(folder, "ReportsPolicy")["PolicyDocument"]["Statement"]
    assert policy(plan("aws_iam_policy_document", "only_by_tls")) == [listed(tls)]


@each_folder
def test_kubernetes_knows_the_role_by_the_same_name(folder: str) -> None:
    if "ExperimentUser" not in stack(folder)["Resources"]:
        assert not [one for _, one, _, _ in load(folder).blocks() if one == "aws_eks_access_entry"]
        return
    made, plan = properties(folder, "ExperimentUser"), Plan(folder)("aws_eks_access_entry", "experiment")
    assert (made["ClusterName"], made["PrincipalArn"], made["Username"]) == (
        plan["cluster_name"],
        plan["principal_arn"],
        plan["user_name"],
    )
    assert f"name: {made['Username']}" in (LIBRARY / folder / "rbac.yml").read_text()


@each_folder
def test_parameters_are_the_same_and_bounded_alike(folder: str) -> None:
    variables = load(folder).variables()
    parameters = stack(folder)["Parameters"]
    assert set(variables) == {snake(name) for name in parameters} | {"name"}
    known = Values(load(folder), {}, ATTRIBUTES)
    for name, about in parameters.items():
        variable = variables[snake(name)]
        assert known.of(variable["description"]) == about["Description"]
        default = known.of(variable["default"]) if "default" in variable else None
        assert str(default) == str(about.get("Default")), name
        (validation,) = variable["validation"]
        assert validation["condition"] == f"${{{condition(snake(name), about, variable)}}}", name


def condition(name: str, about: dict[str, Any], variable: dict[str, Any]) -> str:
    if about["Type"] == "Number":
        return f"var.{name} >= {about['MinValue']} && var.{name} <= {about['MaxValue']}"
    if "AllowedValues" in about:
        numbers = variable["type"] in ("number", "${number}")
        return f"contains([{', '.join(each if numbers else json.dumps(each) for each in about['AllowedValues'])}], var.{name})"
    return f"can(regex({json.dumps(about['AllowedPattern'])}, var.{name}))"


@each_folder
def test_outputs_are_the_same(folder: str) -> None:
    outputs = stack(folder)["Outputs"]
    known = Values(load(folder), {}, ATTRIBUTES)
    assert {name: known.of(each["description"]) for name, each in load(folder).outputs().items()} == {
        snake(name): each["Description"] for name, each in outputs.items()
    }
    assert values(folder)["AWS::StackName"] == known.of(load(folder).variables()["name"]["default"])
