"""The sample application: what its outputs are for, and a commit that latency breaks."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import boto3
import pytest
from pipelines import TEMPLATE_ID, Machine, binary, served
from stacks import TEMPLATES, load

SAMPLE = TEMPLATES / "codepipeline" / "sample"
DELAY = 0.2


def shop(folder: Path, broken: bool) -> ModuleType:
    """The application as it is, or with the patch that its README has for it."""
    shutil.copytree(SAMPLE / "app", folder / "app")
    if broken:
        patch = ["git", "apply", "--unsafe-paths", str(SAMPLE / "break.patch")]
        subprocess.run(patch, cwd=folder / "app", check=True, env={"PATH": "/usr/bin:/bin", "GIT_CEILING_DIRECTORIES": str(folder)})
        assert (folder / "app" / "app.py").read_text() != (SAMPLE / "app" / "app.py").read_text()
    spec = importlib.util.spec_from_file_location("app", folder / "app" / "app.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Database:
    """A database that is so far away, on a clock of its own."""

    def __init__(self, products: list[str], delay: float) -> None:
        self.products, self.delay, self.clock = products, delay, 0.0

    def now(self) -> float:
        return self.clock

    def query(self, sql: str, **values: Any) -> list[list[Any]]:
        self.clock += self.delay
        names = [values["name"]] if values else self.products
        return [[name] if "name FROM" in sql else [name, 100] for name in names]


@pytest.mark.parametrize(("broken", "delay", "status"), [
    (False, 0.001, 200), (False, DELAY, 200), (True, 0.001, 200), (True, DELAY, 503)
])  # fmt: skip
def test_only_latency_tells_the_commits_apart(tmp_path: Path, broken: bool, delay: float, status: int) -> None:
    app = shop(tmp_path, broken)
    database = Database(app.PRODUCTS, delay)
    told, body = app.page(database.query, database.now)
    assert told == status, body
    if status == 200:
        assert body == "".join(f"{name}: 100\n" for name in app.PRODUCTS)


def test_a_database_that_fails_is_an_answer(tmp_path: Path) -> None:
    def query(_sql: str) -> list[Any]:
        raise ConnectionError

    assert shop(tmp_path, False).page(query)[0] == 503


@pytest.mark.parametrize(("broken", "code"), [(False, 0), (True, 1)])
def test_the_suite_passes_the_shop_and_stops_the_broken_one(tmp_path: Path, broken: bool, code: int) -> None:
    """The suite as it stands, the binary, and the shop behind a database that is slow while the fault is in."""
    app = shop(tmp_path, broken)
    # Slower than life, so that a busy machine changes nothing.
    app.BUDGET_SECONDS, delay = 3.0, 0.4
    with served("completed", "--fault", "5s") as endpoints:
        machine = Machine(tmp_path, endpoints)
        fis = boto3.client("fis", endpoints["AWS_REGION"], endpoint_url=endpoints["AWS_ENDPOINT_URL"])

        def query(sql: str, **values: Any) -> list[list[Any]]:
            if any(each["state"]["status"] == "running" for each in fis.list_experiments()["experiments"]):
                time.sleep(delay)
            return Database(app.PRODUCTS, 0).query(sql, **values)

        server = ThreadingHTTPServer(("127.0.0.1", 0), app.handler(query))
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        variables = {"EXPERIMENT_TEMPLATE_ID": TEMPLATE_ID, "TARGET_URL": url}
        ended = subprocess.run(
            [binary()], cwd=tmp_path / "app", env=machine.environment | variables, capture_output=True, text=True, check=False
        )
        server.shutdown()
    assert ended.returncode == code, ended.stdout + ended.stderr


def test_the_outputs_of_an_environment_are_parameters_of_the_pipeline() -> None:
    parameters = load("codepipeline/pipeline.yml")["Parameters"]
    outputs = load("codepipeline/sample/environment.yml")["Outputs"]
    for environment in ("Staging", "Production"):
        for name, output in outputs.items():
            assert f"{environment}{name}" in parameters
            assert f"{environment}{name}" in output["Description"]


def test_the_database_is_private_and_encrypted_and_only_the_instances_reach_it() -> None:
    resources = load("codepipeline/sample/environment.yml")["Resources"]
    database = resources["Database"]["Properties"]
    assert database["PubliclyAccessible"] is False and database["StorageEncrypted"] is True
    assert "MasterUserPassword" not in database
    subnets = resources["DatabaseSubnets"]["Properties"]["SubnetIds"]
    routed = [each["Properties"]["SubnetId"] for each in resources.values() if each["Type"].endswith("RouteTableAssociation")]
    assert not [each for each in subnets if each in routed]
    for group, source in (("DatabaseGroup", "InstanceGroup"), ("InstanceGroup", "BalancerGroup")):
        (rule,) = resources[group]["Properties"]["SecurityGroupIngress"]
        assert rule["SourceSecurityGroupId"] == {"Ref": source} and "CidrIp" not in rule
