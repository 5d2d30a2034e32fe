"""boto3 on the embedded EventBridge, SQS and CloudWatch, as far as a run needs them."""

from __future__ import annotations

import hashlib
import json
import signal
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from embedded import ALARM, MARKER, SYSTEM_ALARM, TEMPLATE, Embedded
from support import ACCOUNT, REGION

Serve = Callable[..., Embedded]


def test_a_subscription_is_made_found_and_removed(serve: Serve) -> None:
    world = serve()
    queue = world.subscribe("mine")
    rule = world.events.describe_rule(Name="mine")
    assert (rule["State"], rule["EventBusName"]) == ("ENABLED", "default")
    assert TEMPLATE in rule["EventPattern"]
    assert [each["Name"] for each in world.events.list_rules(NamePrefix="mi")["Rules"]] == ["mine"]
    targets = world.events.list_targets_by_rule(Rule="mine")["Targets"]
    assert targets == [{"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:mine"}]
    assert world.sqs.get_queue_url(QueueName="mine")["QueueUrl"] == queue
    assert world.sqs.list_queues(QueueNamePrefix="mi")["QueueUrls"] == [queue]
    assert world.sqs.list_queue_tags(QueueUrl=queue)["Tags"] == {"team": "chaos"}
    attributes = world.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert attributes["QueueArn"] == targets[0]["Arn"]
    assert "events.amazonaws.com" in attributes["Policy"]

    with pytest.raises(ClientError, match="targets") as refused:
        world.events.delete_rule(Name="mine")
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert world.events.remove_targets(Rule="mine", Ids=["queue"])["FailedEntryCount"] == 0
    world.events.delete_rule(Name="mine")
    with pytest.raises(world.events.exceptions.ResourceNotFoundException):
        world.events.describe_rule(Name="mine")
    with pytest.raises(world.events.exceptions.ResourceNotFoundException):
        world.events.remove_targets(Rule="mine", Ids=["queue"])
    world.events.delete_rule(Name="mine")

    world.sqs.delete_queue(QueueUrl=queue)
    assert world.sqs.list_queues().get("QueueUrls", []) == []
    for call in (
        lambda: world.sqs.receive_message(QueueUrl=queue),
        lambda: world.sqs.get_queue_url(QueueName="mine"),
        lambda: world.sqs.delete_queue(QueueUrl=queue),
    ):
        with pytest.raises(world.sqs.exceptions.QueueDoesNotExist) as gone:
            call()
        assert gone.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    with pytest.raises(world.sqs.exceptions.QueueDeletedRecently):
        world.sqs.create_queue(QueueName="mine")


def test_only_a_queue_whose_policy_allows_it_receives(serve: Serve) -> None:
    world = serve()
    allowed = world.subscribe("allowed")
    closed = world.sqs.create_queue(QueueName="closed")["QueueUrl"]
    world.events.put_targets(
        Rule="allowed", Targets=[{"Id": "closed", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:closed"}]
    )
    world.mark("end")
    world.events_until(allowed, "end")
    assert "Messages" not in world.sqs.receive_message(QueueUrl=closed, WaitTimeSeconds=0)


def test_a_long_poll_wakes_for_an_event_and_ends_without_one(serve: Serve) -> None:
    world = serve()
    queue = world.subscribe()
    begun = time.monotonic()
    assert "Messages" not in world.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
    assert time.monotonic() - begun >= 1.0, "it did not wait"
    # `initiating` comes 200 ms after the start: the poll is open by then, and ends long before its time.
    world.start("one")
    begun = time.monotonic()
    (message,) = world.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert time.monotonic() - begun < 10.0, "it did not wake"
    assert message["MD5OfBody"] == hashlib.md5(message["Body"].encode()).hexdigest()
    assert json.loads(message["Body"])["detail"]["new-state"]["status"] == "initiating"


def test_messages_are_hidden_given_back_and_deleted(serve: Serve) -> None:
    sqs = serve().sqs
    queue = sqs.create_queue(QueueName="plain", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
    assert sqs.create_queue(QueueName="plain", Attributes={"VisibilityTimeout": "600"})["QueueUrl"] == queue
    with pytest.raises(sqs.exceptions.QueueNameExists):
        sqs.create_queue(QueueName="plain", Attributes={"VisibilityTimeout": "601"})
    ids = {sqs.send_message(QueueUrl=queue, MessageBody=f"message {n}")["MessageId"] for n in range(3)}

    def receive() -> list[dict[str, str]]:
        return sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])

    first = receive()
    assert {message["MessageId"] for message in first} == ids and receive() == []
    entries = [
        {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
        for n, message in enumerate(first)
    ]
    given_back = sqs.change_message_visibility_batch(QueueUrl=queue, Entries=entries)
    assert {each["Id"] for each in given_back["Successful"]} == {"0", "1", "2"}
    second = receive()
    assert {message["MessageId"] for message in second} == ids
    entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(second)]
    assert len(sqs.delete_message_batch(QueueUrl=queue, Entries=entries)["Successful"]) == 3
    counts = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=counts)["Attributes"]
    assert left == dict.fromkeys(counts, "0")


