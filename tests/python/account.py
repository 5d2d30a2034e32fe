"""What a user has in the account before a run: a template, an alarm, perhaps a rule and a queue."""

from __future__ import annotations

import json
from typing import Any

from moto_world import Moto
from support import ACCOUNT, REGION

ALARM = "shop-5xx"
ALARM_ARN = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{ALARM}"


def make_alarm(moto: Moto, state: str = "OK") -> None:
    moto.cloudwatch.put_metric_alarm(
        AlarmName=ALARM, Namespace="Shop", MetricName="Errors", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    set_alarm(moto, state)


def set_alarm(moto: Moto, state: str) -> None:
    moto.cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue=state, StateReason="set by the test")


def make_template(moto: Moto, **changes: Any) -> str:
    """A template with one action on one instance, stopped by the alarm. Returns its id.

    moto only resolves targets that are given by ARN.
    """
    target = {
        "resourceType": "aws:ec2:instance",
        "resourceArns": [f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0123456789abcdef0"],
        "selectionMode": "ALL",
    }
    template = {
        "clientToken": f"template {len(moto.inventory()['templates'])}",
        "description": "stop one instance",
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/chaos",
        "targets": {"one": target},
        "actions": {"stop": {"actionId": "aws:ec2:stop-instances", "targets": {"Instances": "one"}}},
        "stopConditions": [{"source": "aws:cloudwatch:alarm", "value": ALARM_ARN}],
    } | changes
    return moto.fis.create_experiment_template(**template)["experimentTemplate"]["id"]


def make_shared_queue(moto: Moto) -> str:
    """The user's own permanent rule for all FIS events, and its queue. Returns the queue's URL."""
    name = "team-fis-events"
    queue = moto.sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    moto.events.put_rule(Name=name, EventPattern=json.dumps({"source": ["aws.fis"]}))
    target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"}
    assert moto.events.put_targets(Rule=name, Targets=[target])["FailedEntryCount"] == 0
    return queue


def bodies_in(moto: Moto, queue: str) -> list[dict[str, Any]]:
    """All visible messages of a queue; they stay hidden afterwards."""
    found: list[dict[str, Any]] = []
    while messages := moto.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
        found += [json.loads(message["Body"]) for message in messages]
    return found


def count_in(moto: Moto, queue: str) -> int:
    """Messages in a queue, visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = moto.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(count) for count in counts.values())
