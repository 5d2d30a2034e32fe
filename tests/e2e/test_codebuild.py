"""The image as CodeBuild runs it: its entrypoint overridden, one `sh` for all commands, and credentials from the
address that containers on AWS have them from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from codebuild import BUILDSPECS
from docker_world import BUSYBOX, IMAGE, Account, Network, docker
from github import TEMPLATE
from lxml import etree
from pipelines import REPORTS, ROOT

BUILDSPEC = BUILDSPECS["file"]
# The one address that the SDK asks when it is given no more than a path.
CREDENTIALS_HOST = "169.254.170.2"
CREDENTIALS_PATH = "/v2/credentials/e2e"
KEYS = {
    "AccessKeyId": "ASIAE2E",
    "SecretAccessKey": "not-a-secret",
    "Token": "e2e",
    "Expiration": "2199-01-01T00:00:00Z",
}
OUTPUT = Path("/codebuild/output")
SCHEMA = ROOT / "tests" / "python" / "shapes" / "junit-10.xsd"


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network("--subnet", "169.254.170.0/24", "--gateway", "169.254.170.1")
    yield network
    network.remove()


@pytest.fixture
def credentials(network: Network) -> Iterator[str]:
    """Serves the keys; the name of its container."""
    name = f"{network.name}-credentials"
    file = f"/www{CREDENTIALS_PATH}"
    serve = f'mkdir -p {Path(file).parent}; printf %s "$KEYS" > {file}; exec httpd -f -vv -p 80 -h /www'
    where = ["--network", network.name, "--ip", CREDENTIALS_HOST, "--env", f"KEYS={json.dumps(KEYS)}"]
    docker("run", "--detach", "--name", name, *where, BUSYBOX, "sh", "-c", serve).ok()
    yield name
    docker("rm", "--force", name)


class Build:
    """A build of the buildspec in this image, whose source is a folder."""

    def __init__(self, account: Account, folder: Path, **variables: str) -> None:
        self._folder = folder
        (folder / "src").mkdir()
        environment = BUILDSPEC.variables | {
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": CREDENTIALS_PATH,
            "CODEBUILD_BUILD_ARN": "arn:aws:codebuild:us-east-1:123456789012:build/gate:1",
            "CODEBUILD_BUILD_ID": "gate:1",
            "CODEBUILD_BUILD_NUMBER": "1",
            "CODEBUILD_INITIATOR": "codepipeline/shop",
            "CODEBUILD_SOURCE_REPO_URL": "",
            "CODEBUILD_SRC_DIR": f"{OUTPUT}/src",
            "FAULTGATE_EXPERIMENT_TEMPLATE_ID": TEMPLATE,
            "HOME": "/root",
        }
        args = ["--rm", "--interactive", "--network", account.network, "--volume", f"{folder}:{OUTPUT}"]
        for name, value in (environment | account.variables() | variables).items():
            args += ["--env", f"{name}={value}"]
        shell = BUILDSPEC.shell
        commands = BUILDSPEC.script(OUTPUT / "environment")
        ended = docker("run", *args, "--workdir", f"{OUTPUT}/src", "--entrypoint", shell, IMAGE, stdin=commands)
        self.code, self.text = ended.code, ended.text

    def exported(self) -> dict[str, str]:
        return BUILDSPEC.exported(self._folder / "environment")

    def artifacts(self) -> set[str]:
        return BUILDSPEC.artifacts(self._folder / "src")

    def junit(self) -> etree._Element:
        schema = etree.XMLSchema(etree.parse(SCHEMA))
        document = etree.parse(BUILDSPEC.report(self._folder / "src"))
        assert schema.validate(document), schema.error_log
        return document.getroot()


def test_a_build(tmp_path: Path, account: Callable[..., Account], credentials: str) -> None:
    shop = account()
    build = Build(shop, tmp_path)
    assert build.code == 0, build.text
    (experiment,) = shop.fis.list_experiments()["experiments"]
    told = build.exported()
    assert set(told) == set(BUILDSPEC.exports)
    assert (told["FAULTGATE_VERDICT"], told["FAULTGATE_RESILIENCE_SCORE"]) == ("passed", "100")
    assert told["FAULTGATE_EXPERIMENT_IDS"] == experiment["id"]
    assert CREDENTIALS_PATH in docker("logs", credentials).text
    assert build.junit().xpath("count(//testcase)") >= 1 and not build.junit().xpath("//failure|//error")
    assert REPORTS <= build.artifacts()
    # What stands in `finally` came after the run.
    assert "nothing to stop" in build.text.splitlines()[-1], build.text
    shop.assert_nothing_is_left()


def test_a_build_whose_gate_says_no(tmp_path: Path, account: Callable[..., Account], credentials: str) -> None:
    shop = account("--scenario", "stop-condition")
    build = Build(shop, tmp_path)
    assert build.code == 1, build.text
    told = build.exported()
    assert (told["FAULTGATE_VERDICT"], told["FAULTGATE_RESILIENCE_SCORE"]) == ("failed", "0")
    assert told["FAULTGATE_EXPERIMENT_IDS"].startswith("EXP")
    assert build.junit().xpath("//failure")
    shop.assert_nothing_is_left()


def test_a_build_without_credentials_launches_nothing(tmp_path: Path, account: Callable[..., Account]) -> None:
    shop = account()
    build = Build(shop, tmp_path, AWS_EC2_METADATA_DISABLED="true")
    assert build.code == 1 and build.exported()["FAULTGATE_VERDICT"] == "errored", build.text
    assert shop.states() == []
