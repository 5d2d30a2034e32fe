"""Runs state machines on moto's interpreter of the Amazon States Language.

moto brings the states, the task tokens and the history. What it leaves out is added here: expressions are evaluated
by jsonata-python, parameters and results of AWS calls are turned from and into PascalCase and checked against
botocore's models, and calls to services whose behaviour matters (FIS, CodeBuild …) go to a fake of the test's.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest import mock
from uuid import uuid4

import boto3
from botocore import xform_name
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.validate import ParamValidator
from jsonata import jsonata
from moto import mock_aws
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk as aws_sdk,
    state_task_service_unsupported as unsupported,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.eval import states as eval_states
from moto.stepfunctions.parser.asl.eval import variable_store
from moto.stepfunctions.parser.asl.jsonata import jsonata as moto_jsonata
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from stacks import ACCOUNT, REGION

PATIENCE = 60
ROLE = f"arn:aws:iam::{ACCOUNT}:role/machine"
ERROR_NAMES = {name.lower(): name for name in ("Fis", "CodeDeploy", "EventBridge", "Sqs", "Sfn")}


# --- expressions


def evaluate(expression: str) -> Any:
    try:
        result = jsonata.Jsonata(expression).evaluate(None)
    except Exception as error:
        raise moto_jsonata.JSONataException("States.QueryEvaluationError", str(error)) from error
    if result is None:
        raise moto_jsonata.JSONataException("States.QueryEvaluationError", f"nothing comes of {expression}")
    return json.loads(json.dumps(result))


def declarations(bindings: dict[str, Any]) -> str:
    """moto's own puts strings in quotes without escaping them."""
    return "".join(f"{name}:={json.dumps(value, default=str)};" for name, value in bindings.items())


# --- AWS calls


def to_wire(value: Any, shape: Shape) -> Any:
    """PascalCase to the names of the service's model; a name that is not in the model is a mistake."""
    if isinstance(shape, StructureShape):
        members = {name[0].upper() + name[1:]: name for name in shape.members}
        assert set(value) <= set(members), f"{shape.name} has no {set(value) - set(members)}"
        return {members[name]: to_wire(each, shape.members[members[name]]) for name, each in value.items()}
    if isinstance(shape, ListShape):
        return [to_wire(each, shape.member) for each in value]
    if isinstance(shape, MapShape):
        return {name: to_wire(each, shape.value) for name, each in value.items()}
    return value


def from_wire(value: Any, shape: Shape | None) -> Any:
    if isinstance(shape, StructureShape):
        return {name[0].upper() + name[1:]: from_wire(each, shape.members[name]) for name, each in value.items()}
    if isinstance(shape, ListShape):
        return [from_wire(each, shape.member) for each in value]
    if isinstance(shape, MapShape):
        return {name: from_wire(each, shape.value) for name, each in value.items()}
    return value.isoformat() if isinstance(value, datetime) else value


def operation(task: StateTaskService) -> Any:
    service = task._get_boto_service_name()  # noqa: SLF001
    service = "events" if service == "eventbridge" else service
    name = task.resource.api_action
    return boto3.client(service, REGION).meta.service_model.operation_model(name[0].upper() + name[1:])


def normalise_parameters(task: StateTaskService, parameters: dict[str, Any], **_: Any) -> None:
    shape = operation(task).input_shape
    wire = to_wire(parameters, shape)
    report = ParamValidator().validate(wire, shape)
    assert not report.has_errors(), report.generate_report()
    if task.resource.api_action == "startExecution":
        wire.setdefault("name", str(uuid4()))
    parameters.clear()
    parameters.update(wire)


def normalise_response(task: StateTaskService, response: Any, **_: Any) -> None:
    if isinstance(response, dict):
        response.pop("ResponseMetadata", None)
        renamed = from_wire(response, operation(task).output_shape)
        response.clear()
        response.update(renamed)


# --- jobs that a task waits for (.sync)


def sync_resolver(_task: Any, env: Any, **_: Any) -> Any:
    """As `.sync` does: the job's end is the result, or fails the task with the whole job as its cause."""
    output = env.stack.pop()

    def resolve() -> Any:
        if output["Build"]["BuildStatus"] == "SUCCEEDED":
            return output
        details = TaskFailedEventDetails(
            resource="startBuild.sync",
            resourceType="codebuild",
            error="States.TaskFailed",
            cause=json.dumps(output),
        )
        raise FailureEventException(
            FailureEvent(
                env=env,
                error_name=StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed),
                event_type=HistoryEventType.TaskFailed,
                event_details=EventDetails(taskFailedEventDetails=details),
            )
        )

    return resolve


