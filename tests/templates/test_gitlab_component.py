"""The inputs of the GitLab component: what they become, and that one which is not given changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gitlab
import pytest
from gitlab import Project, component, rolled_back
from pipelines import served

# Each of these is a mistake that is told with the place it came from.
SUITE = """
parallel: 3000
expected-resilience-score: 101
each-resilience-score: 102
max-score-drop: 103
dry-run: 2
allow-empty-targets: 3
commit-status: 4
pull-request: 1.5
version: 1
"""
TYPED = ["parallel", "expected-resilience-score", "each-resilience-score", "max-score-drop", "dry-run"]
TYPED += ["allow-empty-targets", "commit-status", "pull-request"]


OTHERS = "".join(f"{name}:\n  stage: build\n  script: ['true']\n" for name in ("build-job", "test-job"))


def jobs(home: Path, *inputs: str) -> dict[str, Any]:
    """The pipeline as it is understood."""
    return Project(home, {}, component(*inputs) + OTHERS).repository.preview()


def mistaken(home: Path, *inputs: str) -> set[str]:
    """The inputs that a suite full of mistakes has decided."""
    shop = Project(home, {}, component(*inputs).replace("      expected-resilience-score: 95\n", ""))
    shop.repository.write(".faultgate.yml", SUITE)
    code, log = shop.run()
    assert code == 1, log
    told = [line for line in log.splitlines() if "(from .faultgate.yml:" in line]
    return {name for name in TYPED if any(f"- {name}: " in line for line in told)}


def test_what_is_not_given_leaves_the_suites_value_alone(tmp_path: Path) -> None:
    assert mistaken(tmp_path) == set(TYPED)


def test_numbers_and_booleans_are_given_without_quotes(tmp_path: Path) -> None:
    given = ["parallel: 2", "expected-resilience-score: 95.5", "each-resilience-score: 0", "max-score-drop: 5"]
    given += ["dry-run: true", "allow-empty-targets: true", 'commit-status: "false"', "pull-request: 42"]
    assert mistaken(tmp_path, *given) == set()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ('expected-resilience-score: "95"', "provided value is not a number"),
        ('parallel: "2"', "provided value is not a number"),
        ('dry-run: "true"', "provided value is not a boolean"),
        ("timeout: 90", "provided value is not a string"),
        ("monitor: never", "not in the list of allowed options"),
    ],
)
def test_another_type_is_refused_before_there_is_a_pipeline(tmp_path: Path, given: str, told: str) -> None:
    """As an older GitLab does; a newer one takes both."""
    name = given.partition(":")[0]
    said = Project(tmp_path, {}, component(given)).repository.refusal()
    assert told in said and name in said, said


def test_an_expected_score_is_what_decides(tmp_path: Path) -> None:
    with served("completed") as endpoints:
        given = ("expected-resilience-score: 101", "report-dir: out", "job-name: gate")
        shop = Project(tmp_path, endpoints, component(*given))
        code, log = shop.run()
    assert code == 1 and "FAULTGATE_EXPECTED_RESILIENCE_SCORE" in log, log
    assert "FAIL  gate" in log and "FAIL  rollback-gate" in log and rolled_back(log) is None, log
    assert shop.machine.called() == ["run", "stop"], log


def test_what_is_not_given_is_no_key_of_a_job(tmp_path: Path) -> None:
    shown = jobs(tmp_path, 'environment: ""')
    assert not {"environment", "needs", "rules", "tags"} & set(shown["chaos"]), shown
    assert not {"environment", "rules", "tags"} & set(shown["rollback-chaos"]), shown
    assert not shown["chaos"]["allow_failure"]


def test_what_is_given_is_a_key_of_a_job(tmp_path: Path) -> None:
    shown = jobs(
        tmp_path,
        "environment: production",
        'needs: [build-job, {job: test-job, optional: true}]',
        r"rules: [{if: '$CI_COMMIT_BRANCH =~ /^v\d+$/'}]",
        "tags: [chaos, arm]",
        "allow-failure: true",
    )
    chaos, rollback = shown["chaos"], shown["rollback-chaos"]
    assert chaos["environment"] == {"name": "production", "action": "verify"}
    assert rollback["environment"] in ("production", {"name": "production"})
    assert [need["job"] for need in chaos["needs"]] == ["build-job", "test-job"] and chaos["needs"][1]["optional"]
    assert chaos["rules"] == rollback["rules"] == [{"if": r"$CI_COMMIT_BRANCH =~ /^v\d+$/"}]
    assert chaos["tags"] == ["chaos", "arm"] and "tags" not in rollback
    assert chaos["allow_failure"] is True
    assert rollback["when"] == "on_failure" and rollback["resource_group"] == chaos["resource_group"]


def test_each_of_two_includes_has_its_own_rollback(tmp_path: Path) -> None:
    _, twice = gitlab.shown()
    deploy = "deploy-production:\n  stage: deploy-production\n  script: [echo deployed to production]\n"
    with served("stop-condition") as endpoints:
        shop = Project(tmp_path, endpoints, twice + deploy)
        pipeline = shop.repository.preview()
        _, log = shop.run()
    for name, environment in (("chaos", "staging"), ("chaos-production", "production")):
        rollback = pipeline[f"rollback-{name}"]
        assert [need["job"] for need in rollback["needs"]] == [name]
        assert rollback["environment"] in (environment, {"name": environment})
    # The gate of staging says no.
    assert "PASS  rollback-chaos " in log and "rolled back: failed" in log, log
    assert "deployed to production" not in log and shop.machine.called() == ["run", "stop"], log


def test_tags_of_the_pipeline_stay_where_none_are_given(tmp_path: Path) -> None:
    shown = Project(tmp_path, {}, component() + "default:\n  tags: [docker]\n").repository.preview()
    assert shown["chaos"]["tags"] == ["docker"]


def test_without_a_script_there_is_no_rollback(tmp_path: Path) -> None:
    with served("stop-condition") as endpoints:
        shop = Project(tmp_path, endpoints, component('rollback-script: ""'))
        code, log = shop.run()
    assert code == 1 and shop.verdict() == "failed", log
    assert "rollback-chaos" not in log and rolled_back(log) is None, log


@pytest.mark.parametrize(
    "script", ["echo \"it's\" 'back' \\\\ \"$FAULTGATE_VERDICT\" == \"\" || false", 'echo "a: b" # c']
)
def test_a_script_may_have_quotes(tmp_path: Path, script: str) -> None:
    indented = "|\n        " + script
    with served("stop-condition") as endpoints:
        shop = Project(tmp_path, endpoints, component(f"rollback-script: {indented}"))
        code, log = shop.run()
    assert code == 1 and "PASS  rollback-chaos" in log, log
    assert ("it's back \\ failed == " in log) or ("> a: b" in log), log


def test_a_rule_that_says_when_rolls_nothing_back_and_is_told(tmp_path: Path) -> None:
    with served("completed") as endpoints:
        shop = Project(tmp_path, endpoints, component("rules: [{if: $CI_COMMIT_BRANCH, when: on_success}]"))
        code, log = shop.run()
    assert code == 1 and shop.verdict() == "passed" and rolled_back(log) is None, log
    assert "a rule of its says `when`" in log, log


def test_a_gate_that_may_fail_lets_the_pipeline_go_on(tmp_path: Path) -> None:
    with served("stop-condition") as endpoints:
        shop = Project(tmp_path, endpoints, component("allow-failure: true"))
        code, log = shop.run()
    assert code == 0 and shop.verdict() == "failed" and rolled_back(log) is None, log
