"""The array job of AWS Batch: what its children do with an exit code and a stop, when they begin again, and the job that waits."""

from __future__ import annotations

import fnmatch
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator
from moto import mock_aws
from pipelines import PATIENCE
from stacks import REGION, load

STACK = load("fan-out/batch/batch.yml")
SHARD, MERGE = (STACK["Resources"][name]["Properties"] for name in ("Shard", "Merge"))


def run(tmp_path: Path, job: dict[str, Any], fake: str, **variables: str) -> subprocess.Popen[str]:
    """The command of a job in the image's shell, with a faultgate of the test's."""
    command = tmp_path / "faultgate"
    command.write_text(f"#!/bin/sh\n{fake}\n", encoding="utf-8")
    command.chmod(0o755)
    words = [word.replace("cd /tmp", f"cd {tmp_path}") for word in job["ContainerProperties"]["Command"]]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **variables}
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)


def retried(job: dict[str, Any], code: int | None = None, reason: str = "", status: str = "") -> bool:
    """By the first rule of which all conditions fit; where none does, a job is tried again."""
    given = {"OnExitCode": "" if code is None else str(code), "OnReason": reason, "OnStatusReason": status}
    for rule in job["RetryStrategy"]["EvaluateOnExit"]:
        asked = {key: pattern for key, pattern in rule.items() if key != "Action"}
        if all(given[key] and fnmatch.fnmatch(given[key], pattern) for key, pattern in asked.items()):
            return rule["Action"] == "RETRY"
    return True


@pytest.mark.parametrize(
    ("code", "ends"), [(0, 0), (1, 0), (3, 0), (4, 0), (2, 2), (129, 129), (130, 130), (143, 143), (127, 127)]
)
def test_a_verdict_is_no_failure_of_the_child(code: int, ends: int, tmp_path: Path) -> None:
    assert run(tmp_path, SHARD, f"exit {code}", SUITE="version: 1").wait(PATIENCE) == ends


def test_the_suite_is_as_it_was_written(tmp_path: Path) -> None:
    suite = "version: 1\nexperiments:\n  - { name: \"a\", command: { run: ['x', \"$HOME\\n\"] } }"
    assert run(tmp_path, SHARD, "exit 0", SUITE=suite).wait(PATIENCE) == 0
    assert (tmp_path / ".faultgate.yml").read_text(encoding="utf-8") == suite + "\n"


def test_a_stop_reaches_faultgate_which_has_the_last_word(tmp_path: Path) -> None:
    fake = "trap 'echo stopped; exit 143' TERM; echo ready; while :; do sleep 0.05; done"
    process = run(tmp_path, SHARD, fake, SUITE="version: 1")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "stopped\n"
    assert process.wait(PATIENCE) == 143


@pytest.mark.parametrize("job", [SHARD, MERGE])
def test_it_begins_again_only_where_the_task_was_lost(job: dict[str, Any]) -> None:
    assert retried(job, status="Host EC2 (instance i-0) terminated.")
    assert retried(job, reason="CannotPullContainerError: timeout", status="Task failed to start")
    assert retried(job, reason="ResourceInitializationError: no secret", status="Task failed to start")
    for code in (1, 2, 3, 4, 137, 143):
        assert not retried(job, code, status="Essential container in task exited")
        assert not retried(job, code, "OutOfMemoryError: killed", "Essential container in task exited")
    assert not retried(job, reason="anything else", status="Job attempt duration exceeded timeout")
    # Batch takes no more.
    assert len(job["RetryStrategy"]["EvaluateOnExit"]) <= 5


@pytest.mark.parametrize(("plan", "words"), [("", ""), ("s3://b/plan.jsonl", " --plan s3://b/plan.jsonl --tolerate 0%")])
def test_the_job_that_waits_merges_and_its_end_is_the_verdict(plan: str, words: str, tmp_path: Path) -> None:
    fake = 'echo "$*"; exit 1'
    process = run(tmp_path, MERGE, fake, FAULTGATE_RESULTS="s3://b/runs/r/", **({"PLAN": plan} if plan else {}))
    assert process.stdout.read() == f"report --merge s3://b/runs/r/{words}\n"
    assert process.wait(PATIENCE) == 1


# --- Batch itself, by moto, which runs no container here and tells children no index


def as_request(node: Any) -> Any:
    """CloudFormation's properties as the request for them, with something for each reference."""
    if isinstance(node, list):
        return [as_request(each) for each in node]
    if not isinstance(node, dict):
        return node
    if len(node) == 1 and next(iter(node)) in ("Ref", "Fn::GetAtt", "Fn::Sub"):
        return {"TimeoutSeconds": 21600, "PublicIp": "DISABLED"}.get(node.get("Ref", ""), "arn:aws:iam::123456789012:role/x")
    # The keys of options are the driver's own.
    return {
        key[0].lower() + key[1:]: {name: as_request(one) for name, one in each.items()} if key == "Options" else as_request(each)
        for key, each in node.items()
    }


def test_the_gate_waits_for_the_array() -> None:
    with mock_aws(config={"batch": {"use_docker": False}}):
        batch = boto3.client("batch", REGION)
        model = batch.meta.service_model.operation_model("RegisterJobDefinition").input_shape
        for name, job in (("shard", SHARD), ("merge", MERGE)):
            request = as_request(job) | {"jobDefinitionName": name}
            report = ParamValidator().validate(request, model)
            assert not report.has_errors(), report.generate_report()
            batch.register_job_definition(**request)
        role = boto3.client("iam").create_role(RoleName="batch", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        ec2 = boto3.client("ec2", REGION)
        subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
        place = batch.create_compute_environment(
            computeEnvironmentName="place", type="MANAGED", state="ENABLED", serviceRole=role,
            computeResources={"type": "FARGATE", "maxvCpus": 4, "subnets": [subnet], "securityGroupIds": [group]},
        )["computeEnvironmentArn"]  # fmt: skip
        order = [{"order": 1, "computeEnvironment": place}]
        batch.create_job_queue(jobQueueName="queue", state="ENABLED", priority=1, computeEnvironmentOrder=order)
        variables = [{"name": "FAULTGATE_SHARD", "value": "auto/4"}, {"name": "FAULTGATE_RESULTS", "value": "s3://b/runs/r/"}]
        overrides = {"environment": variables}
        array = batch.submit_job(
            jobName="shards", jobQueue="queue", jobDefinition="shard", arrayProperties={"size": 4}, containerOverrides=overrides
        )
        gate = batch.submit_job(
            jobName="gate", jobQueue="queue", jobDefinition="merge", dependsOn=[{"jobId": array["jobId"]}],
            containerOverrides=overrides,
        )  # fmt: skip
        children = batch.list_jobs(arrayJobId=array["jobId"])["jobSummaryList"]
        assert [each["jobId"] for each in children] == [f"{array['jobId']}:{index}" for index in range(4)]
        until = time.monotonic() + PATIENCE
        while (told := batch.describe_jobs(jobs=[gate["jobId"]])["jobs"][0])["status"] not in ("SUCCEEDED", "FAILED"):
            assert time.monotonic() < until, told
            time.sleep(0.05)
        assert told["status"] == "SUCCEEDED"
        (parent,) = batch.describe_jobs(jobs=[array["jobId"]])["jobs"]
        assert parent["status"] == "SUCCEEDED"


def test_every_role_is_of_the_tasks() -> None:
    for name in ("JobRole", "ExecutionRole"):
        (trust,) = STACK["Resources"][name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert "aws:SourceAccount" in json.dumps(trust["Condition"])
