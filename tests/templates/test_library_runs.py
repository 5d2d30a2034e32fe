"""Each experiment of the library is deployed on moto, made and started on the embedded endpoints, and gated by its suite."""

from __future__ import annotations

import http.server
import json
import os
import re
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from moto import mock_aws

from library import FOLDERS, GIVEN, LIBRARY, properties
from moto_stack import alarm_request, as_request
from pipelines import PATIENCE, binary, served
from stacks import REGION

each_folder = pytest.mark.parametrize("folder", FOLDERS)


# --- deployed


@pytest.fixture
def account() -> Iterator[None]:
    with mock_aws():
        yield


# Bucket policies and access entries are not moto's; that they are well made is cfn-lint's to say.
@pytest.mark.filterwarnings("ignore:Tried to parse AWS..(S3..BucketPolicy|EKS..AccessEntry):UserWarning")
@each_folder
def test_the_stack_is_made_and_its_experiment_started(folder: str, account: None) -> None:
    cloudformation = boto3.client("cloudformation", region_name=REGION)
    cloudformation.create_stack(
        StackName=folder,
        TemplateBody=(LIBRARY / folder / "template.yml").read_text(),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in GIVEN[folder].items()],
    )
    (stack,) = cloudformation.describe_stacks(StackName=folder)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    fis = boto3.client("fis", region_name=REGION)
    made = fis.get_experiment_template(id=outputs["TemplateId"])["experimentTemplate"]
    (stop,) = made["stopConditions"]
    (alarm,) = boto3.client("cloudwatch", region_name=REGION).describe_alarms(AlarmNames=[outputs["AlarmName"]])[
        "MetricAlarms"
    ]
    assert stop == {"source": "aws:cloudwatch:alarm", "value": alarm["AlarmArn"]}
    assert made["experimentReportConfiguration"]["outputs"]["s3Configuration"]["bucketName"] == outputs["ReportBucket"]
    role = boto3.client("iam").get_role(RoleName=made["roleArn"].split("/")[-1])["Role"]
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "fis.amazonaws.com"}
    # What moto's CloudFormation has resolved is what the other tests take it for.
    rendered = as_request("CreateExperimentTemplate", properties(folder, "ExperimentTemplate"))
    for member in ("targets", "actions", "description", "tags", "experimentOptions"):
        assert made[member] == rendered[member], member

    boto3.client("s3", region_name=REGION).head_bucket(Bucket=outputs["ReportBucket"])
    experiment = fis.start_experiment(clientToken="one", experimentTemplateId=outputs["TemplateId"])["experiment"]
    assert experiment["experimentTemplateId"] == outputs["TemplateId"]
    assert set(experiment["actions"]) == set(rendered["actions"])


# --- gated


class Prometheus(http.server.BaseHTTPRequestHandler):
    """Answers every query with a value that passes: how Prometheus is asked is tested elsewhere."""

    def do_GET(self) -> None:
        sample = {"metric": {}, "value": [0, "0"]}
        body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": [sample]}}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def prometheus() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Prometheus)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


class System(http.server.BaseHTTPRequestHandler):
    """A system of the test's own: it answers with the status that the test says, by folder and page."""

    def do_GET(self) -> None:
        self.send_response(self.server.status(*self.path.strip("/").split("/")))
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def system(status: Callable[[str, str], int]) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), System)
    server.status = status
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


