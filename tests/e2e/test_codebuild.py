"""The image as CodeBuild runs it: its entrypoint overridden, one `sh` for all commands, and credentials from the
address that containers on AWS have them from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker_world import BUSYBOX, IMAGE, Account, Network, docker
from github import TEMPLATE
from lxml import etree

# The one address that the SDK asks when it is given no more than a path.
CREDENTIALS_HOST = "169.254.170.2"
CREDENTIALS_PATH = "/v2/credentials/e2e"
KEYS = {
    "AccessKeyId": "ASIAE2E",
    "SecretAccessKey": "not-a-secret",
    "Token": "e2e",
    "Expiration": "2199-01-01T00:00:00Z",
}
# The commands of a buildspec, in order: they share one shell, and what is exported is read from it at the end.
BUILD = """
set -e
cd "$CODEBUILD_SRC_DIR"
code=0
faultgate || code=$?
set -a
. faultgate-report/faultgate.env
set +a
echo "code $code"
echo "exported $FAULTGATE_VERDICT $FAULTGATE_RESILIENCE_SCORE $FAULTGATE_EXPERIMENT_IDS"
exit $code
"""


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


def build(account: Account, folder: Path, **variables: str) -> tuple[int, str]:
    region = account.variables()
    environment = {
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": CREDENTIALS_PATH,
        "CODEBUILD_BUILD_ARN": "arn:aws:codebuild:us-east-1:123456789012:build/gate:1",
        "CODEBUILD_BUILD_ID": "gate:1",
        "CODEBUILD_BUILD_NUMBER": "1",
        "CODEBUILD_INITIATOR": "codepipeline/shop",
        "CODEBUILD_SOURCE_REPO_URL": "",
        "CODEBUILD_SRC_DIR": "/codebuild/output/src",
        "FAULTGATE_EXPERIMENT_TEMPLATE_ID": TEMPLATE,
        "HOME": "/root",
    }
    args = ["--rm", "--interactive", "--network", account.network, "--volume", f"{folder}:/codebuild/output/src"]
    for name, value in (environment | region | variables).items():
        args += ["--env", f"{name}={value}"]
    ended = docker("run", *args, "--entrypoint", "sh", IMAGE, stdin=BUILD)
    return ended.code, ended.text


def test_a_build(tmp_path: Path, account: Callable[..., Account], credentials: str) -> None:
    shop = account()
    code, text = build(shop, tmp_path)
    assert code == 0, text
    (experiment,) = shop.fis.list_experiments()["experiments"]
    assert f"exported passed 100 {experiment['id']}" in text.splitlines()
    assert CREDENTIALS_PATH in docker("logs", credentials).text
    suites = etree.parse(tmp_path / "faultgate-report" / "junit.xml").getroot()
    assert suites.xpath("count(//testcase)") >= 1 and not suites.xpath("//failure|//error")
    shop.assert_nothing_is_left()


def test_a_build_whose_gate_says_no(tmp_path: Path, account: Callable[..., Account], credentials: str) -> None:
    shop = account("--scenario", "stop-condition")
    code, text = build(shop, tmp_path)
    assert code == 1, text
    assert "code 1" in text.splitlines()
    assert any(line.startswith("exported failed 0 EXP") for line in text.splitlines()), text
    assert etree.parse(tmp_path / "faultgate-report" / "junit.xml").getroot().xpath("//failure")


def test_a_build_without_credentials_launches_nothing(tmp_path: Path, account: Callable[..., Account]) -> None:
    shop = account()
    code, text = build(shop, tmp_path, AWS_EC2_METADATA_DISABLED="true")
    assert code == 3, text
    assert shop.states() == []