def test_events_of_aws_sources_are_refused_one_by_one(serve: Serve) -> None:
    world = serve()
    queue = world.subscribe()
    detail = json.dumps({"nonce": "mine", "experiment-template-id": TEMPLATE})
    answer = world.events.put_events(
        Entries=[
            {"Source": "aws.fis", "DetailType": "FIS Experiment State Change", "Detail": detail},
            {"Source": MARKER, "DetailType": "Marker", "Detail": detail},
        ]
    )
    assert answer["FailedEntryCount"] == 1
    refused, accepted = answer["Entries"]
    assert refused["ErrorCode"] == "NotAuthorizedForSourceException" and "EventId" not in refused
    (event,) = world.events_until(queue, "mine")
    assert (event["id"], event["source"]) == (accepted["EventId"], MARKER)


def test_patterns_are_checked_and_can_be_tried(serve: Serve) -> None:
    events = serve().events
    with pytest.raises(events.exceptions.InvalidEventPatternException):
        events.put_rule(Name="torn", EventPattern='{"source": "aws.fis"}')
    with pytest.raises(events.exceptions.ResourceNotFoundException):
        events.put_targets(Rule="torn", Targets=[{"Id": "q", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"}])
    event = {
        "id": "e", "account": ACCOUNT, "source": "aws.fis", "time": "2026-01-01T00:00:00Z",
        "region": REGION, "resources": [], "detail-type": "t", "detail": {"state": "x"},
    }  # fmt: skip
    for wanted, result in (("x", True), ("y", False)):
        pattern = json.dumps({"detail": {"state": [wanted]}})
        assert events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"] is result


def test_alarms_are_described_made_and_set(serve: Serve) -> None:
    cloudwatch = serve().cloudwatch
    (born,) = cloudwatch.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
    assert (born["StateValue"], born["AlarmArn"]) == (
        "OK",
        f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{ALARM}",
    )
    cloudwatch.put_metric_alarm(
        AlarmName="mine", Namespace="Shop", MetricName="Errors", Statistic="Sum", Period=60,
        EvaluationPeriods=1, Threshold=2.5, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule='ALARM("mine")')
    cloudwatch.set_alarm_state(AlarmName="mine", StateValue="ALARM", StateReason="because")
    kinds = ["MetricAlarm", "CompositeAlarm"]
    found = cloudwatch.describe_alarms(AlarmNames=["mine", "both", "none"], AlarmTypes=kinds)
    (metric,), (composite,) = found["MetricAlarms"], found["CompositeAlarms"]
    assert (metric["StateValue"], metric["StateReason"], metric["Threshold"]) == ("ALARM", "because", 2.5)
    assert metric["StateUpdatedTimestamp"] >= born["StateUpdatedTimestamp"]
    assert (composite["AlarmName"], composite["StateValue"]) == ("both", "INSUFFICIENT_DATA")
    assert cloudwatch.describe_alarms(AlarmNames=["both"])["CompositeAlarms"] == [], "only if asked for"
    paginator = cloudwatch.get_paginator("describe_alarms")
    pages = list(paginator.paginate(AlarmTypes=kinds, PaginationConfig={"PageSize": 2}))
    assert [len(page["MetricAlarms"]) + len(page["CompositeAlarms"]) for page in pages] == [2, 2]
    with pytest.raises(cloudwatch.exceptions.ResourceNotFound):
        cloudwatch.set_alarm_state(AlarmName="none", StateValue="OK", StateReason="x")


def test_an_alarm_tells_of_its_changes_and_its_history_keeps_them(serve: Serve) -> None:
    embedded = serve()
    cloudwatch, queue = embedded.cloudwatch, embedded.subscribe()
    arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{SYSTEM_ALARM}"
    pattern = {"$or": [
        {"source": ["aws.cloudwatch"], "account": [ACCOUNT], "detail": {"alarmName": [SYSTEM_ALARM]}},
        {"source": [MARKER]},
    ]}  # fmt: skip
    embedded.events.put_rule(Name="listener", EventPattern=json.dumps(pattern))
    for state, why in (("ALARM", "slow"), ("ALARM", "slower"), ("OK", "fast again")):
        cloudwatch.set_alarm_state(AlarmName=SYSTEM_ALARM, StateValue=state, StateReason=why)
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="INSUFFICIENT_DATA", StateReason="not asked for")
    embedded.mark("end")
    told = [event for event in embedded.events_until(queue, "end") if event["source"] == "aws.cloudwatch"]
    assert [event["detail"]["state"]["value"] for event in told] == ["ALARM", "OK"], "each change once"
    assert {event["detail-type"] for event in told} == {"CloudWatch Alarm State Change"}
    assert {event["detail"]["alarmName"] for event in told} == {SYSTEM_ALARM}
    assert [event["resources"] for event in told] == [[arn], [arn]]
    assert told[0]["detail"]["previousState"]["value"] == "OK"
    written = datetime.strptime(told[0]["detail"]["state"]["timestamp"], "%Y-%m-%dT%H:%M:%S.%f%z")

    history = cloudwatch.get_paginator("describe_alarm_history")
    asked = {"AlarmName": SYSTEM_ALARM, "HistoryItemType": "StateUpdate", "ScanBy": "TimestampAscending"}
    pages = list(history.paginate(**asked, PaginationConfig={"PageSize": 1}))
    items = [item for page in pages for item in page["AlarmHistoryItems"]]
    assert [item["HistorySummary"] for item in items] == [
        "Alarm updated from OK to ALARM", "Alarm updated from ALARM to OK",
    ]  # fmt: skip
    data = json.loads(items[0]["HistoryData"])
    assert data["newState"] == {"stateValue": "ALARM", "stateReason": "slow"}
    assert abs((items[0]["Timestamp"] - written).total_seconds()) < 0.01
    first = cloudwatch.describe_alarm_history(AlarmName=SYSTEM_ALARM, MaxRecords=1)
    assert first["AlarmHistoryItems"][0]["HistorySummary"] == "Alarm updated from ALARM to OK", "newest first"
    later = items[-1]["Timestamp"] + timedelta(seconds=1)
    assert cloudwatch.describe_alarm_history(StartDate=later)["AlarmHistoryItems"] == []
    assert cloudwatch.describe_alarm_history(AlarmTypes=["CompositeAlarm"])["AlarmHistoryItems"] == []
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule=f'ALARM("{SYSTEM_ALARM}")')
    (made,) = cloudwatch.describe_alarm_history(AlarmTypes=["CompositeAlarm"])["AlarmHistoryItems"]
    assert (made["AlarmName"], made["HistoryItemType"]) == ("both", "ConfigurationUpdate")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serving_ends_with_a_signal(serve: Serve, number: signal.Signals) -> None:
    world = serve("denied")
    with pytest.raises(ClientError) as denied:
        world.start("one")
    assert denied.value.response["Error"]["Code"] == "AccessDeniedException"
    world.process.send(number)
    assert world.process.wait() == 0, world.process.transcript()


def test_sts_tells_the_account(serve: Serve) -> None:
    world = serve()
    told = world.client("sts").get_caller_identity()
    assert told["Account"] == ACCOUNT and told["Arn"].startswith(f"arn:aws:iam::{ACCOUNT}:") and told["UserId"]
