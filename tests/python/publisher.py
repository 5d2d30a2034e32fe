"""FIS's voice on moto's bus: moto keeps experiments but announces nothing."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from moto_world import Moto
from support import ACCOUNT, REGION

SOURCE, DETAIL_TYPE = "aws.fis", "FIS Experiment State Change"
# What FIS was in before, where nothing unusual happened.
BEFORE = {
    "initiating": "pending",
    "running": "initiating",
    "completed": "running",
    "stopping": "running",
    "stopped": "stopping",
    "failed": "running",
}


class Publisher:
    """State changes of one experiment: on the default bus, or straight into a queue."""

    def __init__(self, moto: Moto, experiment: str, template: str) -> None:
        self.moto, self.experiment, self.template = moto, experiment, template
        self.arn = f"arn:aws:fis:{REGION}:{ACCOUNT}:experiment/{experiment}"

    def detail(self, status: str, reason: str = "") -> dict[str, Any]:
        return {
            "experiment-id": self.experiment,
            "experiment-template-id": self.template,
            "new-state": {"status": status, "reason": reason or f"Experiment is {status}."},
            "old-state": {"status": BEFORE[status], "reason": ""},
        }

    def put(self, *statuses: str, reason: str = "") -> None:
        """Through the rule. AWS refuses this source to customers; moto takes it."""
        for status in statuses:
            entry = {
                "Source": SOURCE,
                "DetailType": DETAIL_TYPE,
                "Detail": json.dumps(self.detail(status, reason)),
                "Resources": [self.arn],
            }
            answer = self.moto.events.put_events(Entries=[entry])
            assert answer["FailedEntryCount"] == 0, answer

    def envelope(self, status: str, **changes: Any) -> dict[str, Any]:
        """The whole documented event, with the `account` that moto leaves out."""
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": DETAIL_TYPE,
            "source": SOURCE,
            "account": ACCOUNT,
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [self.arn],
            "detail": self.detail(status),
        } | changes

    def send(self, body: dict[str, Any] | str, times: int = 1) -> None:
        """Past the rule, into the run's own queue: the only way to repeat an event's id, or to send rubbish."""
        text = body if isinstance(body, str) else json.dumps(body)
        (queue,) = self.moto.sqs.list_queues(QueueNamePrefix="faultgate-")["QueueUrls"]
        for _ in range(times):
            self.moto.sqs.send_message(QueueUrl=queue, MessageBody=text)

    def complete(self) -> None:
        """The whole healthy life."""
        self.put("initiating", "running")
        self.moto.let_go()
        self.put("completed")
