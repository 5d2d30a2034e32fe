"""Where a fleet of gates works, on the clock of clock.py: FIS in many accounts with their quota, and S3. Requests are held against
botocore's models."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
from botocore.validate import ParamValidator
from clock import Clock, Failed, Signal, Steps, sleep
from executions import Task
from interpreter import from_wire, to_wire
from stacks import REGION

QUOTA = 5
ENDS = ("completed", "stopped", "failed", "cancelled")
RUNNING = ("pending", "initiating", "running", "stopping")


@cache
def shapes(service: str, operation: str) -> tuple[Any, Any]:
    model = boto3.client({"sfn": "stepfunctions"}.get(service, service), REGION).meta.service_model
    named = model.operation_model(operation[0].upper() + operation[1:])
    return named.input_shape, named.output_shape


def called(service: str, operation: str, answers: Callable[..., dict[str, Any]]) -> Callable[[Task], Any]:
    """The service, called as `aws-sdk` calls it: in PascalCase, and by what its model knows."""

    def call(task: Task) -> Any:
        request, answer = shapes(service, operation)
        arguments = task.arguments
        if isinstance(arguments.get("Body"), dict):
            # What is put may be any JSON, and is written as such.
            arguments = arguments | {"Body": json.dumps(arguments["Body"])}
        wire = to_wire(arguments, request)
        report = ParamValidator().validate(wire, request)
        assert not report.has_errors(), report.generate_report()
        return from_wire(answers(task, **wire), answer)

    return call


class S3:
    def __init__(self) -> None:
        self.objects: dict[str, str] = {}
        self.calls: Counter[str] = Counter()

    def get_object(self, _: Task, Bucket: str, Key: str) -> dict[str, Any]:
        self.calls["GetObject"] += 1
        if Key not in self.objects:
            raise Failed("S3.NoSuchKeyException", Key)
        return {"Body": self.objects[Key]}

    def put_object(self, _: Task, Bucket: str, Key: str, Body: str, IfNoneMatch: str = "") -> dict[str, Any]:
        self.calls["PutObject"] += 1
        if IfNoneMatch == "*" and Key in self.objects:
            raise Failed("S3.S3Exception", "At least one of the pre-conditions you specified did not hold")
        self.objects[Key] = Body
        return {"ETag": "x"}

    def list_objects_v2(
        self, _: Task, Bucket: str, Prefix: str, Delimiter: str = "", MaxKeys: int = 1000, ContinuationToken: str = ""
    ) -> dict[str, Any]:
        self.calls["ListObjectsV2"] += 1
        keys = sorted(key for key in self.objects if key.startswith(Prefix))
        if Delimiter:
            ends = {key: key.find(Delimiter, len(Prefix)) for key in keys}
            keys = sorted({key[: end + 1] if (end := ends[key]) >= 0 else key for key in keys})
        page = [key for key in keys if key > ContinuationToken][:MaxKeys]
        more = bool(page) and page[-1] != keys[-1]
        whole = {"IsTruncated": more, "KeyCount": len(page)} | ({"NextContinuationToken": page[-1]} if more else {})
        contents = [{"Key": key, "Size": 1, "ETag": "x" * 34} for key in page if not (Delimiter and key.endswith(Delimiter))]
        prefixes = [{"Prefix": key} for key in page if Delimiter and key.endswith(Delimiter)]
        return whole | ({"Contents": contents} if contents else {}) | ({"CommonPrefixes": prefixes} if prefixes else {})


class Accounts:
    """FIS in every account and Region: `fates` says by template how an experiment ends, else it completes and injects."""

    def __init__(self, clock: Clock, fates: dict[str, str]) -> None:
        self.clock, self.fates = clock, fates
        self.experiments: dict[str, dict[str, Any]] = {}
        self.by_place: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        self.active: Counter[tuple[str, str]] = Counter()
        self.most_active = 0
        self.calls: Counter[str] = Counter()
        self.changed: dict[str, Signal] = {}
        self.random = random.Random(1)
        # Who hears of ends.
        self.announce: Callable[[dict[str, Any]], None] = lambda event: None

    def start(self, place: tuple[str, str], template: str, tags: dict[str, str], token: str) -> dict[str, Any]:
        self.calls["StartExperiment"] += 1
        for one in self.by_place[place]:
            if one["token"] == token:
                return one
        if self.fates.get(template) == "refused":
            raise Failed("Fis.ResourceNotFoundException", f"no {template}")
        if self.active[place] >= QUOTA:
            raise Failed("Fis.ServiceQuotaExceededException", "active experiments")
        self.active[place] += 1
        self.most_active = max(self.most_active, self.active[place])
        id = f"EXP{len(self.experiments):014}"
        one = {
            "id": id,
            "experimentTemplateId": template,
            "state": {"status": "running", "reason": "it is running"},
            "actions": {
                "latency": {"actionId": "aws:ssm:send-command", "state": {"status": "running"}, "targets": {"I": "web"}}
            },
            "experimentOptions": {"actionsMode": "run-all"},
            "tags": tags,
            "place": place,
            "token": token,
        }
        self.experiments[id] = one
        self.by_place[place].append(one)
        self.changed[id] = Signal()
        self.clock.spawn(self.life(one))
        return one

    def life(self, one: dict[str, Any]) -> Steps:
        fate = self.fates.get(one["experimentTemplateId"], "completed")
        yield from sleep(self.random.uniform(60, 900) if fate != "endless" else 10**7)
        how = {
            "stop-condition": ("stopped", "Experiment halted by stop condition."),
            "somebody": ("stopped", "Experiment stopped by user."),
            "nothing": ("completed", "it is completed"),
        }
        self.become(one, *how.get(fate, (fate, f"it is {fate}")), "skipped" if fate == "nothing" else "")

    def become(self, one: dict[str, Any], status: str, reason: str, action: str = "") -> None:
        if one["state"]["status"] in ENDS:
            return
        one["state"] = {"status": status, "reason": reason}
        one["actions"]["latency"]["state"]["status"] = action or status
        self.active[one["place"]] -= 1
        self.clock.tell(self.changed[one["id"]])
        self.announce({"detail": {"experiment-id": one["id"], "new-state": one["state"]}})

    def left(self) -> list[str]:
        """What still runs, anywhere."""
        return [id for id, one in self.experiments.items() if one["state"]["status"] in RUNNING]

    # --- what is asked of it, as the role of an account

    @staticmethod
    def place(task: Task) -> tuple[str, str]:
        assert task.role, "FIS is called as a role"
        return task.role.split(":")[4], REGION

    @staticmethod
    def shown(one: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in one.items() if key not in ("place", "token")}

    def start_experiment(
        self, task: Task, experimentTemplateId: str, clientToken: str, tags: dict[str, str]
    ) -> dict[str, Any]:
        return {"experiment": self.shown(self.start(self.place(task), experimentTemplateId, tags, clientToken))}

    def mine(self, task: Task, id: str) -> dict[str, Any]:
        one = self.experiments[id]
        assert one["place"] == self.place(task), "it is of another account"
        return one

    def get_experiment(self, task: Task, id: str) -> dict[str, Any]:
        self.calls["GetExperiment"] += 1
        return {"experiment": self.shown(self.mine(task, id))}

    def list_experiment_resolved_targets(self, task: Task, experimentId: str, maxResults: int) -> dict[str, Any]:
        self.mine(task, experimentId)
        return {"resolvedTargets": [{"targetName": "web"}]}

    def stop_experiment(self, task: Task, id: str) -> dict[str, Any]:
        self.calls["StopExperiment"] += 1
        one = self.mine(task, id)
        if one["state"]["status"] in ENDS:
            raise Failed("Fis.ValidationException", "it has ended")
        self.become(one, "stopped", "Experiment stopped by user.")
        return {"experiment": self.shown(one)}

    def list_experiments(self, task: Task, maxResults: int, nextToken: str = "0") -> dict[str, Any]:
        every = self.by_place[self.place(task)]
        first = int(nextToken)
        page = [{key: one[key] for key in ("id", "state", "tags")} for one in every[first : first + maxResults]]
        return {"experiments": page} | ({"nextToken": str(first + maxResults)} if first + maxResults < len(every) else {})


def judged(experiment: dict[str, Any]) -> str:
    """The verdict on one experiment without probes, as docs/fis.md has it."""
    state, action = experiment["state"], experiment["actions"]["latency"]["state"]
    if state["status"] == "completed":
        return "passed" if action["status"] == "completed" else "errored"
    return "failed" if state["status"] == "stopped" and "stop condition" in state["reason"] else "errored"


def unsplit(verdicts: list[str], tolerated: float = 0) -> str:
    """The verdict of one run of all: the first that occurs, where so many per hundred may be errored."""
    for verdict in ("cancelled", "failed", "timed-out"):
        if verdict in verdicts:
            return verdict
    few = verdicts.count("errored") * 100 <= tolerated * len(verdicts)
    return "passed" if few and "passed" in verdicts else "errored"