class Interpreter:
    """State machines in an account of their own. `fakes` answer for their service instead of moto."""

    def __init__(self, fakes: dict[str, Any]) -> None:
        self.fakes = fakes
        self.sfn = boto3.client("stepfunctions", REGION)
        self.machines: dict[str, str] = {}
        # As which roles each service was called: the machine's own, or that of `Credentials`.
        self.roles: defaultdict[str, set[str]] = defaultdict(set)

    def create(self, name: str, definition: dict[str, Any]) -> str:
        created = self.sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)
        self.machines[name] = created["stateMachineArn"]
        return created["stateMachineArn"]

    def start(self, machine: str, event: Any) -> str:
        # moto, unlike AWS, makes up no name.
        started = self.sfn.start_execution(stateMachineArn=machine, name=str(uuid4()), input=json.dumps(event))
        return started["executionArn"]

    def end(self, execution: str) -> dict[str, Any]:
        """How the execution ended, once it has."""
        until = time.monotonic() + PATIENCE
        while (now := self.sfn.describe_execution(executionArn=execution))["status"] == "RUNNING":
            assert time.monotonic() < until, f"still running: {self.path(execution)}"
            time.sleep(0.02)
        return now

    def run(self, machine: str, event: dict[str, Any]) -> dict[str, Any]:
        return self.end(self.start(machine, event))

    def executions(self, machine: str) -> list[dict[str, Any]]:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return self.sfn.list_executions(stateMachineArn=machine)["executions"]
            except AttributeError:
                # moto has no status yet for an execution that is being started at this moment.
                assert time.monotonic() < until
                time.sleep(0.02)

    def heard(self, machine: str, state: str) -> list[str]:
        """Executions of a machine that have ended and went through a state."""
        done = [each for each in self.executions(machine) if each["status"] != "RUNNING"]
        return [each["executionArn"] for each in done if state in self.path(each["executionArn"])]

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < until
            time.sleep(0.02)

    def path(self, execution: str) -> list[str]:
        """The states it went through."""
        events = self.sfn.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        return [each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each]

    def client(self, service: str, state_credentials: Any, **_: Any) -> Any:
        self.roles[service].add(state_credentials.role_arn)
        return self.fakes.get(service) or boto3.client(service, REGION)


@contextmanager
def interpreter(**fakes: Any) -> Iterator[Interpreter]:
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        running = Interpreter(fakes)
        waits = unsupported._SUPPORTED_INTEGRATION_PATTERNS | {ResourceCondition.Sync}  # noqa: SLF001
        original = unsupported.StateTaskServiceUnsupported.__init__

        def with_sync(task: Any) -> None:
            original(task)
            task._supported_integration_patterns = waits  # noqa: SLF001

        with (
            mock.patch.object(moto_jsonata, "_eval_jsonata", evaluate),
            mock.patch.object(eval_states, "encode_jsonata_variable_declarations", declarations),
            mock.patch.object(variable_store, "encode_jsonata_variable_declarations", declarations),
            mock.patch.object(StateTaskService, "_normalise_parameters", normalise_parameters),
            mock.patch.object(StateTaskService, "_normalise_response", normalise_response),
            mock.patch.object(aws_sdk, "boto_client_for", running.client),
            mock.patch.object(unsupported, "boto_client_for", running.client),
            mock.patch.dict(aws_sdk._SERVICE_ERROR_NAMES, ERROR_NAMES),  # noqa: SLF001
            mock.patch.object(unsupported.StateTaskServiceUnsupported, "__init__", with_sync),
            mock.patch.object(
                unsupported.StateTaskServiceUnsupported, "_build_sync_resolver", sync_resolver, create=True
            ),
        ):
            yield running


def refusal(service: str, error: str, message: str, call: str) -> Exception:
    """The SDK's own exception for a modelled error."""
    kind = getattr(boto3.client(service, REGION).exceptions, error)
    metadata = {"HTTPStatusCode": 400, "RequestId": "0"}
    return kind({"Error": {"Code": error, "Message": message}, "ResponseMetadata": metadata}, xform_name(call))
