"""The image as GitHub's runner runs it: the step, its cancellation, and what comes after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker_world import IMAGE, Account, Network, docker
from github import POST, Api, Step
from keyless import ROLE, Front
from oidc import BEARER, SIGNATURE, Oidc


@pytest.fixture
def api(network: Network) -> Iterator[Api]:
    api = Api(network)
    yield api
    api.close()


def test_a_step(tmp_path: Path, account: Callable[..., Account], api: Api) -> None:
    shop = account()
    step = Step(tmp_path, shop, api)
    main = step.start()
    assert main.wait() == 0, main.text
    assert step.outputs()["verdict"] == "passed"
    assert step.outputs()["experiment-ids"].startswith("EXP")
    assert "passed" in step.summary().lower()
    assert step.result()["gate"]["exit_code"] == 0
    assert api.statuses()[-1] == "success"
    assert shop.states() == ["completed"]
    shop.assert_nothing_is_left()


def test_a_cancelled_step_stops_its_experiment_and_tells(
    tmp_path: Path, account: Callable[..., Account], api: Api
) -> None:
    shop = account("--fault", "10m")
    step = Step(tmp_path, shop, api)
    main = step.start()
    main.until("running")
    code, seconds = main.cancel()
    assert code == 130, main.text
    assert seconds < 7, main.text
    assert shop.states() == ["stopped"]
    shop.assert_nothing_is_left()
    assert step.outputs()["verdict"] == "cancelled"
    assert "cancelled" in step.summary().lower()
    assert step.result()["gate"]["verdict"] == "cancelled"
    assert api.statuses()[-1] == "error"
    assert docker("ps", "--all", "--quiet", "--filter", f"name={main.name}").stdout == "", "the container is gone"


def test_what_comes_after_a_step_that_was_killed_stops_its_experiment(
    tmp_path: Path, account: Callable[..., Account], api: Api
) -> None:
    shop = account("--fault", "10m")
    step = Step(tmp_path, shop, api)
    main = step.start()
    main.until("running")
    docker("kill", "--signal", "KILL", main.name).ok()
    main.wait()
    assert shop.states() == ["running"]
    post = step.start(POST)
    assert post.wait() == 0, post.text
    assert shop.states() == ["stopped"]
    shop.assert_nothing_is_left()
    again = step.start(POST)
    assert again.wait() == 0, again.text
    assert "nothing" in again.text.lower(), again.text


def test_a_cancelled_step_ends_in_time_though_nothing_answers(
    tmp_path: Path, account: Callable[..., Account], api: Api
) -> None:
    shop = account("--fault", "10m")
    step = Step(tmp_path, shop, api)
    main = step.start()
    main.until("running")
    with shop.silent():
        code, seconds = main.cancel()
    assert (code, seconds < 7) == (130, True), f"{seconds:.1f} s\n{main.text}"
    assert step.outputs()["verdict"] == "cancelled"
    assert "cancelled" in step.summary().lower()
    assert api.statuses()[-1] == "error"
    # What comes after the step does what the step could not.
    post = step.start(POST)
    assert post.wait() == 0, post.text
    assert shop.states() == ["stopped"]
    shop.assert_nothing_is_left()


def test_the_second_signal_reaches_it_too_and_ends_it_when_the_stop_has_had_its_time(
    tmp_path: Path, account: Callable[..., Account], api: Api
) -> None:
    shop = account("--fault", "10m")
    main = Step(tmp_path, shop, api).start()
    main.until("running")
    with shop.silent():
        code, seconds = main.cancel(patience=2)
    assert (code, seconds < 4.5) == (143, True), f"{seconds:.1f} s\n{main.text}"


class Keyless:
    """A step whose job has no keys, but `id-token: write`."""

    def __init__(self, folder: Path, network: Network, shop: Account, api: Api) -> None:
        self.oidc = Oidc(network.gateway)
        self.front = Front(network, shop, lambda token: token in self.oidc.given)
        self.step = Step(
            folder,
            shop,
            api,
            self.front.variables() | self.oidc.variables(),
            **{"aws-role-arn": ROLE, "ca-bundle": "ca.pem"},
        )
        (self.step.folder / "workspace" / "ca.pem").write_text(self.oidc.authority)

    def assert_vouched_for(self, sessions: int, *texts: str) -> None:
        """Each session by a token of its own, which GitHub gave for this audience, and nothing without a session."""
        assert len(self.front.keys) == sessions and self.front.strange == []
        assert self.front.tokens == self.oidc.given
        files = [path.read_text(errors="replace") for path in self.step.folder.rglob("*") if path.is_file()]
        assert not [secret for secret in (BEARER, SIGNATURE) for text in (*texts, *files) if secret in text]

    def close(self) -> None:
        self.front.close()
        self.oidc.stop()


@pytest.fixture
def keyless(tmp_path: Path, network: Network, api: Api) -> Iterator[Callable[..., Keyless]]:
    made: list[Keyless] = []

    def make(shop: Account) -> Keyless:
        made.append(Keyless(tmp_path, network, shop, api))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_step_without_keys_is_vouched_for_by_github(
    account: Callable[..., Account], keyless: Callable[..., Keyless]
) -> None:
    shop = account()
    job = keyless(shop)
    main = job.step.start()
    assert main.wait() == 0, main.text
    assert shop.states() == ["completed"]
    shop.assert_nothing_is_left()
    job.assert_vouched_for(1, main.text)


def test_what_comes_after_a_step_without_keys_is_vouched_for_anew(
    account: Callable[..., Account], keyless: Callable[..., Keyless]
) -> None:
    shop = account("--fault", "10m")
    job = keyless(shop)
    main = job.step.start()
    main.until("running")
    docker("kill", "--signal", "KILL", main.name).ok()
    main.wait()
    assert shop.states() == ["running"]
    post = job.step.start(POST)
    assert post.wait() == 0, post.text
    assert shop.states() == ["stopped"]
    shop.assert_nothing_is_left()
    job.assert_vouched_for(2, main.text, post.text)


def test_a_token_that_aws_does_not_trust_launches_nothing(
    account: Callable[..., Account], keyless: Callable[..., Keyless]
) -> None:
    shop = account()
    job = keyless(shop)
    job.front.trusts = lambda _: False
    main = job.step.start()
    assert main.wait() == 3, main.text
    assert "could not assume the role" in main.text
    assert shop.states() == []


def test_what_comes_after_a_step_is_told_by_its_path() -> None:
    by_path = docker("run", "--rm", "--entrypoint", POST, IMAGE, "--help")
    by_command = docker("run", "--rm", IMAGE, "stop", "--help")
    assert (by_path.code, by_path.stdout) == (by_command.code, by_command.stdout)
    assert by_path.stdout != docker("run", "--rm", IMAGE, "--help").stdout
