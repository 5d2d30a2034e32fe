"""boto3 on the endpoints that `faultgate rehearse --serve` opens."""

from __future__ import annotations

import json
from typing import Any

from support import ACCOUNT, REGION, Process, aws, eventually

TEMPLATE = "EXTrehearsal"
SECOND_TEMPLATE = "EXTrehearsal2"
ALARM = "rehearsal-steady"
SYSTEM_ALARM = "rehearsal-system"
MARKER = "test.marker"


class Embedded:
    """Clients for the services, and a subscription like faultgate's own."""

    def __init__(self, process: Process, settings: dict[str, str]) -> None:
        self.process, self.settings = process, settings
        assert settings["AWS_REGION"] == REGION
        self.url = settings["AWS_ENDPOINT_URL"]
        self.fis, self.events, self.sqs, self.cloudwatch = (
            self.client(name) for name in ("fis", "events", "sqs", "cloudwatch")
        )

    def client(self, service: str, attempts: int = 1, **settings: Any) -> Any:
        return aws(service, self.url, attempts=attempts, **settings)

    def subscribe(self, name: str = "listener", template: str = TEMPLATE) -> str:
        """Queue with policy, rule and target for a template's events and for markers. Returns the queue's URL."""
        rule_arn = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"
        queue_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        queue = self.sqs.create_queue(QueueName=name, Attributes={"Policy": policy}, tags={"team": "chaos"})
        pattern = {
            "$or": [
                {"source": ["aws.fis"], "detail": {"experiment-template-id": [template]}},
                {"source": [MARKER]},
            ]
        }
        answer = self.events.put_rule(Name=name, EventPattern=json.dumps(pattern))
        assert answer["RuleArn"] == rule_arn
        answer = self.events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": queue_arn}])
        assert answer["FailedEntryCount"] == 0
        return queue["QueueUrl"]

    def mark(self, nonce: str) -> None:
        """Puts a marker on the bus: what was announced before it has been delivered when it comes out."""
        entry = {"Source": MARKER, "DetailType": "Marker", "Detail": json.dumps({"nonce": nonce})}
        answer = self.events.put_events(Entries=[entry])
        assert answer["FailedEntryCount"] == 0 and answer["Entries"][0]["EventId"]

    def start(self, token: str, template: str = TEMPLATE) -> str:
        return self.fis.start_experiment(clientToken=token, experimentTemplateId=template)["experiment"]["id"]

    def state(self, experiment: str) -> dict[str, Any]:
        return self.fis.get_experiment(id=experiment)["experiment"]["state"]

    def until(self, experiment: str, status: str) -> dict[str, Any]:
        """Waits by GetExperiment: the only way where no event tells."""
        is_there = lambda: self.state(experiment)["status"] == status  # noqa: E731
        eventually(is_there, f"{experiment} is {status}")
        return self.fis.get_experiment(id=experiment)["experiment"]

    def events_until(self, queue: str, last: str) -> list[dict[str, Any]]:
        """Long polls until an event with this state, or a marker with this nonce, came out. All that came."""
        events: list[dict[str, Any]] = []

        def drained() -> bool:
            answer = self.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                events.append(json.loads(message["Body"]))
            return any(last in (state_of(event), event["detail"].get("nonce")) for event in events)

        eventually(drained, f"an event with {last}")
        return events


def state_of(event: dict[str, Any]) -> str | None:
    return event["detail"].get("new-state", {}).get("status")


def states(events: list[dict[str, Any]]) -> list[str]:
    return [state for event in events if (state := state_of(event))]
