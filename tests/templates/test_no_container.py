"""The gate without a container, at every end of an experiment and at every trouble on the way to it."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from fis import TEMPLATE
from gate import TABLE, World, end_as
from stacks import REGION, TEMPLATES


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
    world.running.wait_until(lambda: world.fis.calls["GetExperiment"] >= 1)
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
    world.running.wait_until(lambda: world.fis.calls["StopExperiment"] >= 1)
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


def test_a_run_takes_as_many_transitions_as_the_manual_says(world: World) -> None:
    execution = world.gate(reconcile_seconds=1)
    id = world.started()
    world.running.wait_until(lambda: world.fis.calls["GetExperiment"] > 0 and len(world.heard("KeepToken")) > 1)
    world.fis.become(id, "completed")
    world.announce(id)
    assert world.running.end(execution)["status"] == "SUCCEEDED"
    stranger = world.fis.add("completed")
    world.announce(stranger)
    world.running.wait_until(lambda: len(world.heard("KeepEnd")) == 2)
    gate = world.running.path(execution)
    looks = gate.count("Look") - 1
    listened = {each: len(world.running.path(each)) for each in world.heard("WhoComes")}
    kept = {listened[each] for each in world.heard("KeepToken")}
    answered, unanswered = sorted((listened[each] for each in world.heard("KeepEnd")), reverse=True)
    # A token that comes behind the end is answered at once, by one state more.
    once = min(kept)
    manual = (TEMPLATES / "step-functions" / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    assert f"{len(gate) - 3 * looks} of the gate and {once + answered} of the listener" in manual
    assert f"{3 + once} more each time FIS is read" in manual
    assert f"somebody else costs {unanswered} transitions" in manual
