"""What runs the gates of a fleet, on the clock of clock.py: Step Functions itself, the table of the listener, and CodeBuild."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from botocore import xform_name
from botocore.validate import ParamValidator
from clock import Clock, Failed, Process, Signal, Steps, sleep, wait
from executions import Execution, Task
from fleet import S3, Accounts, called, judged, shapes, unsplit
from interpreter import from_wire, to_wire
from virtual import Machines


class Table:
    """DynamoDB's UpdateItem, as the listener uses it."""

    def __init__(self) -> None:
        self.items: defaultdict[str, dict[str, Any]] = defaultdict(dict)

    def update_item(self, task: Task) -> dict[str, Any]:
        request = task.arguments
        item = self.items[request["Key"]["ExperimentId"]["S"]]
        for part in request["UpdateExpression"].removeprefix("SET ").split(", "):
            name, value = part.split(" = ")
            item[name] = request["ExpressionAttributeValues"][value]
        return {"Attributes": dict(item)}


class StepFunctions:
    """What machines ask of Step Functions: one another's executions. `loses_stops` are aborted tasks whose execution goes on."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tokens: dict[str, Signal] = {}
        self.loses_stops: Callable[[], bool] = lambda: False
        self.machines: Machines

    def begin(self, task: Task) -> Execution:
        machine = task.arguments["StateMachineArn"].rpartition(":")[2]
        arn = f"{task.execution.arn.partition(':execution:')[0]}:execution:{machine}:{task.arguments.get('Name', '')}"
        if (known := self.machines.executions.get(arn)) and known.status == "RUNNING":
            # The same name and input again.
            assert known.input == task.arguments["Input"]
            return known
        return self.machines.start(machine, task.arguments["Input"], task.arguments.get("Name", ""))

    def start_execution(self, task: Task) -> dict[str, Any]:
        return {"ExecutionArn": self.begin(task).arn}

    def start_execution_sync(self, task: Task) -> Steps:
        execution = self.begin(task)
        try:
            yield from wait(execution.process.ended)
        finally:
            if execution.status == "RUNNING" and not self.loses_stops():
                self.machines.stop(execution)
        told = {"ExecutionArn": execution.arn, "Name": execution.name, "Status": execution.status}
        if execution.status == "SUCCEEDED":
            return told | {"Output": execution.output}
        raise Failed("States.TaskFailed", json.dumps(told | {"Error": execution.error, "Cause": execution.cause}))

    def wait_for_token(self, task: Task) -> Steps:
        self.tokens[task.token] = told = Signal()
        try:
            self.begin(task)
            yield from wait(told)
        finally:
            del self.tokens[task.token]
        return told.value

    def send_task_success(self, task: Task) -> dict[str, Any]:
        told = self.tokens.get(task.arguments["TaskToken"])
        if told is None:
            raise Failed("Sfn.TaskTimedOutException", "nobody waits")
        self.clock.tell(told, json.loads(task.arguments["Output"]))
        return {}

    def describe_execution(self, task: Task, executionArn: str) -> dict[str, Any]:
        one = self.machines.executions[executionArn]
        told = {"executionArn": one.arn, "status": one.status, "input": json.dumps(one.input)}
        return told | ({"error": one.error, "cause": one.cause} if one.error else {})

    def list_executions(
        self, task: Task, stateMachineArn: str, statusFilter: str, maxResults: int, nextToken: str = "0"
    ) -> dict[str, Any]:
        machine, first = stateMachineArn.rpartition(":")[2], int(nextToken)
        every = [one for one in self.machines.executions.values() if one.machine == machine and one.status == statusFilter]
        page = [{"executionArn": one.arn, "name": one.name, "status": one.status} for one in every[first : first + maxResults]]
        more = {"nextToken": str(first + maxResults)} if first + maxResults < len(every) else {}
        return {"executions": page} | more

    def stop_execution(self, task: Task, executionArn: str) -> dict[str, Any]:
        self.machines.stop(self.machines.executions[executionArn])
        return {}


class CodeBuild:
    """Builds, by what their environment and their commands ask faultgate for."""

    def __init__(self, clock: Clock, s3: S3, fis: Accounts) -> None:
        self.clock, self.s3, self.fis = clock, s3, fis
        self.builds: dict[str, dict[str, Any]] = {}
        self.processes: dict[str, Process] = {}
        self.most_at_once = 0
        # Names of experiments whose build dies at once, with its experiment under way.
        self.dies: set[str] = set()
        self.loses_stops: Callable[[], bool] = lambda: False

    def start_build_sync(self, task: Task) -> Steps:
        request, answer = shapes("codebuild", "startBuild")
        wire = to_wire(task.arguments, request)
        report = ParamValidator().validate(wire, request)
        assert not report.has_errors(), report.generate_report()
        variables = {each["name"]: each["value"] for each in wire.get("environmentVariablesOverride", [])}
        id = f"project:{len(self.builds)}"
        build = {
            "id": id,
            "buildStatus": "IN_PROGRESS",
            "environment": {"environmentVariables": [{"name": name, "value": each} for name, each in variables.items()]},
            "exportedEnvironmentVariables": [],
            "logs": {"deepLink": "https://console"},
        }
        self.builds[id] = build
        self.most_at_once = max(self.most_at_once, sum(each["buildStatus"] == "IN_PROGRESS" for each in self.builds.values()))
        process = self.processes[id] = self.clock.spawn(self.build(build, wire, variables))
        try:
            yield from wait(process.ended)
        finally:
            if build["buildStatus"] == "IN_PROGRESS" and not self.loses_stops():
                self.stop(id)
        told = {"Build": from_wire(build, answer.members["build"])}
        if build["buildStatus"] == "SUCCEEDED":
            return told
        raise Failed("States.TaskFailed", json.dumps(told))

    def stop(self, id: str) -> None:
        """As StopBuild: the container is killed, and what it has begun goes on."""
        if self.builds[id]["buildStatus"] == "IN_PROGRESS":
            self.builds[id]["buildStatus"] = "STOPPED"
            self.processes[id].kill()

    def build(self, build: dict[str, Any], wire: dict[str, Any], variables: dict[str, str]) -> Steps:
        yield from sleep(40)
        command = wire.get("buildspecOverride", "faultgate\n")
        if "faultgate plan" in command:
            into = wire["artifactsOverride"]
            self.s3.objects[f"{into['path']}/plan.jsonl"] = self.s3.objects["suite/planned"]
            verdict = ""
        elif "faultgate report" in command:
            verdict, reason = self.merged(variables)
            build["exportedEnvironmentVariables"].append({"name": "FAULTGATE_REASON", "value": reason})
        elif "faultgate stop" in command:
            verdict = ""
            for role in variables["FAULTGATE_AWS_ROLE_ARN"].split(","):
                for one in self.fis.by_place[role.split(":")[4], variables["FAULTGATE_AWS_REGION"]]:
                    if one["tags"]["faultgate:environment"] == variables["RUN"]:
                        self.fis.become(one, "stopped", "Experiment stopped by user.")
        else:
            verdict = yield from self.run(build, variables)
        if verdict:
            build["exportedEnvironmentVariables"].append({"name": "FAULTGATE_VERDICT", "value": verdict})
        build["buildStatus"] = "SUCCEEDED" if verdict in ("", "passed") else "FAILED"

    def run(self, build: dict[str, Any], variables: dict[str, str]) -> Steps:
        """One experiment, and its result in the bucket."""
        item = json.loads(variables["FAULTGATE_ONLY"])
        place, tags = (item["account"], item["region"]), {"faultgate:environment": variables["FAULTGATE_ENVIRONMENT"]}
        assert item["role_arn"].split(":")[4] == item["account"]
        one = None
        while one is None:
            try:
                one = self.fis.start(place, item["template"], tags, build["id"])
            except Failed as failed:
                if "Quota" not in failed.error:
                    break
                yield from sleep(15)
        if one is not None and item["experiment"] in self.dies:
            build["buildStatus"] = "FAULT"
            raise Failed("died")
        if one is not None:
            yield from wait(self.fis.changed[one["id"]])
        verdict = judged(one) if one else "errored"
        key = variables["FAULTGATE_RESULTS"].partition("s3://files/")[2] + f"r/{item['experiment']}.json"
        self.s3.objects[key] = json.dumps({"experiment": item["experiment"], "verdict": verdict})
        return verdict

    def merged(self, variables: dict[str, str]) -> tuple[str, str]:
        folder, plan = (variables[name].removeprefix("s3://files/") for name in ("RESULTS", "PLAN"))
        results = [json.loads(text) for key, text in self.s3.objects.items() if key.startswith(folder)]
        verdicts = {each["experiment"]: each["verdict"] for each in results}
        planned = [json.loads(line)["experiment"] for line in self.s3.objects[plan].splitlines()]
        verdict = unsplit([verdicts.get(name, "errored") for name in planned], float(variables["TOLERATE"].rstrip("%")))
        return verdict, f"{len(results)} of {len(planned)} results"

    def list_builds_for_project(self, _: Task, projectName: str, sortOrder: str, nextToken: str = "0") -> dict[str, Any]:
        newest, first = list(reversed(self.builds)), int(nextToken)
        more = {"nextToken": str(first + 100)} if first + 100 < len(newest) else {}
        return {"ids": newest[first : first + 100]} | more

    def batch_get_builds(self, _: Task, ids: list[str]) -> dict[str, Any]:
        return {"builds": [self.builds[id] for id in ids]}

    def stop_build(self, _: Task, id: str) -> dict[str, Any]:
        self.stop(id)
        return {}


def services(
    s3: S3, fis: Accounts, table: Table, sfn: StepFunctions, codebuild: CodeBuild
) -> dict[str, Callable[[Task], Any]]:
    """By the end of a task's `Resource`."""
    found: dict[str, Callable[[Task], Any]] = {
        "dynamodb:updateItem": table.update_item,
        "states:startExecution": sfn.start_execution,
        "states:startExecution.sync:2": sfn.start_execution_sync,
        "states:startExecution.waitForTaskToken": sfn.wait_for_token,
        "sfn:sendTaskSuccess": sfn.send_task_success,
        "codebuild:startBuild.sync": codebuild.start_build_sync,
    }
    for service, fake, names in (
        ("s3", s3, ("getObject", "putObject", "listObjectsV2")),
        ("fis", fis, ("startExperiment", "getExperiment", "listExperimentResolvedTargets", "stopExperiment", "listExperiments")),
        ("codebuild", codebuild, ("listBuildsForProject", "batchGetBuilds", "stopBuild")),
        ("sfn", sfn, ("describeExecution", "listExecutions", "stopExecution")),
    ):
        for name in names:
            method = getattr(fake, xform_name(name))
            found[f"{service}:{name}"] = called(service, name, method)
    return found
