"""The templates of a scheduled sweep, carried out as each CI does, against embedded endpoints with something to sweep."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from gitlab import Repository, repository
from pipelines import PATIENCE, TEMPLATE_ID, TEMPLATES, Machine, served
from stacks import ACCOUNT, load

PAST, FUTURE = "2020-01-02T03:04:05Z", "2999-01-02T03:04:05Z"
REGION = "us-east-1"


class World:
    """An account with a subscription that has expired, one that has not, and an experiment of each."""

    def __init__(self, endpoints: dict[str, str]) -> None:
        self.endpoints = {name: value for name, value in endpoints.items() if name != "AWS_REGION"}
        self.fis, self.events, self.sqs = (self._client(name) for name in ("fis", "events", "sqs"))
        self.experiments = {}
        for name, expires_at in {"old": PAST, "new": FUTURE}.items():
            tags = {"faultgate:run-id": name, "faultgate:expires-at": expires_at}
            listed = [{"Key": key, "Value": value} for key, value in tags.items()]
            self.events.put_rule(Name=f"faultgate-{name}", EventPattern=json.dumps({"source": ["aws.fis"]}), Tags=listed)
            target = {"Id": "queue", "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:faultgate-{name}"}
            self.events.put_targets(Rule=f"faultgate-{name}", Targets=[target])
            self.sqs.create_queue(QueueName=f"faultgate-{name}", tags=tags)
            started = self.fis.start_experiment(clientToken=name, experimentTemplateId=TEMPLATE_ID, tags=tags)
            self.experiments[name] = started["experiment"]["id"]

    def _client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoints["AWS_ENDPOINT_URL"],
            region_name=REGION,
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )

    def assert_swept(self, log: str) -> None:
        assert [rule["Name"] for rule in self.events.list_rules()["Rules"]] == ["faultgate-new"], log
        assert [url.rpartition("/")[2] for url in self.sqs.list_queues()["QueueUrls"]] == ["faultgate-new"], log
        status = {
            name: self.fis.get_experiment(id=id)["experiment"]["state"]["status"]
            for name, id in self.experiments.items()
        }
        assert (status["old"], status["new"] == "stopped") == ("stopped", False), log


@contextmanager
def littered() -> Iterator[World]:
    with served("completed", "--fault", "10m") as endpoints:
        yield World(endpoints)


def test_the_workflow(tmp_path: Path) -> None:
    workflow = yaml.safe_load((TEMPLATES / "github" / "sweep.yml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"id-token": "write"} and workflow["permissions"] == {}
    (step,) = job["steps"]
    variables = {"SWEEP_REGIONS": f"{REGION},eu-west-1", "SWEEP_ROLE_ARNS": ""}
    filled = {
        name: re.sub(r"\$\{\{ vars\.(\w+) \}\}", lambda found: variables[found[1]], value)
        for name, value in step["env"].items()
    }
    with littered() as world:
        machine = Machine(tmp_path, world.endpoints)
        ended = subprocess.run(
            # What is given as `args` goes to the image's entrypoint.
            ["faultgate", *shlex.split(step["with"]["args"])],
            cwd=tmp_path,
            env=machine.environment | filled | {"GITHUB_ACTIONS": "true"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "nothing to sweep in eu-west-1" in ended.stdout
        world.assert_swept(ended.stdout)


def pipeline(made: Repository, *variables: str) -> tuple[int, str]:
    return made.run(*(word for variable in variables for word in ("--variable", variable)))


def test_the_scheduled_pipeline(tmp_path: Path) -> None:
    text = f"""
include:
  - local: ci-templates/gitlab/sweep.yml
variables:
  SWEEP_REGIONS: {REGION},eu-west-1
  SWEEP_ROLE_ARNS: ""
build-job:
  script: ["true"]
  rules:
    - if: $SWEEP != "true"
"""
    with littered() as world:
        machine = Machine(tmp_path, world.endpoints)
        made = repository(tmp_path, text, machine.environment, "--force-shell-executor")
        for variables in [(), ("CI_PIPELINE_SOURCE=schedule",), ("SWEEP=true",)]:
            pipeline(made, *variables)
            assert machine.called() == [], f"only a schedule that is meant for it sweeps: {variables}"
        code, log = pipeline(made, "CI_PIPELINE_SOURCE=schedule", "SWEEP=true")
        assert code == 0, log
        assert machine.called() == ["sweep --stop-experiments"], log
        world.assert_swept(log)


def resolved(node: Any, values: dict[str, Any], conditions: dict[str, bool]) -> Any:
    """What CloudFormation makes of the functions that the project is written in."""
    if isinstance(node, list):
        every = [resolved(each, values, conditions) for each in node]
        return [each for each in every if each is not None]
    if not isinstance(node, dict):
        return node
    if list(node) == ["Ref"]:
        return None if node["Ref"] == "AWS::NoValue" else values[node["Ref"]]
    if list(node) == ["Fn::If"]:
        name, yes, no = node["Fn::If"]
        return resolved(yes if conditions[name] else no, values, conditions)
    if list(node) == ["Fn::Join"]:
        separator, items = node["Fn::Join"]
        return separator.join(resolved(items, values, conditions))
    if list(node) == ["Fn::Sub"]:
        text, given = node["Fn::Sub"]
        for name, value in given.items():
            text = text.replace(f"${{{name}}}", resolved(value, values, conditions))
        return text
    return {key: resolved(value, values, conditions) for key, value in node.items()}


@pytest.mark.parametrize("regions", [[REGION, "eu-west-1"], []])
def test_the_scheduled_build(tmp_path: Path, regions: list[str]) -> None:
    stack = load("sweep/sweep.yml")
    values = {"AWS::Region": REGION, "Regions": regions, "RoleArns": []}
    conditions = {"HasRegions": bool(regions), "HasRoles": False, "Stops": True}
    properties = stack["Resources"]["Project"]["Properties"]
    buildspec = resolved(properties["Source"]["BuildSpec"], values, conditions)
    (command,) = yaml.safe_load(buildspec)["phases"]["build"]["commands"]
    environment = resolved(properties["Environment"]["EnvironmentVariables"], values, conditions)
    with littered() as world:
        machine = Machine(tmp_path, world.endpoints)
        ended = subprocess.run(
            ["sh", "-c", command],
            cwd=tmp_path,
            env=machine.environment | {each["Name"]: each["Value"] for each in environment},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert ("nothing to sweep in eu-west-1" in ended.stdout) == bool(regions)
        world.assert_swept(ended.stdout)


def test_the_build_is_given_its_roles_and_stops_nothing_unless_it_is_to() -> None:
    properties = load("sweep/sweep.yml")["Resources"]["Project"]["Properties"]
    roles = [f"arn:aws:iam::{account}:role/sweep" for account in ("111122223333", "444455556666")]
    values = {"AWS::Region": REGION, "Regions": [], "RoleArns": roles}
    conditions = {"HasRegions": False, "HasRoles": True, "Stops": False}
    environment = resolved(properties["Environment"]["EnvironmentVariables"], values, conditions)
    assert {"Name": "FAULTGATE_AWS_ROLE_ARN", "Value": ",".join(roles)} in environment
    buildspec = yaml.safe_load(resolved(properties["Source"]["BuildSpec"], values, conditions))
    assert buildspec["phases"]["build"]["commands"] == ["faultgate sweep"]
