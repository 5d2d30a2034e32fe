"""The gate without a container, at every end of an experiment and at every trouble on the way to it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from fis import TEMPLATE, Fis
from interpreter import PATIENCE, Interpreter, interpreter
from stacks import ACCOUNT, REGION, definition, hasten, load

STACK = load("step-functions/no-container.yml")
TABLE = "tokens"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/experiments"


def in_seconds(machine: dict[str, Any]) -> dict[str, Any]:
    """The same machine, for which a minute is a second."""
    text = json.dumps(machine)
    assert text.count("* 60000") == 1 and text.count("* 60,") == 1
    return json.loads(text.replace("* 60000", "* 1000").replace("* 60,", "* 1,"))


# What an execution may be given, and why it is refused.
BAD_INPUTS = [
    ("EXT1a2b3c4d5e6f7", "the input is no JSON object"),
    ([], "the input is no JSON object"),
    (7, "the input is no JSON object"),
    ({"Template": TEMPLATE}, "Template is not known, known are ExperimentTemplateId, Region"),
    ({"ExperimentTemplateId": ""}, 'ExperimentTemplateId must be an id such as EXT1a2b3c4d5e6f7, not ""'),
    ({"ExperimentTemplateId": "EXP1a2b3c4d5e6f7"}, 'not "EXP1a2b3c4d5e6f7"'),
    ({"ExperimentTemplateId": "#{Variables.Id}"}, 'not "#{Variables.Id}"'),
    ({"ExperimentTemplateId": f"{TEMPLATE}\nx"}, "must be an id"),
    ({"ExperimentTemplateId": None}, "ExperimentTemplateId is no text"),
    ({"ExperimentTemplateId": [TEMPLATE]}, "ExperimentTemplateId is no text"),
    ({"ExperimentTemplateId": "EXTforbidden"}, "may not run EXTforbidden, add it to its OtherTemplates"),
    ({"ExperimentTemplateId": "*"}, "must be an id"),
    ({"Region": "mars-north-1"}, f'Region must be {REGION}, not "mars-north-1"'),
    ({"Region": ""}, "Region must be"),
    ({"Region": None}, "Region must be"),
    ({"Region": ["a", "b"]}, "Region must be"),
    ({"RoleArn": "arn:aws:iam::111122223333:role/admin"}, 'may not assume "arn:aws:iam::111122223333:role/admin"'),
    ({"RoleArn": ""}, "may not assume"),
    ({"RoleArn": None}, "may not assume"),
    ({"ExpectedResilienceScore": "95"}, 'ExpectedResilienceScore must be a number, not "95"'),
    ({"ExpectedResilienceScore": None}, "ExpectedResilienceScore must be a number"),
    ({"ExpectedResilienceScore": 100.5}, "ExpectedResilienceScore must be 0 to 100, not 100.5"),
    ({"ExpectedResilienceScore": -1}, "ExpectedResilienceScore must be 0 to 100, not -1"),
    ({"TimeoutMinutes": 0}, "TimeoutMinutes must be a whole number from 1 to 720, not 0"),
    ({"TimeoutMinutes": -5}, "from 1 to 720, not -5"),
    ({"TimeoutMinutes": 721}, "from 1 to 720, not 721"),
    ({"TimeoutMinutes": 1.5}, "from 1 to 720, not 1.5"),
    ({"TimeoutMinutes": "30m"}, 'TimeoutMinutes must be a number, not "30m"'),
    ({"TimeoutMinutes": True}, "TimeoutMinutes must be a number"),
    ({"Repository": 1}, "Repository is no text"),
    ({"Commit": None}, "Commit is no text"),
]


class World:
    """The stack's machines, its table, and the rule that hands events of FIS to the listener."""

    def __init__(self, running: Interpreter, fis: Fis) -> None:
        self.running, self.fis = running, fis
        table = STACK["Resources"]["Table"]["Properties"]
        boto3.client("dynamodb", REGION).create_table(
            TableName=TABLE, **{key: table[key] for key in ("BillingMode", "AttributeDefinitions", "KeySchema")}
        )
        self.listener = running.create("listener", hasten(definition(STACK, "Listener", Table=TABLE)))

    def gate(
        self, timeout_seconds: int = 300, reconcile_seconds: int = 300, asked: Any = None, **parameters: str
    ) -> str:
        substitutions = {
            "ExperimentTemplateId": TEMPLATE,
            "Templates": f"{TEMPLATE},EXTother",
            "Region": REGION,
            "Regions": REGION,
            "RoleArn": ROLE,
            "Roles": "",
            "ExpectedResilienceScore": "100",
            "TimeoutMinutes": str(timeout_seconds),
            "ReconcileMinutes": str(reconcile_seconds),
            "ListenerArn": self.listener,
        } | parameters
        machine = self.running.create("gate", in_seconds(hasten(definition(STACK, "Gate", **substitutions))))
        return self.running.start(machine, {} if asked is None else asked)

    def started(self) -> str:
        assert self.fis.started.wait(PATIENCE), "no experiment was started"
        return next(iter(self.fis.experiments))

    def token_is_kept(self) -> None:
        self.wait_until(lambda: len(self.heard("KeepToken")) == 1)

    def heard(self, state: str) -> list[str]:
        """Executions of the listener that have ended and went through a state."""
        done = [each for each in self.running.executions(self.listener) if each["status"] != "RUNNING"]
        return [each["executionArn"] for each in done if state in self.running.path(each["executionArn"])]

    def announce(self, id: str) -> None:
        self.running.run(self.listener, self.fis.event(id))

    def wait_until(self, is_so: Any) -> None:
        until = time.monotonic() + PATIENCE
        while not is_so():
            assert time.monotonic() < until
            time.sleep(0.02)


