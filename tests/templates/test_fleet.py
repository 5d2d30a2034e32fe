"""Fleets by Step Functions: 2,000 experiments in 100 accounts and Regions, never more than the quota in one, one verdict; and nothing
runs after an execution that was stopped."""

from __future__ import annotations

import json
from typing import Any

import pytest
from clock import Failed
from fleet import unsplit
from fleets import WithContainer, WithoutContainer, items

BOTH = [WithoutContainer, WithContainer]
TWO_REGIONS = ("eu-west-1", "us-east-1")
# 2,000 experiments in 100 places, of which some are stopped by their alarm, refused, stopped by somebody, or hit nothing.
PLAN = items(2000, 100)
PLAN_OF_REGIONS = items(2000, 50, TWO_REGIONS)
FATES = {f"EXT{number}": fate for number, fate in zip(range(0, 2000, 97), ["stop-condition", "refused", "somebody", "nothing"] * 9)}


# --- the whole


def test_a_fleet_without_a_container_has_the_verdict_of_one_run() -> None:
    fleet = WithoutContainer(FATES)
    fleet.plan(PLAN)
    execution = fleet.run()
    assert execution.error == unsplit(fleet.verdicts(PLAN)) == "failed"
    verdicts = fleet.verdicts(PLAN)
    assert f"{verdicts.count('passed')} of 2000 experiments passed; {verdicts.count('failed')} failed" in execution.cause
    refused = sum(fate == "refused" for fate in FATES.values())
    assert len(fleet.fis.experiments) == 2000 - refused
    assert fleet.fis.most_active == 5 and fleet.fis.left() == []
    told = {key.split("/")[-1][:-5]: key.split("/")[3] for key in fleet.s3.objects if "/verdicts/" in key}
    assert told == {item["experiment"]: verdict for item, verdict in zip(PLAN, verdicts, strict=True)}


def test_a_fleet_of_containers_has_the_verdict_of_one_run() -> None:
    fleet = WithContainer(FATES)
    fleet.plan(PLAN_OF_REGIONS)
    execution = fleet.run()
    assert execution.error == unsplit(fleet.verdicts(PLAN_OF_REGIONS)) == "failed"
    assert "2000 of 2000 results" in execution.cause
    assert len(fleet.fis.by_place) == 100
    assert fleet.fis.most_active == 5 and fleet.fis.left() == []


def assert_nothing_is_left_by_a_kill(fleet: WithoutContainer | WithContainer, plan: list[dict[str, Any]]) -> None:
    """Kills the fleet when half of its plan has begun."""
    execution = fleet.killed(lambda: len(fleet.fis.experiments) >= len(plan) / 2)
    assert execution.status == "ABORTED" and fleet.sweeps() == ["SUCCEEDED"]
    assert fleet.fis.left() == []
    begun = len(fleet.fis.experiments)
    fleet.clock.run(most=86_400)
    assert len(fleet.fis.experiments) == begun < len(plan), "something was started after the sweep"


@pytest.mark.parametrize("loses", [False, True])
def test_a_fleet_without_a_container_that_is_killed_leaves_nothing(loses: bool) -> None:
    fleet = WithoutContainer({f"EXT{number}": "endless" for number in range(0, 2000, 3)})
    plan = PLAN if not loses else items(300, 30)
    fleet.plan(plan)
    # Step Functions stops what its tasks have started as well as it can.
    fleet.sfn.loses_stops = lambda: loses
    assert_nothing_is_left_by_a_kill(fleet, plan)


@pytest.mark.parametrize("loses", [False, True])
def test_a_fleet_of_containers_that_is_killed_leaves_nothing(loses: bool) -> None:
    fleet = WithContainer({f"EXT{number}": "endless" for number in range(0, 2000, 3)})
    plan = PLAN_OF_REGIONS if not loses else items(300, 15, TWO_REGIONS)
    fleet.plan(plan)
    fleet.codebuild.loses_stops = lambda: loses
    assert_nothing_is_left_by_a_kill(fleet, plan)


# --- verdicts


@pytest.mark.parametrize("fleet_of", BOTH)
@pytest.mark.parametrize(
    ("fates", "tolerate", "verdict"),
    [
        ([], 0, "passed"),
        (["refused"], 0, "errored"),
        (["refused"], 9, "errored"),
        (["refused"], 10, "passed"),
        (["refused", "somebody"], 10, "errored"),
        (["nothing", "somebody"], 20, "passed"),
        (["stop-condition"], 100, "failed"),
        (["refused"] * 10, 100, "errored"),
        (["stop-condition", "refused"], 50, "failed"),
    ],
)
def test_errored_ones_alone_are_tolerated(fleet_of: Any, fates: list[str], tolerate: int, verdict: str) -> None:
    fleet, plan = fleet_of({f"EXT{number}": fate for number, fate in enumerate(fates)}), items(10, 3)
    fleet.plan(plan)
    execution = fleet.run(Tolerate=tolerate)
    assert verdict == unsplit(fleet.verdicts(plan), tolerate)
    assert (execution.output["Verdict"] if execution.status == "SUCCEEDED" else execution.error) == verdict


def test_an_experiment_without_end_is_stopped_and_times_the_run_out() -> None:
    fleet, plan = WithoutContainer({"EXT1": "endless"}), items(10, 3)
    fleet.plan(plan)
    assert fleet.run(Tolerate=50).error == "timed-out" == unsplit(fleet.verdicts(plan), 50)
    assert fleet.fis.left() == []


