"""The fleet without a container: 2,000 experiments in 100 accounts, never more than the quota in one, one verdict."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from clock import Clock
from executions import Execution
from fleet import Accounts, S3, StepFunctions, Table, services
from stacks import REGION, definition, load
from virtual import Machines

GATE, FLEET = load("step-functions/no-container.yml"), load("fan-out/step-functions/no-container.yml")
ROLE = "arn:aws:iam::{account}:role/faultgate-member"
GATE_ARN = f"arn:aws:states:{REGION}:123456789012:stateMachine:Gate"


class World:
    """The stacks of gate and fleet, with the rules by which they hear of ends."""

    def __init__(self, fates: dict[str, str] | None = None) -> None:
        self.clock = Clock()
        self.s3, self.table, self.fis, self.sfn = S3(), Table(), Accounts(self.clock, fates or {}), StepFunctions(self.clock)
        self.machines = self.sfn.machines = Machines(self.clock, services(self.s3, self.fis, self.table, self.sfn))
        self.machines.definitions = {
            "Gate": definition(
                GATE, "Gate", ExperimentTemplateId="", Templates=",*", Region=REGION, Regions=REGION,
                RoleArn=ROLE.replace("{account}", "123456789012"), Roles=ROLE.replace("{account}", "*"),
                ExpectedResilienceScore="100", TimeoutMinutes="30", ReconcileMinutes="5", ListenerArn=GATE_ARN[:-4] + "Listener",
            ),
            "Listener": definition(GATE, "Listener", Table="tokens"),
            "GateSweeper": definition(GATE, "Sweeper", RoleArn=""),
            "Fleet": definition(
                FLEET, "Fleet", Bucket="files", Region=REGION, MaxActive="5", PlacesAtOnce="100", Tolerate="0",
                GateArn=GATE_ARN, RoleArn=ROLE,
            ),
            "Sweeper": definition(FLEET, "Sweeper", Bucket="files", GateArn=GATE_ARN, GateName="Gate", RoleArn=ROLE),
        }  # fmt: skip
        self.fis.announce = lambda event: self.machines.start("Listener", event)
        self.machines.heard.append(self.sweep)
        self.swept_by = {"Gate": "GateSweeper", "Fleet": "Sweeper"}

    def sweep(self, ended: Execution) -> None:
        """The rules of both stacks."""
        sweeper = self.swept_by.get(ended.machine)
        if sweeper and ended.status in ("ABORTED", "FAILED", "TIMED_OUT"):
            self.machines.start(sweeper, {"detail": {"executionArn": ended.arn, "name": ended.name}})

    def plan(self, items: list[dict[str, Any]]) -> None:
        self.s3.objects["plan.jsonl"] = "".join(json.dumps(item) + "\n" for item in items)

    def run(self, **asked: Any) -> Execution:
        execution = self.machines.start("Fleet", asked, "nightly")
        self.clock.run()
        return execution


def items(count: int, accounts: int) -> list[dict[str, Any]]:
    """A plan, with its accounts in no order."""
    made = [
        {
            "experiment": f"e-{number}", "engine": "fis", "template": f"EXT{number}", "region": REGION,
            "account": (account := f"{number % accounts:012}"), "role_arn": ROLE.replace("{account}", account),
            "weight": 10, "timeout_seconds": 1800, "run": "r", "suite": "s",
        }
        for number in range(count)
    ]  # fmt: skip
    random.Random(1).shuffle(made)
    return made


def test_two_thousand_experiments_in_a_hundred_accounts_pass() -> None:
    world = World()
    world.plan(items(2000, 100))
    execution = world.run()
    assert execution.status == "SUCCEEDED", (execution.error, execution.cause)
    assert execution.output["Passed"] == 2000
    assert len(world.fis.experiments) == 2000 and world.fis.most_active == 5 and world.fis.left() == []