@pytest.fixture
def world(fis: Fis) -> Iterator[World]:
    with interpreter(fis=fis) as running:
        yield World(running, fis)


def end_as(world: World, status: str, **how: str) -> dict[str, Any]:
    """An experiment that ends in some way, and is announced, while the gate waits."""
    execution = world.gate()
    id = world.started()
    world.token_is_kept()
    world.fis.become(id, status, **how)
    world.announce(id)
    return world.running.end(execution)


def test_a_completed_experiment_passes_with_one_look(world: World) -> None:
    ended = end_as(world, "completed")
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"]) == {
        "Verdict": "passed",
        "ResilienceScore": 100,
        "ExpectedResilienceScore": 100,
        "ExperimentTemplateId": TEMPLATE,
        "ExperimentId": "EXP0000000000000",
        "State": "completed",
        "Reason": "it completed; injected: latency",
        "Injected": ["latency"],
        "DidNotAct": [],
    }
    assert world.fis.calls == {"StartExperiment": 1, "GetExperiment": 1, "ListExperimentResolvedTargets": 1}


@pytest.mark.parametrize(
    ("status", "error"),
    [("stopped", "ExperimentStopped"), ("failed", "ExperimentFailed"), ("cancelled", "ExperimentCancelled")],
)
def test_every_other_end_fails_with_its_reason(world: World, status: str, error: str) -> None:
    ended = end_as(world, status)
    assert (ended["status"], ended["error"]) == ("FAILED", error)
    assert ended["cause"] == f"EXP0000000000000 is {status}: it is {status}"
    assert world.fis.calls["StopExperiment"] == 0


def test_a_failure_tells_its_code_and_place(world: World) -> None:
    ended = end_as(world, "failed", code="InvalidTarget", location="actions/latency")
    assert ended["cause"] == "EXP0000000000000 is failed: it is failed: InvalidTarget: actions/latency"


def acted(id: str, status: str = "completed", *targets: str) -> dict[str, Any]:
    """An action that ended so."""
    named = {f"T{place}": target for place, target in enumerate(targets)}
    return {"actionId": id, "state": {"status": status}} | ({"targets": named} if named else {})


def completed_with(world: World, actions: dict[str, dict[str, Any]], **experiment: Any) -> dict[str, Any]:
    """A completed experiment with such actions."""
    execution = world.gate()
    id = world.started()
    world.token_is_kept()
    world.fis.become(id, "completed")
    world.fis.experiments[id] |= {"actions": actions} | experiment
    world.announce(id)
    return world.running.end(execution)


STOP, WAIT, SHIFT = "aws:ec2:stop-instances", "aws:fis:wait", "aws:arc:start-zonal-autoshift"
ASSERT, DOCUMENT, NEW = "aws:cloudwatch:assert-alarm-state", "aws:ssm:start-automation-execution", "aws:new:thing"


@pytest.mark.parametrize(
    "actions",
    [
        {"latency": acted(STOP, "skipped", "web")},
        {"pause": acted(WAIT)},
        {"pause": acted(WAIT), "shift": acted(SHIFT, "completed", "web"), "look": acted(ASSERT)},
        {"stop": acted(STOP, "completed", "none")},
        {"stop": acted(STOP, "completed", "web", "none")},
        {"stop": acted(STOP)},
        {"new": acted(NEW)},
        {"new": acted(NEW, "completed", "none")},
        {"stop": acted(STOP, "failed", "web")},
        {},
    ],
)
def test_an_experiment_that_injected_nothing_does_not_pass(world: World, actions: dict[str, dict[str, Any]]) -> None:
    ended = completed_with(world, actions)
    assert (ended["status"], ended["error"]) == ("FAILED", "NothingInjected")
    for name, action in actions.items():
        assert f"{name} ({action['actionId']}) is {action['state']['status']}" in ended["cause"]


