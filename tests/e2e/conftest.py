"""Fixtures: a network, and an account on it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# The helpers of the other tests in Python.
sys.path += [str(Path(__file__).resolve().parents[1] / folder) for folder in ("python", "templates")]
pytest.register_assert_rewrite("docker_world", "github", "keyless", "harness")

from docker_world import Account, Network  # noqa: E402
from support import scrub_own_environment  # noqa: E402

scrub_own_environment()


@pytest.fixture
def network() -> Iterator[Network]:
    network = Network()
    yield network
    network.remove()


@pytest.fixture
def account(network: Network) -> Iterator[Callable[..., Account]]:
    """Starts an account: its arguments are those of `faultgate rehearse --serve`."""
    started: list[Account] = []

    def start(*args: str) -> Account:
        started.append(Account(network.name, *args))
        return started[-1]

    yield start
    for each in started:
        each.remove()
