"""Fixtures: the state machines of the templates on an interpreter."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("stacks", "interpreter", "fis", "gate", "deployed")

# Only what the SDK asks for; nothing leaves this machine.
os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-west-1"}

from fis import Fis  # noqa: E402
from gate import World  # noqa: E402
from interpreter import interpreter  # noqa: E402


@pytest.fixture
def fis() -> Fis:
    return Fis()


@pytest.fixture
def world(fis: Fis) -> Iterator[World]:
    with interpreter(fis=fis) as running:
        yield World(running, fis)