@pytest.mark.parametrize(
    ("actions", "injected", "idle"),
    [
        ({"stop": acted(STOP, "completed", "web")}, ["stop"], []),
        ({"pause": acted(WAIT), "new": acted(NEW, "completed", "web")}, ["new"], []),
        ({"document": acted(DOCUMENT)}, ["document"], []),
        ({"stop": acted(STOP, "completed", "web"), "b": acted(STOP, "skipped", "none")}, ["stop"], ["b"]),
    ],
)
def test_what_acted_and_what_did_not_are_told(
    world: World, actions: dict[str, dict[str, Any]], injected: list[str], idle: list[str]
) -> None:
    ended = completed_with(world, actions)
    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    assert (output["Injected"], output["DidNotAct"]) == (injected, idle)


@pytest.mark.parametrize("status", ["failed", "stopped", "cancelled"])
def test_an_action_that_failed_beside_one_that_acted_does_not_pass(world: World, status: str) -> None:
    actions = {"stop": acted(STOP, "completed", "web"), "latency": acted(STOP, status, "web")}
    ended = completed_with(world, actions)
    assert (ended["status"], ended["error"]) == ("FAILED", "ActionsFailed")
    assert f"latency ({STOP}) is {status}" in ended["cause"]


@pytest.mark.parametrize(
    "experiment",
    [
        {"experimentOptions": {"actionsMode": "skip-all"}},
        {"experimentOptions": {"actionsMode": "perhaps"}},
        {"id": "EXPsomebodyelse"},
        {"experimentTemplateId": "EXTother"},
    ],
)
def test_a_record_that_is_not_of_this_run_does_not_pass(world: World, experiment: dict[str, Any]) -> None:
    ended = completed_with(world, {"stop": acted(STOP, "completed", "web")}, **experiment)
    assert (ended["status"], ended["error"]) == ("FAILED", "NothingInjected")


def test_an_error_beside_what_acted_does_not_pass(world: World) -> None:
    state = {"status": "completed", "reason": "it is completed", "error": {"code": "QuotaExceededFailure"}}
    ended = completed_with(world, {"stop": acted(STOP, "completed", "web")}, state=state)
    assert (ended["status"], ended["error"]) == ("FAILED", "ActionsFailed")
    assert "QuotaExceededFailure" in ended["cause"]


def test_targets_of_every_page_count(world: World) -> None:
    world.fis.page, world.fis.resolved = 2, ["a", "a", "a", "web"]
    ended = completed_with(world, {"stop": acted(STOP, "completed", "web")})
    assert ended["status"] == "SUCCEEDED"
    assert world.fis.calls["ListExperimentResolvedTargets"] == 2


def test_targets_that_cannot_be_read_do_not_pass(world: World) -> None:
    world.fis.refuses["ListExperimentResolvedTargets"] = "no"
    ended = completed_with(world, {"stop": acted(STOP, "completed", "web")})
    assert (ended["status"], ended["error"]) == ("FAILED", "TargetsUnknown")


def test_an_experiment_that_ends_before_the_token_is_kept_is_not_missed(world: World) -> None:
    begin = world.fis.start_experiment

    def over_at_once(**request: Any) -> dict[str, Any]:
        answer = begin(**request)
        id = answer["experiment"]["id"]
        world.fis.become(id, "completed")
        world.announce(id)
        return answer

    world.fis.start_experiment = over_at_once  # type: ignore[method-assign]
    assert world.running.end(world.gate())["status"] == "SUCCEEDED"
    assert len(world.heard("KeepEnd")) == len(world.heard("KeepToken")) == len(world.heard("Answer")) == 1


def test_an_event_that_comes_twice_answers_nobody_the_second_time(world: World) -> None:
    assert end_as(world, "completed")["status"] == "SUCCEEDED"
    again = world.running.run(world.listener, world.fis.event("EXP0000000000000"))
    assert again["status"] == "SUCCEEDED"
    assert "Answer" in world.running.path(again["executionArn"])