class World:
    """Embedded endpoints with the templates and alarms of all folders, and what their suites ask for."""

    def __init__(self, endpoints: dict[str, str], home: Path, asked: dict[str, str]) -> None:
        self.endpoints, self.home, self.asked = endpoints, home, asked
        self.fis, self.cloudwatch = self.client("fis"), self.client("cloudwatch")
        # Nothing is hit by a fault that finds nothing to act on: no call, no write.
        self.is_hit = True

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoints["AWS_ENDPOINT_URL"],
            region_name=self.endpoints["AWS_REGION"],
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )

    def make(self, folder: str) -> dict[str, str]:
        """Alarm and template of a folder; the variables of its suite."""
        self.cloudwatch.put_metric_alarm(**alarm_request(folder, properties(folder, "Alarm")))
        self.alarm(folder, "OK")
        (alarm,) = self.cloudwatch.describe_alarms(AlarmNames=[folder])["MetricAlarms"]
        wanted = properties(folder, "ExperimentTemplate") | {
            "StopConditions": [{"Source": "aws:cloudwatch:alarm", "Value": alarm["AlarmArn"]}]
        }
        request = as_request("CreateExperimentTemplate", wanted) | {"clientToken": folder}
        made = self.fis.create_experiment_template(**request)["experimentTemplate"]
        pages = {"OTHER_REGION_URL": "newest", "HANDLED_URL": "handled"}
        own = {name: f"{self.asked['SYSTEM']}/{folder}/{page}" for name, page in pages.items()}
        return {"FIS_TEMPLATE": made["id"], "ALARM": folder} | self.asked | own

    def status(self, folder: str, page: str) -> int:
        """How the system answers that the manual asks for."""
        if page == "newest":
            return 404 if self.is_hit and self.state(folder) == "running" else 200
        return 200 if self.is_hit and self.state(folder) else 404

    def alarm(self, folder: str, state: str) -> None:
        self.cloudwatch.set_alarm_state(AlarmName=folder, StateValue=state, StateReason="the test says so")

    def state(self, folder: str) -> str | None:
        """Of the folder's experiment, if there is one."""
        experiments = self.fis.list_experiments(maxResults=100)["experiments"]
        states = [each["state"]["status"] for each in experiments if each["tags"]["faultgate:experiment"] == folder]
        return states[0] if states else None

    def until(self, state: str, folder: str) -> None:
        """Waits until the folder's experiment is in this state, which nothing else would tell."""
        deadline = time.monotonic() + PATIENCE
        while (now := self.state(folder)) != state:
            assert time.monotonic() < deadline, now
            threading.Event().wait(0.02)

    def faultgate(
        self, command: str, folder: str, variables: dict[str, str], recovers_within: str | None = None
    ) -> subprocess.Popen[str]:
        home = self.home / command / folder
        home.mkdir(parents=True)
        suite, wanted = home / "suite.yml", yaml.safe_load((LIBRARY / folder / "suite.yml").read_text())
        # Faults of minutes last a second or so here.
        for probe in wanted["experiments"][0]["probes"]:
            probe["every"] = "100ms"
            if recovers_within and "recovers-within" in probe:
                probe["recovers-within"] = recovers_within
        suite.write_text(yaml.safe_dump(wanted))
        return subprocess.Popen(
            [binary(), command, "--config", suite],
            cwd=home,
            env={"PATH": os.environ["PATH"], "HOME": str(home)} | self.endpoints | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def result(self, folder: str) -> dict[str, Any]:
        return json.loads((self.home / "run" / folder / "faultgate-report" / "result.json").read_text())


# So many at once: each has to look while its fault is in, and a machine may have two processors.
AT_ONCE = 3


@pytest.fixture
def worlds(tmp_path: Path, prometheus: str, database: str) -> Callable[[str], AbstractContextManager[World]]:
    @contextmanager
    def one(scenario: str) -> Iterator[World]:
        with served(scenario) as endpoints:
            asked = {"APP_URL": endpoints["AWS_ENDPOINT_URL"] + "/target/page", "PROMETHEUS_URL": prometheus}
            world = World(endpoints, tmp_path, asked | {"DATABASE": database})
            with system(world.status) as world.asked["SYSTEM"]:
                yield world

    return one


def ended(
    world: World,
    command: str,
    folders: list[str],
    variables: dict[str, dict[str, str]],
    recovers_within: str | None = None,
) -> Iterator[tuple[str, int, str]]:
    for first in range(0, len(folders), AT_ONCE):
        running = {
            each: world.faultgate(command, each, variables[each], recovers_within)
            for each in folders[first : first + AT_ONCE]
        }
        for folder, process in running.items():
            output, _ = process.communicate(timeout=PATIENCE)
            yield folder, process.returncode, f"{folder}: {output}"


def test_suites_pass_a_system_that_takes_the_fault(worlds: Callable[[str], AbstractContextManager[World]]) -> None:
    with worlds("completed") as world:
        variables = {folder: world.make(folder) for folder in FOLDERS}
        for _, code, output in ended(world, "check", FOLDERS, variables):
            assert code == 0, output
        for folder, code, output in ended(world, "run", FOLDERS, variables):
            assert code == 0, output
            (experiment,) = world.result(folder)["experiments"]
            acted = {each["name"] for each in experiment["actions"]}
            assert acted == set(properties(folder, "ExperimentTemplate")["Actions"])
            assert_all_counted(folder, experiment)


def assert_all_counted(folder: str, experiment: dict[str, Any]) -> None:
    """Every probe of the suite has counted, except for those that only say whether to begin."""
    (wanted,) = yaml.safe_load((LIBRARY / folder / "suite.yml").read_text())["experiments"]
    counts = {probe["name"] for probe in wanted["probes"] if probe["when"] != ["before"]}
    assert counts and counts == {probe["name"] for probe in experiment["probes"] if probe["counted"] > 0}, folder


LASTING = [folder for folder in FOLDERS if "during" in (LIBRARY / folder / "suite.yml").read_text()]
# These act in one instant, and the system has a minute to heal.
INSTANT = [folder for folder in FOLDERS if folder not in LASTING]


def test_suites_see_a_system_that_fails_while_the_fault_is_in(
    worlds: Callable[[str], AbstractContextManager[World]],
) -> None:
    assert INSTANT == ["aurora-failover", "ecs-task-stop", "eks-pod-delete"]
    with worlds("degraded") as world:
        variables = {folder: world.make(folder) for folder in LASTING}
        for folder, code, output in ended(world, "run", LASTING, variables):
            assert code == 1, output
            (experiment,) = world.result(folder)["experiments"]
            assert experiment["verdict"] == "failed" and 0 < experiment["score"] < 100, output
            assert_all_counted(folder, experiment)


def test_suites_see_a_system_that_stays_down(worlds: Callable[[str], AbstractContextManager[World]]) -> None:
    with worlds("completed") as world, system(lambda folder, _: 503 if world.state(folder) else 200) as url:
        variables = {folder: world.make(folder) | {"APP_URL": f"{url}/{folder}/page"} for folder in FOLDERS}
        for folder, code, output in ended(world, "run", FOLDERS, variables, recovers_within="1s"):
            assert code == 1, output
            (experiment,) = world.result(folder)["experiments"]
            assert experiment["verdict"] == "failed", output
            assert experiment["raw_state"] == "completed" or folder in LASTING, output


def test_suites_see_that_nothing_was_hit(worlds: Callable[[str], AbstractContextManager[World]]) -> None:
    """No call was refused, and the other Region never fell behind: a system that passes so has not been tested."""
    missed = ["api-errors", "cross-region-connectivity", "dynamodb-replication-pause", "lambda-faults"]
    with worlds("completed") as world:
        world.is_hit = False
        variables = {folder: world.make(folder) for folder in missed}
        for _, code, output in ended(world, "run", missed, variables):
            assert code == 1 and "FAILED" in output, output


def test_what_was_handled_before_is_no_proof(worlds: Callable[[str], AbstractContextManager[World]]) -> None:
    with worlds("completed") as world, system(lambda *_: 200) as url:
        for folder in ("api-errors", "lambda-faults"):
            process = world.faultgate("run", folder, world.make(folder) | {"HANDLED_URL": f"{url}/{folder}/handled"})
            output, _ = process.communicate(timeout=PATIENCE)
            assert process.returncode == 3 and "not launched" in output, output


# The minute is the experiment's last wait. What is down until it is over has come back in time; what is down longer may
# still be so for `recovers-within`.
@pytest.mark.parametrize(("looks_down", "code"), [(0, 0), (3, 0), (None, 1)], ids=["in time", "just in time", "late"])
def test_an_instant_fault_allows_a_short_outage(
    worlds: Callable[[str], AbstractContextManager[World]], looks_down: int | None, code: int
) -> None:
    looked: Counter[str] = Counter()
    with worlds("completed") as world:

        def status(folder: str, _: str) -> int:
            state = world.state(folder)
            if state == "completed":
                looked[folder] += 1
                return 503 if looks_down is None or looked[folder] <= looks_down else 200
            return 503 if state in ("initiating", "running") else 200

        with system(status) as url:
            variables = {folder: world.make(folder) | {"APP_URL": f"{url}/{folder}/page"} for folder in INSTANT}
            for folder, ended_with, output in ended(world, "run", INSTANT, variables, recovers_within="2s"):
                assert ended_with == code, output
                (experiment,) = world.result(folder)["experiments"]
                assert experiment["raw_state"] == "completed", output
                (page,) = [probe for probe in experiment["probes"] if "page" in probe["name"]]
                assert page["counted"] == 1 and page["passed_counted"] == 1 - code, output


def test_the_alarm_stops_an_experiment_that_nobody_looks_at(
    worlds: Callable[[str], AbstractContextManager[World]],
) -> None:
    folder = "aurora-failover"
    with worlds("completed") as world:
        process = world.faultgate("run", folder, world.make(folder))
        world.until("running", folder)
        world.alarm(folder, "ALARM")
        world.until("stopped", folder)
        world.alarm(folder, "OK")
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 1, output
        (experiment,) = world.result(folder)["experiments"]
        assert (experiment["raw_state"], experiment["verdict"], experiment["score"]) == ("stopped", "failed", 0), output
