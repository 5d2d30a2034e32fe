"""The strict forges themselves: they take what the real ones take, and they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from forge import ENTERPRISE, GITHUB, GITLAB, KINDS, Kind, Recorder

Forges = Callable[[Kind], Recorder]
SHA = "0123456789abcdef0123456789abcdef01234567"
REPOSITORY = "shop/web"
STATUS = {"state": "success", "description": "resilience score 100", "target_url": "https://ci.example/1"}
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def ask(forge: Recorder, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    headers = {forge.kind.header: forge.kind.credentials, "content-type": "application/json"} | headers
    connection = HTTPConnection(urlsplit(forge.origin).netloc)
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    told = answer.status, json.loads(answer.read())
    connection.close()
    return told


def post(forge: Recorder, **fields: Any) -> int:
    return ask(forge, "POST", forge.kind.status_path(REPOSITORY, SHA), STATUS | fields)[0]


def name(kind: Kind) -> dict[str, str]:
    return {"name" if kind.is_gitlab else "context": "faultgate/az"}


@every_kind
def test_what_the_forge_takes_is_taken_and_recorded(forge: Forges, kind: Kind) -> None:
    stand_in = forge(kind)
    longest = "é" * 139 + "😀"
    assert post(stand_in, state="pending", description=longest, **name(kind)) == 201
    assert post(stand_in, **name(kind)) == 201
    assert [status.body["state"] for status in stand_in.statuses] == ["pending", "success"]


@every_kind
@pytest.mark.parametrize(
    "fields",
    [
        {"state": "nope"},
        {"state": None},
        {"description": "é" * 256},
        {"context": 7, "name": 7},
        {"colour": "red"},
    ],
    ids=str,
)
def test_what_the_forge_refuses_is_refused(forge: Forges, kind: Kind, fields: dict[str, Any]) -> None:
    assert post(forge(kind), **fields) in (400, 422)


@pytest.mark.parametrize("kind", [GITHUB, ENTERPRISE], ids=lambda kind: kind.name)
def test_github_takes_descriptions_of_140_characters(forge: Forges, kind: Kind) -> None:
    assert post(forge(kind), description="é" * 140) == 201
    assert post(forge(kind), description="é" * 141) == 422


def test_gitlab_takes_links_of_255_characters(forge: Forges) -> None:
    link = "https://ci.example/"
    assert post(forge(GITLAB), target_url=link + "x" * (255 - len(link))) == 201
    assert post(forge(GITLAB), target_url=link + "x" * (256 - len(link))) == 422


def test_gitlab_refuses_to_repeat_a_state(forge: Forges) -> None:
    stand_in = forge(GITLAB)
    states = ["pending", "pending", "running", "running", "pending", "success", "success", "pending"]
    told = [post(stand_in, state=state, name="faultgate/az") for state in states]
    assert told == [201, 400, 201, 400, 400, 201, 201, 201]


@every_kind
def test_the_token_and_the_base_path_are_wanted(forge: Forges, kind: Kind) -> None:
    stand_in = forge(kind)
    path = kind.status_path(REPOSITORY, SHA)
    assert ask(stand_in, "POST", path, STATUS, **{kind.header: "another"})[0] == 401
    assert ask(stand_in, "POST", "/elsewhere" + path, STATUS)[0] == 404
    assert ask(stand_in, "POST", path, STATUS, **{"content-type": "text/plain"})[0] >= 400


@every_kind
def test_comments_are_remembered(forge: Forges, kind: Kind) -> None:
    stand_in = forge(kind)
    path = kind.comments_path(REPOSITORY, 7)
    assert ask(stand_in, "GET", f"{path}?per_page=100&page=1") == (200, [])
    status, made = ask(stand_in, "POST", path, {"body": "first"})
    assert status == 201
    # GitHub's comments have a path of their own.
    one = f"{path}/{made['id']}" if kind.is_gitlab else f"{kind.base}/repos/{REPOSITORY}/issues/comments/{made['id']}"
    assert ask(stand_in, "PUT" if kind.is_gitlab else "PATCH", one, {"body": "second"})[0] == 200
    assert [comment["body"] for comment in ask(stand_in, "GET", path)[1]] == ["second"]
    for body in [{}, {"body": 1}, {"text": "x"}, {"body": "x" * 1_000_001}]:
        assert ask(stand_in, "POST", path, body)[0] >= 400
    assert len(stand_in.comments) == 1