def test_events_of_another_experiment_end_nothing(world: World) -> None:
    execution = world.gate()
    id = world.started()
    world.token_is_kept()
    world.announce(world.fis.add("stopped"))
    assert world.heard("Answer") == []
    world.fis.become(id, "completed")
    world.announce(id)
    assert world.running.end(execution)["status"] == "SUCCEEDED"


def test_a_lost_event_is_made_up_for_by_asking(world: World) -> None:
    execution = world.gate(reconcile_seconds=1)
    id = world.started()
    world.wait_until(lambda: world.fis.calls["GetExperiment"] >= 1)
    world.fis.become(id, "completed")
    ended = world.running.end(execution)
    assert ended["status"] == "SUCCEEDED"
    assert world.heard("Answer") == []


def test_an_experiment_that_does_not_end_is_stopped_and_its_stop_confirmed(world: World) -> None:
    ended = world.running.end(world.gate(timeout_seconds=2, reconcile_seconds=1))
    assert (ended["status"], ended["error"]) == ("FAILED", "TimedOut")
    assert "EXP0000000000000 is stopped after a stop was requested: no end within" in ended["cause"]
    assert world.fis.calls["StopExperiment"] == 1


def test_an_end_that_comes_with_the_deadline_is_told_as_timed_out_with_what_it_was(world: World) -> None:
    world.fis.refuses["StopExperiment"] = "it has ended"
    execution = world.gate(timeout_seconds=1, reconcile_seconds=1)
    id = world.started()
    world.wait_until(lambda: world.fis.calls["StopExperiment"] >= 1)
    world.fis.become(id, "completed")
    ended = world.running.end(execution)
    assert ended["error"] == "TimedOut"
    assert ended["cause"].startswith("EXP0000000000000 is completed after")


def test_a_stop_that_is_not_confirmed_names_the_command(world: World) -> None:
    world.fis.refuses["StopExperiment"] = "no"
    looks = world.fis.get_experiment

    def blind(id: str) -> dict[str, Any]:
        if world.fis.calls["StopExperiment"]:
            world.fis.refuses["GetExperiment"] = "no"
        return looks(id)

    world.fis.get_experiment = blind  # type: ignore[method-assign]
    ended = world.running.end(world.gate(timeout_seconds=1, reconcile_seconds=1))
    assert ended["error"] == "TimedOut"
    assert "aws fis stop-experiment --id EXP0000000000000" in ended["cause"]


def test_a_refused_start_fails_and_stops_nothing(world: World) -> None:
    world.fis.refuses["StartExperiment"] = "no such template"
    ended = world.running.end(world.gate())
    assert (ended["status"], ended["error"]) == ("FAILED", "NotStarted")
    assert "Fis.ValidationException: no such template" in ended["cause"]
    assert world.fis.calls == {"StartExperiment": 2}


def test_an_experiment_that_cannot_be_awaited_is_stopped(world: World) -> None:
    world.running.sfn.delete_state_machine(stateMachineArn=world.listener)
    ended = world.running.end(world.gate())
    assert ended["error"] == "NotMonitored"
    assert ended["cause"].startswith("EXP0000000000000 is stopped after a stop was requested")


def test_a_listener_that_fails_delays_the_end_and_does_not_lose_it(world: World) -> None:
    boto3.client("dynamodb", REGION).delete_table(TableName=TABLE)
    execution = world.gate(reconcile_seconds=1)
    world.fis.become(world.started(), "completed")
    assert world.running.end(execution)["status"] == "SUCCEEDED"


def test_every_retry_of_one_execution_has_one_token(world: World) -> None:
    execution = world.gate()
    id = world.started()
    assert world.fis.token == execution
    assert world.fis.experiments[id]["tags"] == {"faultgate:execution": execution}
    world.token_is_kept()
    world.fis.become(id, "completed")
    world.announce(id)
    world.running.end(execution)


# --- what an execution asks for


def test_an_execution_says_what_to_run_and_how(world: World) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/other"
    asked = {"ExperimentTemplateId": "EXTother", "Region": REGION, "RoleArn": role, "ExpectedResilienceScore": 62.5,
             "TimeoutMinutes": 7, "Repository": "octo/shop", "Commit": "9fceb02d"}  # fmt: skip
    execution = world.gate(asked=asked, ExperimentTemplateId="", Roles=f"{ROLE},{role}")
    id = world.started()
    world.token_is_kept()
    world.fis.become(id, "completed")
    world.announce(id)
    ended = world.running.end(execution)
    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    assert (output["ExperimentTemplateId"], output["ExpectedResilienceScore"]) == ("EXTother", 62.5)
    assert world.fis.experiments[id]["experimentTemplateId"] == "EXTother"
    assert world.running.roles["fis"] == {role}


