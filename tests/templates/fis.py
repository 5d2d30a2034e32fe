"""A fake of FIS for state machines: what it is asked is kept, and the test says how experiments go."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from interpreter import refusal
from stacks import ACCOUNT, REGION

TEMPLATE = "EXT1a2b3c4d5e6f7"
ENDS = ("completed", "stopped", "failed", "cancelled")


class Fis:
    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.experiments: dict[str, dict[str, Any]] = {}
        self.started = threading.Event()
        self.refuses: dict[str, str] = {}
        # How a stop ends; None: never.
        self.stops_as: str | None = "stopped"
        self.page = 100
        # What targets have resolved to, each name as often as it has resources.
        self.resolved = ["web", "web"]

    def _called(self, operation: str) -> None:
        self.calls[operation] += 1
        if why := self.refuses.get(operation):
            raise refusal("fis", "ValidationException", why, operation)

    def add(
        self, status: str = "running", actions: dict[str, str] | None = None, template: str = TEMPLATE, **tags: str
    ) -> str:
        id = f"EXP{len(self.experiments):013}"
        self.experiments[id] = {
            "id": id,
            "arn": f"arn:aws:fis:{REGION}:{ACCOUNT}:experiment/{id}",
            "experimentTemplateId": template,
            "state": {"status": status, "reason": f"it is {status}"},
            "actions": {
                name: {"actionId": kind, "state": {"status": status}, "targets": {"Targets": "web"}}
                for name, kind in (actions or {"latency": "aws:ssm:send-command"}).items()
            },
            "experimentOptions": {"actionsMode": "run-all"},
            "tags": {name.replace("__", ":"): value for name, value in tags.items()},
        }
        return id

    def become(self, id: str, status: str, action_status: str | None = None, **error: str) -> None:
        experiment = self.experiments[id]
        experiment["state"] = {"status": status, "reason": f"it is {status}"}
        if error:
            experiment["state"]["error"] = error
        for action in experiment["actions"].values():
            action["state"]["status"] = action_status or status

    def status(self, id: str) -> str:
        return self.experiments[id]["state"]["status"]

    def event(self, id: str) -> dict[str, Any]:
        """The event by which FIS announces what the experiment has become."""
        experiment = self.experiments[id]
        return {
            "version": "0",
            "source": "aws.fis",
            "detail-type": "FIS Experiment State Change",
            "account": ACCOUNT,
            "region": REGION,
            "resources": [experiment["arn"]],
            "detail": {
                "experiment-id": id,
                "experiment-template-id": experiment["experimentTemplateId"],
                "new-state": experiment["state"],
                "old-state": {"status": "running", "reason": ""},
            },
        }

    # --- what is asked of it

    def start_experiment(self, **request: Any) -> dict[str, Any]:
        self._called("StartExperiment")
        id = self.add("pending", template=request["experimentTemplateId"])
        self.experiments[id]["tags"] = request["tags"]
        self.token = request["clientToken"]
        self.started.set()
        return {"experiment": self.experiments[id]}

    def get_experiment(self, id: str) -> dict[str, Any]:
        self._called("GetExperiment")
        return {"experiment": self.experiments[id]}

    def list_experiment_resolved_targets(self, **request: Any) -> dict[str, Any]:
        self._called("ListExperimentResolvedTargets")
        assert request["experimentId"] in self.experiments
        first = int(request.get("nextToken", "0"))
        of_page = self.resolved[first : first + self.page]
        answer: dict[str, Any] = {"resolvedTargets": [{"targetName": name} for name in of_page]}
        if first + self.page < len(self.resolved):
            answer["nextToken"] = str(first + self.page)
        return answer

    def stop_experiment(self, id: str) -> dict[str, Any]:
        self._called("StopExperiment")
        if self.status(id) in ENDS:
            raise refusal("fis", "ValidationException", "it has ended", "StopExperiment")
        self.become(id, self.stops_as or "stopping")
        return {"experiment": self.experiments[id]}

    def list_experiments(self, **request: Any) -> dict[str, Any]:
        self._called("ListExperiments")
        assert "experimentTemplateId" not in request, "experiments of every template are to be found"
        first = int(request.get("nextToken", "0"))
        summaries = [
            {key: each[key] for key in ("id", "arn", "experimentTemplateId", "state", "tags")}
            for each in self.experiments.values()
        ]
        answer: dict[str, Any] = {"experiments": summaries[first : first + self.page]}
        if first + self.page < len(summaries):
            answer["nextToken"] = str(first + self.page)
        return answer
