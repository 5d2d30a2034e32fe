"""The stack of the gate without a container on the interpreter: its machines, its table, and how it hears of an end."""

from __future__ import annotations

import json
from typing import Any

import boto3
from fis import TEMPLATE, Fis
from interpreter import PATIENCE, Interpreter
from stacks import ACCOUNT, REGION, definition, hasten, load

STACK = load("step-functions/no-container.yml")
TABLE = "tokens"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/experiments"


def in_seconds(machine: dict[str, Any]) -> dict[str, Any]:
    """The same machine, for which a minute is a second."""
    text = json.dumps(machine)
    assert text.count("* 60000") == 1 and text.count("* 60,") == 1
    return json.loads(text.replace("* 60000", "* 1000").replace("* 60,", "* 1,"))


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
        self.running.wait_until(lambda: len(self.heard("KeepToken")) == 1)

    def heard(self, state: str) -> list[str]:
        return self.running.heard(self.listener, state)

    def announce(self, id: str) -> None:
        self.running.run(self.listener, self.fis.event(id))


def end_as(world: World, status: str, **how: str) -> dict[str, Any]:
    """An experiment that ends in some way, and is announced, while the gate waits."""
    execution = world.gate()
    id = world.started()
    world.token_is_kept()
    world.fis.become(id, status, **how)
    world.announce(id)
    return world.running.end(execution)