def test_a_stack_for_all_templates_runs_each(world: World) -> None:
    world.fis.refuses["StartExperiment"] = "seen"
    ended = world.running.end(world.gate(asked={"ExperimentTemplateId": "EXTany"}, Templates=",*"))
    assert ended["cause"].startswith("no experiment was started from EXTany: Fis.ValidationException: seen")
    assert world.running.roles["fis"] == {ROLE}


@pytest.mark.parametrize(("asked", "cause"), BAD_INPUTS)
def test_bad_input_starts_nothing_and_says_why(world: World, asked: Any, cause: str) -> None:
    ended = world.running.end(world.gate(asked=asked))
    assert (ended["status"], ended["error"]) == ("FAILED", "InputRefused")
    assert cause in ended["cause"]
    assert world.fis.calls == {}


def test_without_a_template_nothing_is_started(world: World) -> None:
    ended = world.running.end(world.gate(ExperimentTemplateId=""))
    assert ended["cause"] == "ExperimentTemplateId is missing, and the stack has none (nothing was started)"


def test_all_mistakes_are_told_at_once(world: World) -> None:
    asked = {"ExperimentTemplateId": "", "ExpectedResilienceScore": -1, "TimeoutMinutes": 0, "Timeout": 1}
    cause = world.running.end(world.gate(asked=asked))["cause"]
    assert len(cause.split("; ")) == 4, cause


def test_both_shapes_read_their_input_alike() -> None:
    machines = [load(f"step-functions/{name}.yml")["Resources"]["Gate"]["Properties"] for name in ("container", "no-container")]
    one, other = ([each["Definition"]["States"][name] for name in ("ReadInput", "FindMistakes", "InputRefused")]
                  for each in machines)  # fmt: skip
    assert one == other


# --- what a dead execution has left


def sweep(world: World, execution: str) -> dict[str, Any]:
    machine = world.running.create("sweeper", hasten(definition(STACK, "Sweeper", RoleArn=ROLE)))
    return world.running.run(machine, {"detail": {"executionArn": execution, "status": "ABORTED"}})


def aborted(world: World, **gate: Any) -> str:
    """An execution of the gate that was aborted while its experiment ran."""
    execution = world.gate(**gate)
    world.started()
    world.token_is_kept()
    # moto notes it, and lets the task wait on.
    world.running.sfn.stop_execution(executionArn=execution)
    return execution


@pytest.mark.parametrize("page", [2, 100])
def test_what_a_dead_execution_has_left_is_stopped(world: World, page: int) -> None:
    mine = aborted(world)
    fis = world.fis
    fis.page = page
    left = [next(iter(fis.experiments))]
    left += [fis.add(status, faultgate__execution=mine) for status in ("pending", "initiating", "running")]
    spared = [fis.add("completed", faultgate__execution=mine), fis.add(faultgate__execution=f"{mine}x"), fis.add()]
    ended = sweep(world, mine)
    assert ended["status"] == "SUCCEEDED", ended
    assert [fis.status(id) for id in left] == ["stopped"] * 4
    assert [fis.status(id) for id in spared] == ["completed", "running", "running"]
    assert world.running.roles["fis"] == {ROLE}


def test_what_runs_as_another_role_is_stopped_as_that_role(world: World) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/other"
    mine = aborted(world, asked={"RoleArn": role}, Roles=role)
    world.running.roles.clear()
    assert sweep(world, mine)["status"] == "SUCCEEDED"
    assert world.running.roles["fis"] == {role}
    assert world.fis.status("EXP0000000000000") == "stopped"


def test_a_sweep_that_cannot_stop_fails_visibly(world: World) -> None:
    mine = aborted(world)
    world.fis.refuses["StopExperiment"] = "no"
    assert sweep(world, mine)["status"] == "FAILED"


@pytest.mark.parametrize("how", ["input", "stopped", "timeout", "start"])
def test_the_sweeper_looks_where_something_may_be_left_alone(world: World, how: str) -> None:
    if how == "stopped":
        end_as(world, "stopped")
        execution = world.running.executions(world.running.machines["gate"])[0]["executionArn"]
    else:
        if how == "start":
            world.fis.refuses["StartExperiment"] = "its answer was lost"
        asked = {"TimeoutMinutes": 0} if how == "input" else {}
        execution = world.gate(timeout_seconds=1, reconcile_seconds=1, asked=asked)
        world.running.end(execution)
    assert sweep(world, execution)["status"] == "SUCCEEDED"
    assert world.fis.calls["ListExperiments"] == (how in ("timeout", "start"))
