"""The GitLab templates as they are, by gitlab-ci-local's Docker executor: their jobs run in this image, and those
without an image in another.

gitlab-ci-local knows no `id_tokens`: the test gives the variable that GitLab would. It knows no cancellation of a job
either: the test stops the container, as GitLab's runner does, and `rollback-job`, which GitLab would not run then, is
run. See test_gitlab_image.py for the other way in which the runner cancels.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from docker_world import BUSYBOX, HELPER, IMAGE, Account, Network, docker
from gitlab import COMPONENT, FIS, HARNESS, Repository, repository, rolled_back
from harness import EXPERIMENT, KEY, Harness
from keyless import ROLE, Front
from oidc import NO_KEYS, SIGNATURE, jwt
from pipelines import REPORTS, TEMPLATES, dotenv
from support import PATIENCE, eventually

RELEASED = yaml.safe_load((TEMPLATES / "gitlab" / "faultgate.gitlab-ci.yml").read_text())[".faultgate-step"]["image"]
BOTH = pytest.mark.parametrize(
    ("pipeline", "job"), [(COMPONENT, "chaos"), (FIS, "chaos-job")], ids=["component", "include"]
)


@pytest.fixture(autouse=True)
def release() -> Iterator[None]:
    """The image under the name that the templates have."""
    docker("tag", IMAGE, RELEASED).ok()
    yield
    docker("rmi", RELEASED)


class Runner:
    """A GitLab runner with a network that its containers join, and variables of the project."""

    def __init__(self, home: Path, network: Network, pipeline: str, variables: dict[str, str]) -> None:
        self._network = network
        images = ("--no-shell-executor-no-image", "--default-image", BUSYBOX, "--helper-image", HELPER)
        images += ("--pull-policy", "if-not-present")
        given = [part for pair in variables.items() for part in ("--variable", "=".join(pair))]
        environment = {name: os.environ[name] for name in ("PATH", "DOCKER_HOST") if name in os.environ}
        environment["HOME"] = str(home)
        self.repository: Repository = repository(
            home, pipeline, environment, *images, "--network", network.name, *given
        )

    def run(self) -> tuple[int, str]:
        return self.repository.run()

    def report(self, job: str) -> Path:
        """The artifacts that the job has handed over."""
        return self.repository.folder / ".gitlab-ci-local" / "artifacts" / job / "faultgate-report"

    def verdict(self, job: str) -> str:
        return json.loads((self.report(job) / "result.json").read_text())["gate"]["verdict"]

    def container(self) -> str:
        """That of the job which is running."""

        def found() -> str:
            filters = ("--filter", f"network={self._network.name}", "--filter", f"ancestor={RELEASED}")
            listed = docker("ps", *filters, "--format", "{{ .Names }}").ok().stdout.split()
            return next((name for name in listed if not name.startswith("e2e-")), "")

        return eventually(found, "the job has a container")


def cancel(runner: Runner, running: Callable[[], bool]) -> tuple[str, float]:
    """Stops the job's container as soon as its experiment is running; the log, and how long the container took."""
    process = runner.repository.start()
    eventually(running, "the experiment is running", 2 * PATIENCE)
    begun = time.monotonic()
    docker("stop", "-t", "10", runner.container()).ok()
    seconds = time.monotonic() - begun
    log, _ = process.communicate(timeout=4 * PATIENCE)
    return log, seconds


def commands(log: str) -> list[str]:
    """What the jobs with this image were told to do, in order."""
    return re.findall(r"^\S+ +\$ ((?:exec )?faultgate.*)", log, re.MULTILINE)


@BOTH
def test_a_pipeline_goes_on_where_the_gate_says_yes(
    tmp_path: Path, network: Network, account: Callable[..., Account], pipeline: str, job: str
) -> None:
    shop = account()
    runner = Runner(tmp_path, network, pipeline, shop.variables() | shop.keys())
    code, log = runner.run()
    assert code == 0, log
    assert runner.verdict(job) == "passed" and rolled_back(log) is None, log
    assert commands(log) == ["exec faultgate", "faultgate stop"], log
    assert REPORTS <= {path.name for path in runner.report(job).iterdir()}
    assert shop.states() == ["completed"]
    shop.assert_nothing_is_left()


