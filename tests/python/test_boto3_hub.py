"""boto3 on the buses of several accounts of the embedded world: members that forward to a hub, and those it does not admit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded import TEMPLATE, Embedded
from support import ACCOUNT, REGION
from test_boto3_accounts import OTHER, ROLE, keys_of
from test_boto3_embedded import Serve

HUB = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/hub"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:hub"
TAKES = json.dumps({"source": ["aws.fis", "faultgate.handshake"]})


@pytest.fixture
def world(serve: Serve) -> Embedded:
    """A world with a bus and its queue, to which nobody else may send yet."""
    world = serve()
    assert world.events.create_event_bus(Name="hub")["EventBusArn"] == HUB
    rule = world.events.put_rule(Name="to-queue", EventBusName="hub", EventPattern=TAKES)["RuleArn"]
    assert rule == f"arn:aws:events:{REGION}:{ACCOUNT}:rule/hub/to-queue"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    world.sqs.create_queue(QueueName="hub", Attributes={"Policy": json.dumps({"Statement": [statement]})})
    answer = world.events.put_targets(Rule="to-queue", EventBusName="hub", Targets=[{"Id": "queue", "Arn": QUEUE}])
    assert answer["FailedEntryCount"] == 0
    return world


def admit(world: Embedded, principal: Any, condition: Any = None) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "events:PutEvents", "Resource": HUB}
    if condition:
        statement["Condition"] = condition
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    world.events.put_permission(EventBusName="hub", Policy=policy)
    assert json.loads(world.events.describe_event_bus(Name="hub")["Policy"])["Statement"] == [statement]


def join(world: Embedded) -> dict[str, Any]:
    """Lets the other account forward to the hub, and begins an experiment there."""
    keys = keys_of(world, ROLE)
    events, fis = world.client("events", keys=keys), world.client("fis", keys=keys)
    events.put_rule(Name="to-hub", EventPattern=TAKES)
    target = {"Id": "hub", "Arn": HUB}
    with pytest.raises(ClientError, match="RoleArn is required"):
        events.put_targets(Rule="to-hub", Targets=[target])
    events.put_targets(Rule="to-hub", Targets=[{**target, "RoleArn": f"arn:aws:iam::{OTHER}:role/forwarder"}])
    return fis.start_experiment(clientToken="one", experimentTemplateId=TEMPLATE)["experiment"]


def received(world: Embedded, wait: int) -> list[dict[str, Any]]:
    url = world.sqs.get_queue_url(QueueName="hub")["QueueUrl"]
    answer = world.sqs.receive_message(QueueUrl=url, WaitTimeSeconds=wait, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@pytest.mark.parametrize("named", [{"AWS": OTHER}, {"AWS": [f"arn:aws:iam::{OTHER}:root"]}])
def test_a_member_forwards_its_events_to_the_hub(world: Embedded, named: Any) -> None:
    admit(world, named)
    begun = join(world)
    (event, *_) = received(world, wait=10)
    assert (event["account"], event["region"], event["source"]) == (OTHER, REGION, "aws.fis")
    assert event["detail"]["experiment-id"] == begun["id"]


@pytest.mark.parametrize(
    ("principal", "condition"),
    [
        (None, None),
        ({"AWS": "999911112222"}, None),
        # The other account is in no organization.
        ("*", {"StringEquals": {"aws:PrincipalOrgID": "o-rehearsal"}}),
    ],
)
def test_who_is_not_admitted_is_not_heard(world: Embedded, principal: Any, condition: Any) -> None:
    if principal:
        admit(world, principal, condition)
    join(world)
    entry = {"Source": "faultgate.handshake", "DetailType": "T", "Detail": "{}", "EventBusName": HUB}
    strange = world.client("events", keys=keys_of(world, ROLE)).put_events(Entries=[entry])
    assert strange["FailedEntryCount"] == 0, "it is lost without a word"
    # What the hub's own account puts comes out alone.
    world.events.put_events(Entries=[{**entry, "Detail": json.dumps({"nonce": "own"})}])
    assert [event["detail"] for event in received(world, wait=10)] == [{"nonce": "own"}]


def test_buses_are_made_and_removed(world: Embedded) -> None:
    assert [bus["Name"] for bus in world.events.list_event_buses()["EventBuses"]] == ["default", "hub"]
    with pytest.raises(world.events.exceptions.ResourceAlreadyExistsException):
        world.events.create_event_bus(Name="hub")
    with pytest.raises(ClientError, match="while it has rules"):
        world.events.delete_event_bus(Name="hub")
    world.events.remove_targets(Rule="to-queue", EventBusName="hub", Ids=["queue"])
    world.events.delete_rule(Name="to-queue", EventBusName="hub")
    world.events.remove_permission(EventBusName="hub", RemoveAllPermissions=True)
    world.events.delete_event_bus(Name="hub")
    with pytest.raises(world.events.exceptions.ResourceNotFoundException):
        world.events.describe_event_bus(Name="hub")
