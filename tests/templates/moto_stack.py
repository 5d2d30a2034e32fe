"""Stacks on moto: its CloudFormation resolves the templates, and learns here of the resources that it does not know.

What it does not know it asks moto's own services for, as CloudFormation does, so that botocore's models judge it.
"""

from __future__ import annotations

from typing import Any

import boto3
from botocore.model import ListShape, MapShape, Shape, StructureShape
from moto.core.common_models import CloudFormationModel

# Members that CloudFormation calls otherwise than the service does.
RENAMED = {"ExperimentReportS3Configuration": "s3Configuration"}


class Taught(CloudFormationModel):
    """A resource that is known by its id, and by its attributes."""

    # Moto files its models by the second part of their module's name.
    __module__ = "moto.cloudformation.taught"

    def __init__(self, id: str, **attributes: str) -> None:
        self.id, self.attributes = id, attributes

    @property
    def physical_resource_id(self) -> str:
        return self.id

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return True

    def get_cfn_attribute(self, attribute_name: str) -> str:
        return self.attributes[attribute_name]


class TaughtTemplate(CloudFormationModel):
    __module__ = "moto.fis.taught"

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::FIS::ExperimentTemplate"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return attr == "Id"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> Taught:
        fis = boto3.client("fis", region_name=region_name)
        made = fis.create_experiment_template(
            **as_request("CreateExperimentTemplate", cloudformation_json["Properties"])
        )
        return Taught(made["experimentTemplate"]["id"], Id=made["experimentTemplate"]["id"])


class TaughtAlarm(CloudFormationModel):
    __module__ = "moto.cloudwatch.taught"

    @staticmethod
    def cloudformation_name_type() -> str:
        return "AlarmName"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::CloudWatch::Alarm"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> Taught:
        cloudwatch = boto3.client("cloudwatch", region_name=region_name)
        cloudwatch.put_metric_alarm(**alarm_request(resource_name, cloudformation_json["Properties"]))
        (made,) = cloudwatch.describe_alarms(AlarmNames=[resource_name])["MetricAlarms"]
        return Taught(resource_name, Arn=made["AlarmArn"])


def alarm_request(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    return properties | {"AlarmName": name, "Threshold": float(properties["Threshold"])}


def as_request(operation: str, properties: dict[str, Any]) -> dict[str, Any]:
    """A template's properties as the request for it: CloudFormation begins members with a capital."""
    model = boto3.client("fis", region_name="eu-west-1").meta.service_model
    shape = model.operation_model(operation).input_shape
    return _member(shape, properties | {"ClientToken": "library"})


def _member(shape: Shape, value: Any) -> Any:
    if isinstance(shape, StructureShape):
        made = {}
        for name, each in value.items():
            member = RENAMED.get(name, name[0].lower() + name[1:])
            assert member in shape.members, f"{shape.name} has no {member}"
            made[member] = _member(shape.members[member], each)
        return made
    if isinstance(shape, MapShape):
        return {key: _member(shape.value, each) for key, each in value.items()}
    if isinstance(shape, ListShape):
        return [_member(shape.member, each) for each in value]
    # CloudFormation makes texts of numbers where texts are wanted, and numbers of texts.
    return int(value) if shape.type_name == "integer" else str(value)
