"""The stacks of ci-templates/fan-out/step-functions with the rules by which they hear of ends, in a world of many accounts."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from clock import Clock
from engines import CodeBuild, StepFunctions, Table, services
from executions import Execution
from fleet import S3, Accounts
from stacks import ACCOUNT, REGION, definition, load
from virtual import Machines

GATE = load("step-functions/no-container.yml")
ROLE = "arn:aws:iam::{account}:role/faultgate-member"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:"


def items(count: int, accounts: int, regions: tuple[str, ...] = (REGION,)) -> list[dict[str, Any]]:
    """A plan over so many accounts in each Region, in no order."""
    made = []
    for number in range(count):
        account = f"{number % accounts:012}"
        made.append({
            "experiment": f"e-{number}", "engine": "fis", "template": f"EXT{number}", "account": account,
            "region": regions[number // accounts % len(regions)], "role_arn": ROLE.replace("{account}", account),
            "weight": 10, "timeout_seconds": 1800, "run": "r", "suite": "s",
        })  # fmt: skip
    random.Random(1).shuffle(made)
    return made


class Fleet:
    """A world with one of the two stacks."""

    def __init__(self, template: str, fates: dict[str, str] | None = None) -> None:
        self.clock = Clock()
        self.s3, self.fis, self.sfn = S3(), Accounts(self.clock, fates or {}), StepFunctions(self.clock)
        self.codebuild = CodeBuild(self.clock, self.s3, self.fis)
        self.machines = Machines(self.clock, services(self.s3, self.fis, Table(), self.sfn, self.codebuild))
        self.sfn.machines = self.machines
        self.stack = load(template)
        self.swept_by = {"Fleet": "Sweeper"}
        self.machines.heard.append(self.sweep)

    def sweep(self, ended: Execution) -> None:
        """The rules that start the sweepers."""
        sweeper = self.swept_by.get(ended.machine)
        if sweeper and ended.status in ("ABORTED", "FAILED", "TIMED_OUT"):
            self.machines.start(sweeper, {"detail": {"executionArn": ended.arn, "name": ended.name}})

    def plan(self, items: list[dict[str, Any]]) -> None:
        self.s3.objects["plan.jsonl"] = self.s3.objects["suite/planned"] = "".join(json.dumps(item) + "\n" for item in items)

    def run(self, **asked: Any) -> Execution:
        execution = self.machines.start("Fleet", asked, "nightly")
        self.clock.run()
        return execution

    def killed(self, when: Callable[[], bool], **asked: Any) -> Execution:
        """An execution that is stopped at a moment, and all that comes after it."""
        execution = self.machines.start("Fleet", asked, "nightly")
        self.clock.run(when)
        assert execution.status == "RUNNING" and self.fis.left()
        self.machines.stop(execution)
        self.clock.run(most=3600)
        return execution

    def sweeps(self) -> list[str]:
        """How the sweeps of the fleet have ended."""
        return [each.status for each in self.machines.executions.values() if each.machine == "Sweeper"]

    def verdicts(self, items: list[dict[str, Any]]) -> list[str]:
        """What one run of all would judge of each, by the fates of their templates."""
        by_fate = {"stop-condition": "failed", "completed": "passed", "endless": "timed-out"}
        return [by_fate.get(self.fis.fates.get(item["template"], "completed"), "errored") for item in items]


class WithoutContainer(Fleet):
    def __init__(self, fates: dict[str, str] | None = None, tolerate: str = "0") -> None:
        super().__init__("fan-out/step-functions/no-container.yml", fates)
        self.machines.definitions = {
            "Gate": definition(
                GATE, "Gate", ExperimentTemplateId="", Templates=",*", Region=REGION, Regions=REGION,
                RoleArn=ROLE.replace("{account}", ACCOUNT), Roles=ROLE.replace("{account}", "*"),
                ExpectedResilienceScore="100", TimeoutMinutes="30", ReconcileMinutes="5", ListenerArn=MACHINE + "Listener",
            ),
            "Listener": definition(GATE, "Listener", Table="tokens"),
            "GateSweeper": definition(GATE, "Sweeper", RoleArn=""),
            "Fleet": definition(
                self.stack, "Fleet", Bucket="files", Region=REGION, MaxActive="5", PlacesAtOnce="100", Tolerate=tolerate,
                GateArn=MACHINE + "Gate", RoleArn=ROLE,
            ),
            "Sweeper": definition(
                self.stack, "Sweeper", Bucket="files", GateArn=MACHINE + "Gate", GateName="Gate", RoleArn=ROLE
            ),
        }  # fmt: skip
        self.fis.announce = lambda event: self.machines.start("Listener", event)
        self.swept_by["Gate"] = "GateSweeper"


class WithContainer(Fleet):
    def __init__(self, fates: dict[str, str] | None = None, tolerate: str = "0") -> None:
        super().__init__("fan-out/step-functions/container.yml", fates)
        self.machines.definitions = {
            "Fleet": definition(
                self.stack, "Fleet", Bucket="files", Project="project", MaxActive="5", PlacesAtOnce="100", Tolerate=tolerate,
                RoleArn=ROLE, SweeperArn=MACHINE + "Sweeper",
            ),
            "Sweeper": definition(self.stack, "Sweeper", Bucket="files", Project="project", RoleArn=ROLE),
        }  # fmt: skip
