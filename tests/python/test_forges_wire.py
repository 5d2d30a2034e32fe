"""What the binary asks of forges, held against their API descriptions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from forge import GITHUB, GITLAB, KINDS, TOKEN, Kind, Recorder, Request
from support import Ended, Faultgate

Forges = Callable[[Kind], Recorder]
HEAD = "0123456789abcdef0123456789abcdef01234567"
MERGE = "fedcba9876543210fedcba9876543210fedcba98"
REPOSITORY = "shop/web"
NUMBER = 42
EXPERIMENT = "faultgate rehearsal/rehearsal"
EACH_EXPERIMENT, EACH_RUN = 4, 3
# Looks at each status: before it is begun, and before it becomes a success. The run has one of its own.
LOOKS = 2
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
# GitHub Enterprise has GitHub's dialect at another place; not everything need be told twice.
every_dialect = pytest.mark.parametrize("kind", [GITHUB, GITLAB], ids=lambda kind: kind.name)

SUITE = """
version: 1
parallel: 2
experiments:
  - { name: az-latency, fis: { template: EXTrehearsal } }
  - { name: stop-tasks, fis: { template: EXTrehearsal2 } }
"""


def github(forge: Recorder, home: Path) -> dict[str, str]:
    """A job for a pull request."""
    event = home / "event.json"
    pull_request = {
        "number": NUMBER,
        "head": {"sha": HEAD, "ref": "fix", "repo": {"full_name": REPOSITORY, "fork": False}},
        "base": {"sha": "b" * 40, "ref": "main", "repo": {"full_name": REPOSITORY, "fork": False}},
    }
    repository = {"full_name": REPOSITORY}
    told = {"action": "synchronize", "number": NUMBER, "pull_request": pull_request, "repository": repository}
    event.write_text(json.dumps(told), encoding="utf-8")
    (home / "output").touch()
    (home / "summary").touch()
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": forge.api_url,
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_SHA": MERGE,
        "GITHUB_REF": f"refs/pull/{NUMBER}/merge",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_RUN_ID": "1234567890",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_JOB": "chaos",
        "GITHUB_OUTPUT": str(home / "output"),
        "GITHUB_STEP_SUMMARY": str(home / "summary"),
        "FAULTGATE_GITHUB_TOKEN": TOKEN,
    }


def gitlab(forge: Recorder, _: Path) -> dict[str, str]:
    """A job of a merge request's pipeline."""
    return {
        "CI": "true",
        "GITLAB_CI": "true",
        "CI_API_V4_URL": forge.api_url,
        "CI_SERVER_URL": "https://gitlab.example",
        "CI_PROJECT_ID": "5",
        "CI_PROJECT_PATH": REPOSITORY,
        "CI_COMMIT_SHA": HEAD,
        "CI_COMMIT_REF_NAME": "fix",
        "CI_PIPELINE_ID": "77",
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_PIPELINE_URL": "https://gitlab.example/shop/web/-/pipelines/77",
        "CI_JOB_ID": "99",
        "CI_JOB_NAME": "chaos",
        "CI_JOB_URL": "https://gitlab.example/shop/web/-/jobs/99",
        "CI_MERGE_REQUEST_IID": str(NUMBER),
        "CI_MERGE_REQUEST_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_EVENT_TYPE": "detached",
        "FAULTGATE_GITLAB_TOKEN": TOKEN,
    }


def rehearsed(faultgate: Faultgate, forge: Recorder, scenario: str, **variables: str) -> Ended:
    """A rehearsal in the forge's CI. However it ended, the token is nowhere but in the requests."""
    surroundings = gitlab if forge.kind.is_gitlab else github
    process = faultgate.rehearse(scenario, **surroundings(forge, faultgate.home), **variables)
    ended = faultgate.ended(process)
    assert TOKEN not in process.transcript()
    for path in faultgate.home.rglob("*"):
        assert not path.is_file() or TOKEN not in path.read_text(encoding="utf-8"), f"the token is in {path}"
    return ended


def assert_valid(forge: Recorder, experiments: int = 1) -> None:
    """Everything that was asked was granted, and it was not too much."""
    refused = [request for request in forge.requests if request.status >= 300]
    assert forge.requests and not refused, refused
    budget = EACH_EXPERIMENT * experiments + LOOKS * (experiments + 1) + EACH_RUN
    assert len(forge.requests) <= budget, forge.requests


def context(status: Request) -> str:
    return status.body.get("context") or status.body["name"]


def states(forge: Recorder, name: str = EXPERIMENT) -> list[str]:
    return [status.body["state"] for status in forge.statuses if context(status) == name]


def final(kind: Kind, verdict: str) -> str:
    """GitLab has one word for a weakness and for a gate that could not judge."""
    if verdict == "passed":
        return "success"
    return "failed" if kind.is_gitlab else {"failed": "failure", "errored": "error"}[verdict]


