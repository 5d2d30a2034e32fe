"""What gitlab-ci-local knows nothing of: that one thing at a time happens to an environment, and after which ends of
the jobs before it GitLab runs a rollback. Both are judged by GitLab's rules, as its documentation and its sources have
them."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path
from typing import Any

import pytest
from gitlab import FIS, FOLDER, HARNESS, STEPS, component
from gitlab import repository as made
from test_gitlab_harness import SUITE

CHILD = (FOLDER / "steps-child.gitlab-ci.yml").read_text(encoding="utf-8")
KEYWORDS = {"stages", "include", "variables", "workflow", "default"}
DEPLOY = "deploy-job:\n  stage: deploy\n  script: [sh scripts/deploy.sh]\n  resource_group: faultgate\n"
WHOLE = {"fis": FIS, "harness": HARNESS, "harness-suite": SUITE, "component": component() + DEPLOY}


def jobs(home: Path, pipeline: str) -> dict[str, dict[str, Any]]:
    home.mkdir(exist_ok=True)
    shown = made(home, pipeline, {"PATH": os.environ["PATH"], "HOME": str(home)}).preview()
    return {name: job for name, job in shown.items() if name not in KEYWORDS}


# --- one at a time


@pytest.mark.parametrize("name", WHOLE)
def test_deployment_experiment_and_rollback_are_in_one_group(tmp_path: Path, name: str) -> None:
    groups = {job.get("resource_group") for job in jobs(tmp_path, WHOLE[name]).values()}
    assert groups == {"faultgate"}


def test_a_run_of_several_jobs_is_held_by_the_job_that_triggers_it(tmp_path: Path) -> None:
    parent, child = jobs(tmp_path / "parent", STEPS), jobs(tmp_path / "child", CHILD)
    assert {job.get("resource_group") for job in parent.values()} == {"faultgate"}
    trigger = parent["chaos-pipeline"]["trigger"]
    assert trigger["include"] == [{"local": "ci-templates/gitlab/steps-child.gitlab-ci.yml"}]
    # Else it ends when the child begins.
    assert trigger["strategy"] == "depend"
    # A job that waited for the group would wait for its own pipeline.
    assert not [name for name, job in child.items() if "resource_group" in job]
    assert [name for name, job in parent.items() if "faultgate" in str(job.get("script"))] == []


def taken(job: dict[str, Any]) -> set[str]:
    """The jobs of which a job has the artifacts. One with `needs` has those of these jobs alone."""
    needs = [need if isinstance(need, dict) else {"job": need} for need in job.get("needs", [])]
    return {need["job"] for need in needs if need.get("artifacts", True)}


def test_what_was_launched_is_known_to_each_job_that_goes_on_with_it(tmp_path: Path) -> None:
    """Whatever has become of the jobs between."""
    going_on = {
        name: job
        for name, job in jobs(tmp_path, CHILD).items()
        if re.search(r"faultgate (monitor|score|stop)\b", str([job.get("script"), job.get("after_script")]))
    }
    assert set(going_on) == {"monitor-job", "score-job"}
    for name, job in going_on.items():
        assert "launch-job" in taken(job), name


def test_no_artifacts_that_are_taken_together_overwrite_each_other(tmp_path: Path) -> None:
    """GitLab does not say which one would."""
    pipeline = jobs(tmp_path, CHILD)
    for job in pipeline.values():
        kept = [path for other in taken(job) for path in places(pipeline[other])]
        assert len(kept) == len(set(kept)), kept


def places(job: dict[str, Any]) -> list[str]:
    paths = job.get("artifacts", {}).get("paths", [])
    return [path.replace("$FAULTGATE_REPORT_DIR", str(job["variables"]["FAULTGATE_REPORT_DIR"])) for path in paths]


# --- the rollback

ENDS = ("success", "failed", "canceled")


def previous(name: str, pipeline: dict[str, dict[str, Any]], stages: list[str], ended: dict[str, str]) -> str:
    """What a job finds before it. Where it `needs` jobs, one that was skipped makes it skipped; where it does not, the
    stages before it count, and there the skipped ones do not."""
    job = pipeline[name]
    if "needs" in job:
        before = {ended[need["job"] if isinstance(need, dict) else need] for need in job["needs"]}
        if "skipped" in before:
            return "skipped"
    else:
        earlier = stages[: stages.index(job["stage"])]
        before = {ended[other] for other, each in pipeline.items() if each["stage"] in earlier} - {"skipped"}
    if before <= {"success"}:
        return "success"
    return "canceled" if "failed" not in before else "failed"


def runs(job: dict[str, Any], before: str) -> bool:
    when = {"on_success": {"success"}, "on_failure": {"failed"}, "always": {"success", "failed", "skipped"}}
    return before in when[job.get("when", "on_success")]


def played(pipeline: dict[str, dict[str, Any]], stages: list[str], would: dict[str, str]) -> dict[str, str]:
    """How each job ends, where each one that runs ends as it would."""
    ended: dict[str, str] = {}
    waiting = list(pipeline)
    while waiting:
        for name in list(waiting):
            job = pipeline[name]
            needed = [need["job"] if isinstance(need, dict) else need for need in job.get("needs", [])]
            if "needs" not in job:
                earlier = stages[: stages.index(job["stage"])]
                needed = [other for other, each in pipeline.items() if each["stage"] in earlier]
            if all(other in ended for other in needed):
                ended[name] = would[name] if runs(job, previous(name, pipeline, stages, ended)) else "skipped"
                waiting.remove(name)
    return ended


@pytest.mark.parametrize("name", WHOLE)
def test_a_rollback_follows_a_gate_that_has_failed_and_nothing_else(tmp_path: Path, name: str) -> None:
    pipeline = jobs(tmp_path, WHOLE[name])
    gate = next(job for job in pipeline if job in ("chaos", "chaos-job"))
    rollback = next(job for job in pipeline if job in ("rollback-chaos", "rollback-job"))
    for deployed, decided in itertools.product(ENDS, ENDS):
        would = {"deploy-job": deployed, gate: decided, rollback: "success"}
        ended = played(pipeline, ["build", "deploy", "chaos", "rollback"], would)
        rolled_back = ended[rollback] == "success"
        assert rolled_back == (deployed == "success" and decided == "failed"), (would, ended)


def test_a_rollback_follows_any_step_that_has_failed(tmp_path: Path) -> None:
    pipeline = jobs(tmp_path, CHILD)
    steps = [name for name in pipeline if name != "rollback-job"]
    for ends in itertools.product(("success", "failed"), repeat=len(steps)):
        would = dict(zip(steps, ends, strict=True)) | {"rollback-job": "success"}
        ended = played(pipeline, ["chaos", "rollback"], would)
        assert ended["score-job"] != "skipped", (would, ended)
        failed = "failed" in [ended[name] for name in steps]
        assert (ended["rollback-job"] == "success") == failed, (would, ended)


def test_a_rollback_that_needs_what_is_skipped_would_be_skipped_too(tmp_path: Path) -> None:
    """What the rule above is there to find."""
    pipeline = jobs(tmp_path, CHILD)
    pipeline["rollback-job"]["needs"] = [name for name in pipeline if name != "rollback-job"]
    would = dict.fromkeys(pipeline, "success") | {"launch-job": "failed"}
    assert played(pipeline, ["chaos", "rollback"], would)["rollback-job"] == "skipped"