def test_others_that_hold_the_slots_are_waited_for() -> None:
    fleet, plan = WithoutContainer(), items(12, 2)
    fleet.plan(plan)
    place = (plan[0]["account"], plan[0]["region"])
    for number in range(5):
        fleet.fis.start(place, f"others{number}", {}, f"others{number}")
    execution = fleet.run()
    assert execution.status == "SUCCEEDED", execution.cause
    assert fleet.fis.most_active == 5


def test_a_child_that_dies_leaves_no_verdict_and_is_an_error() -> None:
    fleet, plan = WithoutContainer(), items(10, 2)
    fleet.plan(plan)
    put = fleet.machines.services["s3:putObject"]

    def forgetful(task: Any) -> Any:
        if task.arguments["Key"].endswith("/e-3.json") and "/verdicts/" in task.arguments["Key"]:
            raise Failed("States.Runtime", "it is gone")
        return put(task)

    fleet.machines.services["s3:putObject"] = forgetful
    execution = fleet.run()
    assert execution.error == "errored" and "9 of 10 experiments passed; 1 left no verdict" in execution.cause
    assert fleet.fis.left() == []


def test_the_experiment_of_a_build_that_died_is_stopped_also_where_the_run_passes() -> None:
    fleet, plan = WithContainer({"EXT3": "endless"}), items(20, 2)
    fleet.plan(plan)
    fleet.codebuild.dies = {"e-3"}
    execution = fleet.run(Tolerate=5)
    assert execution.status == "SUCCEEDED" and "19 of 20 results" in execution.output["Reason"]
    assert fleet.fis.left() == [] and fleet.sweeps() == ["SUCCEEDED"]


# --- what is refused before anything is launched


def line(**other: Any) -> str:
    return json.dumps(items(1, 1)[0] | other) + "\n"


@pytest.mark.parametrize("fleet_of", BOTH)
@pytest.mark.parametrize(
    "bad",
    [
        "{}\n",
        "[1]\n",
        "no JSON\n",
        "",
        line(experiment="../other"),
        line(account=None),
        line(account="12345678901a"),
        line(region=None),
        line(role_arn=None),
        line(role_arn="arn:aws:iam::000000000000:role/administrator"),
        line(role_arn="arn:aws:iam::999999999999:role/faultgate-member"),
        line() + line(template="EXTother"),
    ],
)
def test_a_plan_with_a_bad_line_launches_nothing(fleet_of: Any, bad: str) -> None:
    fleet = fleet_of()
    good = "".join(json.dumps(item | {"experiment": f"good-{number}"}) + "\n" for number, item in enumerate(items(30, 3)))
    fleet.s3.objects["plan.jsonl"] = good + bad if bad else ""
    execution = fleet.run(Plan="plan.jsonl")
    assert execution.error == "PlanRefused" and execution.cause.startswith("plan.jsonl: ")
    assert not fleet.fis.experiments and not fleet.codebuild.builds


@pytest.mark.parametrize("fleet_of", BOTH)
def test_a_plan_that_is_not_there_launches_nothing(fleet_of: Any) -> None:
    execution = fleet_of().run(Plan="other.jsonl")
    assert execution.error == "PlanRefused" and "other.jsonl" in execution.cause


@pytest.mark.parametrize("bad", [{"region": "us-east-1"}, {"template": None}, {"engine": "command"}])
def test_without_a_container_there_is_one_region_and_fis_alone(bad: dict[str, Any]) -> None:
    fleet = WithoutContainer()
    fleet.s3.objects["plan.jsonl"] = line(**bad)
    assert fleet.run().error == "PlanRefused"


@pytest.mark.parametrize("fleet_of", BOTH)
@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"Tolerate": "5%"}, 'Tolerate must be a number, not "5%"'),
        ({"Tolerate": 101}, "Tolerate must be 0 to 100, not 101"),
        ({"Plan": 3}, "Plan must be a key of the bucket"),
        ({"plan": "x"}, "plan is not known, known are Plan, Tolerate"),
    ],
)
def test_every_mistake_of_the_input_is_told(fleet_of: Any, asked: dict[str, Any], words: str) -> None:
    fleet = fleet_of()
    fleet.plan(items(3, 1))
    execution = fleet.run(**asked)
    assert execution.error == "InputRefused" and words in execution.cause
    assert not fleet.fis.experiments


# --- the sweep


@pytest.mark.parametrize("fleet_of", BOTH)
def test_experiments_of_other_runs_are_left_alone(fleet_of: Any) -> None:
    fleet = fleet_of({"EXTother": "endless"} | {f"EXT{number}": "endless" for number in range(30)})
    fleet.plan(items(30, 3))
    others = {"faultgate:environment": "staging", "faultgate:execution": "arn:aws:states:x:1:execution:Gate:other"}
    other = fleet.fis.start(("0" * 12, "eu-west-1"), "EXTother", others, "other")
    fleet.killed(lambda: len(fleet.fis.experiments) > 10)
    assert fleet.fis.left() == [other["id"]]


def test_an_account_that_cannot_be_swept_keeps_no_other_and_is_told() -> None:
    fleet = WithoutContainer({f"EXT{number}": "endless" for number in range(30)})
    fleet.plan(items(30, 3))
    fleet.sfn.loses_stops = lambda: True
    fleet.swept_by.pop("Gate")
    listed = fleet.machines.services["fis:listExperiments"]

    def refuses(task: Any) -> Any:
        if ":000000000001:" in task.role:
            raise Failed("Fis.AccessDeniedException", "no")
        return listed(task)

    fleet.machines.services["fis:listExperiments"] = refuses
    fleet.killed(lambda: len(fleet.fis.experiments) >= 12)
    assert fleet.sweeps() == ["FAILED"]
    assert {fleet.fis.experiments[id]["place"][0] for id in fleet.fis.left()} == {"000000000001"}