@every_dialect
@pytest.mark.parametrize(
    ("scenario", "code", "verdict"),
    [("completed", 0, "passed"), ("stop-condition", 1, "failed"), ("nothing-injected", 3, "errored")],
)
def test_a_run_is_told_from_launch_to_verdict(
    forge: Forges, rehearsing: Faultgate, kind: Kind, scenario: str, code: int, verdict: str
) -> None:
    stand_in = forge(kind)
    ended = rehearsed(rehearsing, stand_in, scenario).expect(code, verdict)
    assert_valid(stand_in)

    told = states(stand_in)
    assert told[0] == "pending" and told[-1] == final(kind, verdict) and len(told) <= EACH_EXPERIMENT
    if kind.is_gitlab:
        assert "running" in told and len(set(told)) == len(told)
    for status in stand_in.statuses:
        assert re.search(rf"/statuses/{HEAD}$", status.path), "it is not on the head of the pull request"
        assert context(status).startswith("faultgate") and status.body["description"]
        assert status.body["target_url"].startswith("https://git")
    last = [status for status in stand_in.statuses if context(status) == EXPERIMENT][-1].body["description"]
    score = ended.experiment["score"]
    assert score is None or f"{score:g}" in last, f"{last!r} does not tell the score {score}"
    assert all(each["outcome"] != "failed" for each in ended.result["reporting"]), ended.result["reporting"]
    assert stand_in.comments == [], "nobody asked for a comment"


@every_kind
def test_experiments_have_statuses_of_their_own_and_the_run_has_one(
    forge: Forges, rehearsing: Faultgate, kind: Kind
) -> None:
    (rehearsing.home / ".faultgate.yml").write_text(SUITE, encoding="utf-8")
    stand_in = forge(kind)
    rehearsed(rehearsing, stand_in, "completed").expect(0, "passed")
    assert_valid(stand_in, experiments=2)
    contexts = {context(status) for status in stand_in.statuses}
    assert {f"faultgate rehearsal/{name}" for name in ("az-latency", "stop-tasks")} < contexts and len(contexts) == 3, contexts
    for name in contexts:
        assert states(stand_in, name)[-1] == "success", name


@every_kind
def test_one_comment_is_made_and_then_updated(forge: Forges, rehearsing: Faultgate, kind: Kind) -> None:
    stand_in = forge(kind)
    comments = kind.comments_path("5" if kind.is_gitlab else REPOSITORY, NUMBER)
    rehearsed(rehearsing, stand_in, "completed", FAULTGATE_COMMENT="on").expect(0, "passed")
    assert_valid(stand_in)
    first = stand_in.comments[0]["body"]
    (made,) = [request for request in stand_in.requests if request.method == "POST" and not request.is_status]
    assert made.path == comments and "faultgate" in first

    stand_in.requests.clear()
    rehearsed(rehearsing, stand_in, "stop-condition", FAULTGATE_COMMENT="on").expect(1, "failed")
    assert_valid(stand_in)
    (only,) = stand_in.comments
    assert only["body"] != first
    assert ("PUT" if kind.is_gitlab else "PATCH") in {request.method for request in stand_in.requests}


@every_dialect
def test_a_comment_on_failure_is_made_only_then(forge: Forges, rehearsing: Faultgate, kind: Kind) -> None:
    stand_in = forge(kind)
    rehearsed(rehearsing, stand_in, "completed", FAULTGATE_COMMENT="on-failure").expect(0, "passed")
    assert stand_in.comments == []
    rehearsed(rehearsing, stand_in, "stop-condition", FAULTGATE_COMMENT="on-failure").expect(1, "failed")
    assert len(stand_in.comments) == 1


@every_dialect
def test_without_statuses_and_comments_nothing_is_asked(forge: Forges, rehearsing: Faultgate, kind: Kind) -> None:
    stand_in = forge(kind)
    rehearsed(rehearsing, stand_in, "completed", FAULTGATE_COMMIT_STATUS="false").expect(0, "passed")
    assert stand_in.requests == []


@every_dialect
def test_a_refused_token_leaves_the_verdict(forge: Forges, rehearsing: Faultgate, kind: Kind) -> None:
    stand_in = forge(kind)
    stand_in.kind = Kind(**(vars(kind) | {"credentials": "another"}))
    ended = rehearsed(rehearsing, stand_in, "completed").expect(0, "passed")
    assert {request.status for request in stand_in.requests} == {401}
    assert any(each["outcome"] in ("failed", "skipped") for each in ended.result["reporting"])


def test_gitlabs_statuses_stay_in_the_running_pipeline(forge: Forges, rehearsing: Faultgate) -> None:
    stand_in = forge(GITLAB)
    rehearsed(rehearsing, stand_in, "completed").expect(0, "passed")
    for status in stand_in.statuses:
        assert (status.body["pipeline_id"], status.body["ref"]) == (77, "fix")


def test_a_run_again_takes_the_same_contexts(forge: Forges, rehearsing: Faultgate) -> None:
    stand_in = forge(GITHUB)
    rehearsed(rehearsing, stand_in, "completed").expect(0, "passed")
    first = [context(status) for status in stand_in.statuses]
    assert first
    stand_in.requests.clear()
    rehearsed(rehearsing, stand_in, "completed").expect(0, "passed")
    assert [context(status) for status in stand_in.statuses] == first
