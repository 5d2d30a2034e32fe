"""The image as GitHub's runner runs it: the step, its cancellation, and what comes after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from docker_world import IMAGE, Account, Network, docker
from github import POST, Api, Step
from support import eventually


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
    eventually(lambda: shop.states() == ["stopped"], "the experiment is stopped")
    shop.assert_nothing_is_left()
    again = step.start(POST)
    assert again.wait() == 0, again.text


def test_what_comes_after_a_step_is_told_by_its_path() -> None:
    by_path = docker("run", "--rm", "--entrypoint", POST, IMAGE, "--help")
    by_command = docker("run", "--rm", IMAGE, "stop", "--help")
    assert (by_path.code, by_path.stdout) == (by_command.code, by_command.stdout)
    assert by_path.stdout != docker("run", "--rm", IMAGE, "--help").stdout
