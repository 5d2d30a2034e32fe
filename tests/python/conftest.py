"""Fixtures: a moto account, the binary beside it, the binary's own embedded endpoints, and strict forges."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Helpers' assertions tell values too; this must come before they are imported.
pytest.register_assert_rewrite("account", "embedded", "forge", "moto_world", "publisher", "runner", "support", "terminal")

from embedded import Embedded  # noqa: E402
from forge import Kind, Prism, Recorder, prisms  # noqa: E402
from iam_list import LISTED  # noqa: E402
from moto_world import Moto  # noqa: E402
from support import Faultgate, scrub_own_environment  # noqa: E402

scrub_own_environment()


@pytest.fixture(scope="session")
def moto_server() -> Iterator[Moto]:
    moto = Moto()
    yield moto
    moto.stop()


@pytest.fixture
def moto(moto_server: Moto) -> Iterator[Moto]:
    """A new account for each test. However the test's run ended, it must have left nothing behind."""
    moto_server.reset()
    yield moto_server
    assert set(moto_server.calls()) <= LISTED, "a request that `faultgate iam` does not know"
    moto_server.assert_nothing_is_left()


@pytest.fixture
def faultgate(tmp_path: Path, moto: Moto) -> Iterator[Faultgate]:
    """The binary, against moto."""
    launcher = Faultgate(tmp_path, moto.url)
    yield launcher
    launcher.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Embedded]]:
    """Starts `faultgate rehearse --serve` and gives clients for what it prints."""
    launcher = Faultgate(tmp_path)

    def start(scenario: str = "completed") -> Embedded:
        process = launcher.start("rehearse", "--serve", "--scenario", scenario)
        words = shlex.split(process.wait_for_line("export AWS_ENDPOINT_URL="))
        settings = dict(word.split("=", 1) for word in words[1:])
        return Embedded(process, settings)

    yield start
    launcher.close()


@pytest.fixture
def rehearsing(tmp_path: Path) -> Iterator[Faultgate]:
    """The binary without an account."""
    launcher = Faultgate(tmp_path)
    yield launcher
    launcher.close()


@pytest.fixture(scope="session")
def prism() -> Iterator[Callable[[Kind], Prism]]:
    yield from prisms()


@pytest.fixture
def forge(prism: Callable[[Kind], Prism]) -> Iterator[Callable[[Kind], Recorder]]:
    """Starts a forge that refuses what the real one would refuse."""
    started: list[Recorder] = []

    def start(kind: Kind) -> Recorder:
        started.append(Recorder(kind, prism(kind)))
        return started[-1]

    yield start
    for each in started:
        each.stop()
