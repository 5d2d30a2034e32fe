"""Runs state machines by thousands on a clock of their own: no time passes while they wait, and nothing depends on threads.

moto's interpreter (interpreter.py) runs one execution as AWS would, on the clock of the machine; a Distributed Map over 2,000
experiments takes it hours, and it knows neither JSONL nor ItemBatcher, ResultWriter, tolerance or an aborted Map Run. Here is what
the templates of ci-templates/fan-out use of the Amazon States Language, in JSONata alone. test_virtual.py holds it against
AWS's manual and against moto's interpreter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from itertools import count
from typing import Any

from clock import Clock, Failed, Steps, join, sleep, wait
from executions import Execution, MapRun, Task
from maps import Maps
from scope import PAYLOAD, Scope


class Machines(Maps):
    """State machines, and the services that their tasks call, by the end of the task's `Resource`."""

    def __init__(self, clock: Clock, services: dict[str, Callable[[Task], Any]]) -> None:
        self.clock, self.services = clock, services
        self.definitions: dict[str, dict[str, Any]] = {}
        self.executions: dict[str, Execution] = {}
        self.map_runs: list[MapRun] = []
        # Who hears of the end of an execution that is no child.
        self.heard: list[Callable[[Execution], None]] = []
        self.numbers = count()

    def start(self, machine: str, given: Any, name: str = "") -> Execution:
        name = name or f"e{next(self.numbers)}"
        execution = Execution(f"arn:aws:states:eu-west-1:123456789012:execution:{machine}:{name}", name, machine, given)
        if execution.arn in self.executions:
            raise Failed("Sfn.ExecutionAlreadyExistsException", name)
        self.executions[execution.arn] = execution
        return self.begin(execution, self.definitions[machine])

    def begin(self, execution: Execution, definition: dict[str, Any]) -> Execution:
        context = {
            "Execution": {"Id": execution.arn, "Name": execution.name, "Input": execution.input},
            "StateMachine": {"Id": f"arn:aws:states:eu-west-1:123456789012:stateMachine:{execution.machine}"},
        }
        scope = Scope(self.clock, context)

        def whole() -> Steps:
            try:
                execution.output = yield from self.states(definition, execution.input, scope, execution)
                execution.status = "SUCCEEDED"
            except Failed as failed:
                execution.status, execution.error, execution.cause = "FAILED", failed.error, failed.cause
                raise
            finally:
                if execution.status == "RUNNING":
                    execution.status = "ABORTED"
                if execution.arn in self.executions:
                    for tell in self.heard:
                        tell(execution)
            return execution.output

        execution.process = self.clock.spawn(whole())
        return execution

    def stop(self, execution: Execution) -> None:
        if execution.process.turn == 0 and execution.status == "RUNNING":
            # Nothing of it has run, so nothing of it is ended.
            execution.status = "ABORTED"
        execution.process.kill()

    # --- states

    def states(self, definition: dict[str, Any], given: Any, scope: Scope, execution: Execution) -> Steps:
        name: str | None = definition["StartAt"]
        while name is not None:
            execution.path.append(name)
            state = definition["States"][name]
            scope.context |= {"State": {"Name": name}}
            name, given = yield from self.state(state, given, scope, execution)
        return given

    def state(self, state: dict[str, Any], given: Any, scope: Scope, execution: Execution) -> Steps:
        retried: dict[int, int] = {}
        while True:
            states = {"input": given}
            try:
                return (yield from getattr(self, f"do_{state['Type'].lower()}")(state, states, scope, execution))
            except Failed as failed:
                for place, rule in enumerate(state.get("Retry", [])):
                    if matches(rule, failed):
                        done = retried.get(place, 0)
                        break
                else:
                    rule, done, place = {"MaxAttempts": 0}, 0, -1
                if done < rule.get("MaxAttempts", 3):
                    retried[place] = done + 1
                    pause = rule.get("IntervalSeconds", 1) * rule.get("BackoffRate", 2.0) ** done
                    yield from sleep(min(pause, rule.get("MaxDelaySeconds", pause)))
                    continue
                for rule in state.get("Catch", []):
                    if matches(rule, failed):
                        states["errorOutput"] = {"Error": failed.error, "Cause": failed.cause}
                        output = self.leave(rule, states, scope, states["errorOutput"])
                        return rule["Next"], output
                raise

    def leave(self, state: dict[str, Any], states: dict[str, Any], scope: Scope, result: Any) -> Any:
        """The output; both it and what is assigned see the variables as they were."""
        output = scope.value(state["Output"], states) if "Output" in state else result
        assigned = scope.value(state.get("Assign", {}), states)
        for value in (output, *assigned.values()):
            if isinstance(value, (list, dict)) and len(value) > 100 and len(json.dumps(value)) > PAYLOAD:
                raise Failed("States.DataLimitExceeded", "more than 256 KiB")
        if taken := scope.outer & assigned.keys():
            raise Failed("States.Runtime", f"variables around it have the same names: {sorted(taken)}")
        scope.variables = scope.variables | assigned
        return output

    def next(self, state: dict[str, Any], states: dict[str, Any], scope: Scope, result: Any) -> tuple[str | None, Any]:
        states["result"] = result
        output = self.leave(state, states, scope, result)
        return state.get("Next"), output

    def do_pass(self, state: dict[str, Any], states: dict[str, Any], scope: Scope, _: Execution) -> Steps:
        yield from ()
        output = self.leave(state, states, scope, states["input"])
        return state.get("Next"), output

    def do_wait(self, state: dict[str, Any], states: dict[str, Any], scope: Scope, _: Execution) -> Steps:
        yield from sleep(scope.value(state["Seconds"], states))
        output = self.leave(state, states, scope, states["input"])
        return state.get("Next"), output

    def do_choice(self, state: dict[str, Any], states: dict[str, Any], scope: Scope, _: Execution) -> Steps:
        yield from ()
        for rule in state["Choices"]:
            if (said := scope.value(rule["Condition"], states)) is True:
                return rule["Next"], self.leave(rule, states, scope, states["input"])
            if said is not False:
                raise Failed("States.QueryEvaluationError", f"{rule['Condition']} is {said!r}")
        if "Default" not in state:
            raise Failed("States.NoChoiceMatched")
        return state["Default"], self.leave(state, states, scope, states["input"])

    def do_succeed(self, state: dict[str, Any], states: dict[str, Any], scope: Scope, _: Execution) -> Steps:
        yield from ()
        return None, self.leave(state, states, scope, states["input"])

    def do_fail(self, state: dict[str, Any], states: dict[str, Any], scope: Scope, _: Execution) -> Steps:
        yield from ()
        raise Failed(scope.value(state["Error"], states), scope.value(state["Cause"], states))

    def do_task(self, state: dict[str, Any], states: dict[str, Any], scope: Scope, execution: Execution) -> Steps:
        service = state["Resource"].removeprefix("arn:aws:states:::").removeprefix("aws-sdk:")
        token = f"token-{next(self.numbers)}"
        scope.context = scope.context | {"Task": {"Token": token}}
        role = scope.value(state.get("Credentials", {}).get("RoleArn", ""), states)
        arguments = scope.value(state.get("Arguments", {}), states)
        seconds = scope.value(state.get("TimeoutSeconds"), states)
        answer = self.services[service](Task(execution, arguments, role, token))
        if isinstance(answer, Generator):
            # Steps of the service, which end with the task.
            process = self.clock.spawn(answer)
            try:
                if not (yield from wait(process.ended, seconds)):
                    raise Failed("States.Timeout")
            finally:
                process.kill()
            answer = yield from join(process)
        return self.next(state, states, scope, answer)


def matches(rule: dict[str, Any], failed: Failed) -> bool:
    """Whether a rule is for such a failure."""
    names = rule["ErrorEquals"]
    # What the machine itself has wrong, and a payload that is too large, no wildcard takes.
    if failed.error in ("States.DataLimitExceeded", "States.Runtime"):
        return failed.error in names
    of_task = failed.error != "States.Timeout"
    return failed.error in names or "States.ALL" in names or ("States.TaskFailed" in names and of_task)
