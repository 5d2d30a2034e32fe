"""What watches from outside: the watchdog behind builds that died."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
from fis import Fis
from interpreter import interpreter
from pipelines import TEMPLATE_ID, binary, served
from stacks import ACCOUNT, REGION, definition, hasten, load

UUID = "0a1b2c3d-0000-4000-8000-0123456789ab"
EVENT = {"detail": {"build-id": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:build/gate:{UUID}", "build-status": "STOPPED"}}
QUEUES = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/faultgate-"
WITH_WATCHDOG = ["codepipeline/pipeline.yml", "step-functions/container.yml"]


def page(build: str) -> str:
    """The page of a build as the tag faultgate:url holds it: what a tag cannot hold has become `_`."""
    return (
        f"https://{REGION}.console.aws.amazon.com/codesuite/codebuild/{ACCOUNT}/projects/gate/build/gate_3A{build}"
        f"/_region={REGION}"
    )


def watch(fis: Fis, event: dict[str, Any] = EVENT) -> tuple[dict[str, Any], set[str], set[str]]:
    """Plays the end of a build; gives how the watchdog ended, and the rules and queues that are left."""
    with interpreter(fis=fis) as running:
        events, sqs = boto3.client("events", REGION), boto3.client("sqs", REGION)
        running.fakes["eventbridge"] = events
        for run in ("run-1", "run-2"):
            queue = sqs.create_queue(QueueName=f"faultgate-{run}")["QueueUrl"]
            assert queue == f"{QUEUES}{run}"
            events.put_rule(Name=f"faultgate-{run}", EventPattern='{"source": ["aws.fis"]}')
            arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:faultgate-{run}"
            events.put_targets(Rule=f"faultgate-{run}", Targets=[{"Id": "queue", "Arn": arn}])
        machine = definition(load(WITH_WATCHDOG[0]), "Watchdog", QueueUrl=QUEUES)
        ended = running.run(running.create("watchdog", hasten(machine)), event)
        rules = {each["Name"] for each in events.list_rules()["Rules"]}
        queues = {url.rpartition("/")[2] for url in sqs.list_queues().get("QueueUrls", [])}
        return ended, rules, queues


def mine(fis: Fis, status: str, run: str = "run-1") -> str:
    return fis.add(status, faultgate__url=page(UUID), **{"faultgate__run-id": run})


@pytest.mark.parametrize("size", [1, 3, 100])
def test_what_a_dead_build_has_left_is_stopped_and_removed(fis: Fis, size: int) -> None:
    fis.page = size
    left = [mine(fis, status) for status in ("pending", "initiating", "running")]
    spared = [
        mine(fis, "completed"),
        fis.add(faultgate__url=page("1a1b2c3d-0000-4000-8000-0123456789ab"), **{"faultgate__run-id": "run-2"}),
        fis.add(faultgate__url=page(UUID)),
        fis.add(),
    ]
    ended, rules, queues = watch(fis)
    assert ended["status"] == "SUCCEEDED", ended
    assert [fis.status(id) for id in left] == ["stopped"] * 3
    assert [fis.status(id) for id in spared] == ["completed", "running", "running", "running"]
    assert rules == queues == {"faultgate-run-2"}


@pytest.mark.parametrize("status", ["completed", "stopped", "failed", "cancelled", "stopping"])
def test_what_has_ended_or_is_ending_is_left_alone(fis: Fis, status: str) -> None:
    mine(fis, status)
    ended, rules, _ = watch(fis)
    assert ended["status"] == "SUCCEEDED"
    assert fis.calls["StopExperiment"] == 0
    assert rules == {"faultgate-run-2"}


def test_a_run_that_has_tidied_up_needs_nothing(fis: Fis) -> None:
    mine(fis, "completed", "run-0")
    ended, rules, queues = watch(fis)
    assert ended["status"] == "SUCCEEDED"
    assert rules == queues == {"faultgate-run-1", "faultgate-run-2"}


def test_no_experiment_at_all_is_no_trouble(fis: Fis) -> None:
    assert watch(fis)[0]["status"] == "SUCCEEDED"


def test_a_stop_that_is_refused_fails_the_watchdog_visibly(fis: Fis) -> None:
    mine(fis, "running")
    fis.refuses["StopExperiment"] = "no"
    assert watch(fis)[0]["status"] == "FAILED"


def failed(status: str = "FAILED", **told: str) -> dict[str, Any]:
    """The event of a build that ended so, and exported that."""
    exported = [{"name": f"FAULTGATE_{name}", "value": value, "type": "PLAINTEXT"} for name, value in told.items()]
    more = {"additional-information": {"exported-environment-variables": exported}} if told else {}
    return {"detail": EVENT["detail"] | {"build-status": status} | more}


@pytest.mark.parametrize(
    "event",
    [
        failed(),
        failed(VERDICT="failed"),
        # Of several experiments these tell about one.
        *(failed(VERDICT="failed", STATE=state) for state in ("completed", "stopped", "failed", "cancelled")),
        failed(VERDICT="", STATE="completed"),
        failed(VERDICT="passed", STATE="completed"),
        failed(REASON="failed", STATE="completed"),
        *(failed(VERDICT="failed", STATE=state) for state in ("running", "stopping", "unknown", "")),
        *(failed(VERDICT=verdict, STATE="stopped") for verdict in ("errored", "timed-out", "cancelled")),
        *(failed(status, VERDICT="failed", STATE="completed") for status in ("STOPPED", "TIMED_OUT", "FAULT")),
    ],
)
def test_every_end_is_looked_into(fis: Fis, event: dict[str, Any]) -> None:
    left = mine(fis, "running")
    assert watch(fis, event)[0]["status"] == "SUCCEEDED"
    assert fis.status(left) == "stopped"


def test_both_stacks_have_the_same_watchdog() -> None:
    one, other = (load(name)["Resources"] for name in WITH_WATCHDOG)
    assert one["Watchdog"]["Properties"]["Definition"] == other["Watchdog"]["Properties"]["Definition"]
    assert one["WatchdogRole"] == other["WatchdogRole"]
    assert one["DeadBuild"] == other["DeadBuild"]


def leave(home: Path, endpoints: dict[str, str], build: str) -> None:
    """Runs faultgate in a build until the fault is in, and kills it as the end of a build does."""
    home.mkdir()
    variables = {
        "CODEBUILD_BUILD_ARN": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:build/gate:{build}",
        "CODEBUILD_BUILD_ID": f"gate:{build}",
        "AWS_EC2_METADATA_DISABLED": "true",
        "HOME": str(home),
        "PATH": os.environ["PATH"],
    }
    run = subprocess.Popen(
        [binary(), "run", "--experiment-template-id", TEMPLATE_ID],
        cwd=home,
        env=variables | endpoints,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert run.stdout
    log = []
    for line in run.stdout:
        log.append(line)
        if " running [event]" in line:
            break
    run.kill()
    run.wait()
    assert " running [event]" in log[-1], log


def test_what_faultgate_itself_has_left_is_found_stopped_and_removed(tmp_path: Path) -> None:
    """The names and tags that the watchdog goes by are those that the binary makes."""
    other = "1a1b2c3d-0000-4000-8000-0123456789ab"
    with served("completed", "--fault", "10m") as endpoints:
        leave(tmp_path / "one", endpoints, UUID)
        leave(tmp_path / "other", endpoints, other)
        url, region = endpoints["AWS_ENDPOINT_URL"], endpoints["AWS_REGION"]
        with interpreter() as running:
            services = {"fis": "fis", "eventbridge": "events", "sqs": "sqs"}
            running.fakes |= {
                name: boto3.client(service, region, endpoint_url=url) for name, service in services.items()
            }
            fis, events, sqs = running.fakes.values()
            left = {each["tags"]["faultgate:url"]: each for each in fis.list_experiments()["experiments"]}
            assert set(left) == {page(UUID), page(other)}
            mine, spared = (left[page(build)] for build in (UUID, other))
            run = mine["tags"]["faultgate:run-id"]
            assert [each["Id"] for each in events.list_targets_by_rule(Rule=f"faultgate-{run}")["Targets"]] == ["queue"]
            (queue,) = sqs.list_queues(QueueNamePrefix=f"faultgate-{run}")["QueueUrls"]
            names = {"QueueUrl": queue.removesuffix(run)}
            told = load(WITH_WATCHDOG[0])["Resources"]["Watchdog"]["Properties"]["DefinitionSubstitutions"]["QueueUrl"]
            assert told["Fn::Sub"].rpartition("/")[2] == names["QueueUrl"].rpartition("/")[2]
            machine = running.create("watchdog", hasten(definition(load(WITH_WATCHDOG[0]), "Watchdog", **names)))
            ended = running.run(machine, EVENT)
            assert ended["status"] == "SUCCEEDED", ended
            states = [fis.get_experiment(id=each["id"])["experiment"]["state"]["status"] for each in (mine, spared)]
            rules = [each["Name"] for each in events.list_rules()["Rules"]]
            queues = [each.rpartition("/")[2] for each in sqs.list_queues()["QueueUrls"]]
    assert states[0] in ("stopping", "stopped") and states[1] == "running"
    assert rules == queues == [f"faultgate-{spared['tags']['faultgate:run-id']}"]
