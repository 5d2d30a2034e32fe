"""What an execution of the gate leaves that was aborted or died, and the machine that stops it."""

from __future__ import annotations

from typing import Any

import pytest
from gate import ROLE, STACK, World, end_as
from stacks import ACCOUNT, definition, hasten


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