@BOTH
def test_a_pipeline_rolls_back_where_the_gate_says_no(
    tmp_path: Path, network: Network, account: Callable[..., Account], pipeline: str, job: str
) -> None:
    shop = account("--scenario", "stop-condition")
    runner = Runner(tmp_path, network, pipeline, shop.variables() | shop.keys())
    code, log = runner.run()
    assert code == 1, log
    assert runner.verdict(job) == "failed" and rolled_back(log) == "failed", log
    assert commands(log) == ["exec faultgate", "faultgate stop"], log
    assert dotenv(runner.report(job) / "faultgate.env")["FAULTGATE_VERDICT"] == "failed"
    shop.assert_nothing_is_left()


@BOTH
def test_a_cancelled_job_stops_its_experiment_in_time(
    tmp_path: Path, network: Network, account: Callable[..., Account], pipeline: str, job: str
) -> None:
    shop = account("--fault", "10m")
    runner = Runner(tmp_path, network, pipeline, shop.variables() | shop.keys())
    log, seconds = cancel(runner, lambda: shop.states() == ["running"])
    assert seconds < 7, f"{seconds:.1f} s\n{log}"
    assert "FAIL 143" in log, log
    assert runner.verdict(job) == "cancelled", log
    assert commands(log) == ["exec faultgate", "faultgate stop"], log
    assert shop.states() == ["stopped"]
    shop.assert_nothing_is_left()


def test_a_job_without_keys_is_vouched_for_by_gitlab(
    tmp_path: Path, network: Network, account: Callable[..., Account]
) -> None:
    shop = account()
    server = "https://gitlab.example.com"
    (tmp_path / "asked").mkdir()
    told = Runner(tmp_path / "asked", network, FIS, {}).repository.preview()["chaos-job"]["id_tokens"]
    assert told == {"FAULTGATE_AWS_ID_TOKEN": {"aud": "$CI_SERVER_URL"}}
    token = jwt("project_path:shop/web:ref_type:branch:ref:main", server, server)
    front = Front(network, shop, lambda shown: shown == token)
    variables = front.variables() | NO_KEYS | {"FAULTGATE_AWS_ID_TOKEN": token, "FIS_ROLE_ARN": ROLE}
    runner = Runner(tmp_path, network, FIS, variables)
    code, log = runner.run()
    front.close()
    assert code == 0, log
    assert front.tokens == [token] and front.strange == [], log
    assert shop.states() == ["completed"]
    texts = [log, *(path.read_text(errors="replace") for path in runner.report("chaos-job").iterdir())]
    assert not [text for text in texts if SIGNATURE in text]


@pytest.fixture
def harness(network: Network) -> Iterator[Callable[..., Harness]]:
    made: list[Harness] = []

    def make(end: str | None, score: float = 100.0) -> Harness:
        made.append(Harness(network.gateway, end, score))
        return made[-1]

    yield make
    for each in made:
        each.close()


def tutorial(home: Path, network: Network, center: Harness) -> Runner:
    """The tutorial's pipeline: its variables are in the file, the key is the project's."""
    assert EXPERIMENT in HARNESS
    variables = {"FAULTGATE_HARNESS_URL": center.url, "FAULTGATE_HARNESS_API_KEY": KEY}
    return Runner(home, network, HARNESS, variables)


@pytest.mark.parametrize(("score", "verdict"), [(100.0, "passed"), (75.0, "failed")])
def test_harnesses_tutorial_rolls_back_where_the_score_is_too_low(
    tmp_path: Path, network: Network, harness: Callable[..., Harness], score: float, verdict: str
) -> None:
    center = harness("Completed" if verdict == "passed" else "Completed_With_Probe_Failure", score)
    runner = tutorial(tmp_path, network, center)
    code, log = runner.run()
    assert code == (0 if verdict == "passed" else 1), log
    assert runner.verdict("chaos-job") == verdict, log
    assert rolled_back(log) == (None if verdict == "passed" else verdict), log
    assert len(center.runs) == 1 and center.refused == [], log


def test_harnesses_tutorial_cancelled(tmp_path: Path, network: Network, harness: Callable[..., Harness]) -> None:
    center = harness(None)
    runner = tutorial(tmp_path, network, center)
    log, seconds = cancel(runner, lambda: bool(center.runs) and center.runs[0]["looks"] > 0)
    assert seconds < 7, f"{seconds:.1f} s\n{log}"
    assert center.phases() == ["Stopped"], log
    assert runner.verdict("chaos-job") == "cancelled", log
