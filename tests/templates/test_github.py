"""The GitHub templates as workflows, run as they stand: faultgate itself against embedded endpoints, the actions of others
by their rules. What a run is told are the repository's variables alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from github import COMMIT, GITHUB, SUITE, Repository, repository
from pipelines import plans
from steps import FAILS, LOST
from workflows import Run, read

UPLOAD, CHECKOUT, FAULTGATE = "actions/upload-artifact", "actions/checkout", "faultgate/faultgate"


def results(run: Run) -> dict[str, str]:
    return {name: outcome.result for name, outcome in run.outcomes.items()}


def result_file(shop: Repository, artifact: str) -> dict[str, Any]:
    return json.loads((shop.runners.artifacts / artifact / "result.json").read_text(encoding="utf-8"))


def test_every_template_is_run_here() -> None:
    found = {str(path.relative_to(GITHUB)) for path in GITHUB.rglob("*.yml")}
    assert found == {"fleet.yml", "fork/build.yml", "fork/chaos.yml", "reusable.yml", "sharded.yml", "step.yml", "sweep.yml"}


@pytest.mark.parametrize("name", ["fleet.yml", "fork/chaos.yml", "reusable.yml", "sharded.yml", "step.yml"])
def test_no_run_that_waits_for_an_experiment_is_cancelled_by_the_next(name: str) -> None:
    workflow = read(GITHUB / name)
    (group,) = [part["concurrency"] for part in (workflow, *workflow["jobs"].values()) if "concurrency" in part]
    # GitHub refuses the two together.
    assert (group["queue"], group["cancel-in-progress"]) == ("max", False)


# --- step.yml


@pytest.mark.parametrize(("scenario", "result"), [("completed", "success"), ("stop-condition", "failure")])
def test_a_step_decides_and_leaves_its_report(scenario: str, result: str, tmp_path: Path) -> None:
    with repository(tmp_path, scenario) as shop:
        assert shop.run().execute("step.yml") == result, shop.log
        assert shop.run(attempt=2).execute("step.yml") == result, shop.log
        assert shop.artifacts() == ["faultgate-report-chaos-0-1", "faultgate-report-chaos-0-2"], shop.log


def test_a_step_passes_although_its_report_is_lost(tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        shop.runners.breaks[("chaos", UPLOAD)] = FAILS
        assert shop.run().execute("step.yml") == "success", shop.log


def test_a_cancelled_step_leaves_its_report(tmp_path: Path) -> None:
    with repository(tmp_path, "completed", fault="10m") as shop:
        assert results(shop.cancelled("step.yml")) == {"chaos": "cancelled"}
        assert result_file(shop, "faultgate-report-chaos-0-1")["gate"]["verdict"] == "cancelled"


# --- reusable.yml, by the caller in the manual: staging, then production


def test_two_calls_in_one_run_pass_and_leave_two_reports(tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        run = shop.run()
        assert run.execute("release.yml") == "success", shop.log
        for call in ("staging", "production"):
            assert results(run)[f"{call} / rollback"] == "skipped"
            assert run.outcomes[call].outputs["verdict"] == "passed"
            assert run.outcomes[call].outputs["experiment-ids"].startswith("EXP")
        reports = {run.outcomes[call].outputs["report"] for call in ("staging", "production")}
        assert len(reports) == 2 and set(shop.artifacts()) == reports, shop.log
        assert shop.rolled_back() == [] and "(409)" not in shop.log


def test_a_gate_that_says_no_rolls_back_and_ends_the_pipeline(tmp_path: Path) -> None:
    with repository(tmp_path, "stop-condition") as shop:
        run = shop.run()
        assert run.execute("release.yml") == "failure", shop.log
        told = results(run)
    assert told["staging / experiment"] == "success" and told["staging / gate"] == "failure", shop.log
    assert (told["staging / rollback"], shop.rolled_back(), told["production"]) == ("success", ["failed"], "skipped")
    assert run.outcomes["staging"].outputs["verdict"] == "failed"
    assert run.outcomes["staging"].outputs["reason"]


@pytest.mark.parametrize("how", [FAILS, "has the name already"])
def test_a_report_that_is_lost_rolls_nothing_back(how: str, tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        if how == FAILS:
            shop.runners.breaks[("staging / experiment", UPLOAD)] = FAILS
        else:
            (shop.runners.artifacts / "faultgate-report-staging-51002").mkdir()
        run = shop.run()
        assert run.execute("release.yml") == "success", shop.log
    assert shop.rolled_back() == [] and results(run)["staging / gate"] == "success", shop.log
    assert how == FAILS or "(409)" in shop.log


@pytest.mark.parametrize("action", [CHECKOUT, FAULTGATE])
@pytest.mark.parametrize("how", [FAILS, LOST])
def test_no_verdict_is_a_no(action: str, how: str, tmp_path: Path) -> None:
    """A checkout that fails, an image that cannot be had, a runner that is gone."""
    with repository(tmp_path, "completed") as shop:
        shop.runners.breaks[("staging / experiment", action)] = how
        run = shop.run()
        assert run.execute("release.yml") == "failure", shop.log
    assert results(run)["staging / gate"] == "failure", shop.log
    assert shop.rolled_back() == [""] and results(run)["production"] == "skipped", shop.log
    assert "verdict" not in run.outcomes["staging"].outputs


def test_a_gate_whose_runner_is_lost_stops_the_pipeline_and_rolls_nothing_back(tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        shop.runners.breaks[("staging / gate", "Decide")] = LOST
        run = shop.run()
        assert run.execute("release.yml") == "failure", shop.log
    assert shop.rolled_back() == [] and results(run)["production"] == "skipped", shop.log
    assert run.outcomes["staging"].outputs["verdict"] == "passed"


def test_who_cancels_decides_for_themselves(tmp_path: Path) -> None:
    with repository(tmp_path, "completed", fault="10m") as shop:
        run = shop.cancelled("release.yml")
        told = results(run)
    assert (told["staging / experiment"], told["staging / gate"]) == ("cancelled", "failure"), shop.log
    assert shop.rolled_back() == [] and told["production"] == "cancelled", shop.log
    assert run.outcomes["staging"].outputs["verdict"] == "cancelled"
    assert result_file(shop, run.outcomes["staging"].outputs["report"])["gate"]["verdict"] == "cancelled"


def call(shop: Repository, *lines: str, strategy: str = "{}", secrets: str = "{}") -> Run:
    with_ = "".join(f"      {line}\n" for line in lines)
    may = "{ contents: read, id-token: write, statuses: write, pull-requests: write }"
    job = f"    uses: ./.github/workflows/chaos.yml\n    permissions: {may}\n    strategy: {strategy}\n    with:\n{with_}"
    text = f"on: push\njobs:\n  c:\n{job}    secrets: {secrets}\n"
    (shop.folder / ".github" / "workflows" / "call.yml").write_text(text, encoding="utf-8")
    run = shop.run()
    run.execute("call.yml")
    return run


def test_calls_of_one_environment_in_a_matrix_leave_a_report_each(tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        lines = ["rehearsal: completed", "environment: staging", "matrix: ${{ toJSON(matrix) }}"]
        run = call(shop, *lines, strategy="{ matrix: { zone: [a, b] } }")
        assert results(run)["c"] == "success" and len(shop.artifacts()) == 2, shop.log


def test_what_a_caller_does_not_give_is_left_to_the_suite(tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        shop.suite("{ version: 1, rehearsal: completed, gate: { expected-resilience-score: 40 }, dry-run: true }")
        run = call(shop, "environment: eu/staging")
    assert results(run)["c / gate"] == "success", shop.log
    assert run.outcomes["c"].outputs["expected-resilience-score"] == "40"
    report = run.outcomes["c"].outputs["report"]
    assert report.startswith("faultgate-report-eu-staging-"), "a slash is refused in the name of an artifact"
    assert result_file(shop, report)["gate"]["expected_resilience_score"] == 40
    assert "dry run" in shop.log.lower()


def test_a_caller_writes_numbers_and_booleans_plain(tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        shop.suite("{ version: 1, rehearsal: completed, gate: { expected-resilience-score: 40 }, dry-run: true }")
        run = call(shop, "expected-resilience-score: 95", "dry-run: false", "comment: off")
    assert run.outcomes["c"].outputs["expected-resilience-score"] == "95", shop.log
    assert "dry run" not in shop.log.lower()
    assert (results(run)["c / gate"], results(run)["c / rollback"]) == ("success", "skipped")


def test_a_mistake_in_an_input_is_told_and_rolls_nothing_back(tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        given = ("rehearsal: completed", "expected-resilience-score: 101", "rollback-script: scripts/rollback.sh")
        run = call(shop, *given)
    assert results(run)["c / gate"] == "failure" and "INPUT_EXPECTED-RESILIENCE-SCORE" in shop.log, shop.log
    assert results(run)["c / rollback"] == "skipped" and shop.rolled_back() == [], shop.log
    assert run.outcomes["c"].outputs["verdict"] == "errored"


def test_the_script_of_the_rollback_is_bashs(tmp_path: Path) -> None:
    with repository(tmp_path, "stop-condition") as shop:
        script = 'set -euo pipefail\nfound=(a b)\necho "rolled back: [${found[1]} $FAULTGATE_VERDICT]"\n'
        (shop.folder / "scripts" / "rollback.sh").write_text(script, encoding="utf-8")
        run = shop.run()
        run.execute("release.yml")
    assert (results(run)["staging / rollback"], shop.rolled_back()) == ("success", ["b failed"]), shop.log


@pytest.mark.parametrize(("given", "expected"), [("", "staging"), ("staging-rollback", "staging-rollback")])
def test_a_rollback_may_have_an_environment_of_its_own(given: str, expected: str, tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        job = read(GITHUB / "reusable.yml")["jobs"]["rollback"]
        inputs = {"environment": "staging", "rollback-environment": given}
        assert shop.expressions.value(job["environment"], {"inputs": inputs}) == expected


def test_experiments_of_one_environment_wait_for_each_other_whatever_the_template(tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        group = read(GITHUB / "reusable.yml")["jobs"]["experiment"]["concurrency"]["group"]
        groups = {shop.expressions.value(group, {"inputs": {"environment": "staging"}})}
    groups |= {read(GITHUB / name)["concurrency"]["group"] for name in ("step.yml", "sharded.yml", "fleet.yml")}
    groups.add(read(GITHUB / "fork" / "chaos.yml")["jobs"]["chaos"]["concurrency"]["group"])
    assert groups == {"chaos-staging"}


def test_nobody_waits_for_a_click_in_the_group_of_the_others() -> None:
    workflow = read(GITHUB / "fork" / "chaos.yml")
    assert "concurrency" not in workflow
    approved = [name for name, job in workflow["jobs"].items() if "environment" in job]
    assert approved and all("concurrency" not in workflow["jobs"][name] for name in approved)
    assert workflow["jobs"]["chaos"]["needs"] in approved


@pytest.mark.parametrize("secrets", ["inherit", "{ FAULTGATE_HARNESS_API_KEY: '${{ secrets.KEY }}' }"])
def test_a_secret_arrives(secrets: str, tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        lines = ["harness-experiment-id: E", "harness-project-id: P", "harness-account-id: A", "harness-url: 'https://127.0.0.1:1'"]
        run = call(shop, *lines, secrets=secrets)
    assert results(run)["c / gate"] == "failure"
    # Without a key it would be a mistake in the settings.
    assert "harness-api-key: is missing" not in shop.log and "mistake" not in shop.log, shop.log


def test_a_step_reads_the_suite(tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        shop.suite("version: 1\nexpeted: 3\n")
        assert shop.run().execute("step.yml") == "failure" and "expeted" in shop.log, shop.log


# --- sharded.yml


def test_parts_run_one_after_the_other_and_one_gate_passes(tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        shop.suite(SUITE)
        run = shop.run()
        assert run.execute("sharded.yml") == "success", shop.log
        assert shop.runners.launched == ["chaos (1)", "chaos (2)", "chaos (3)"] and shop.runners.most_at_once == 1
        merged = result_file(shop, "faultgate-report-gate-1")
    assert [each["name"] for each in merged["experiments"]] == ["one", "two", "three"]
    assert merged["gate"]["verdict"] == "passed"


def test_one_weak_part_fails_the_gate(tmp_path: Path) -> None:
    with repository(tmp_path, "stop-condition") as shop:
        shop.suite(SUITE)
        run = shop.run()
        assert run.execute("sharded.yml") == "failure", shop.log
        assert results(run)["chaos"] == "success" and results(run)["gate"] == "failure"
        assert result_file(shop, "faultgate-report-gate-1")["gate"]["verdict"] == "failed"


@pytest.mark.parametrize(("action", "how"), [(CHECKOUT, FAILS), (UPLOAD, FAILS), (FAULTGATE, FAILS), (FAULTGATE, LOST)])
def test_a_lost_part_fails_the_gate(action: str, how: str, tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        shop.suite(SUITE)
        shop.runners.breaks[("chaos (2)", action)] = how
        run = shop.run()
        assert run.execute("sharded.yml") == "failure", shop.log
    assert results(run)["gate"] == "failure" and "chaos (3)" in shop.runners.launched, shop.log


@pytest.mark.parametrize(("action", "how"), [(UPLOAD, FAILS), (FAULTGATE, LOST)])
def test_the_result_of_an_attempt_before_passes_no_part(action: str, how: str, tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        shop.suite(SUITE)
        assert shop.run().execute("sharded.yml") == "success", shop.log
        shop.runners.breaks[("chaos (2)", action)] = how
        run = shop.run(attempt=2)
        run.execute("sharded.yml")
        assert results(run)["gate"] == "failure", shop.log
        shop.runners.breaks.clear()
        assert shop.run(attempt=3).execute("sharded.yml") == "success", shop.log


def test_a_merged_report_that_is_lost_decides_nothing(tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        shop.suite(SUITE)
        shop.runners.breaks[("gate", UPLOAD)] = FAILS
        assert shop.run().execute("sharded.yml") == "success", shop.log


def test_a_cancelled_part_fails_the_gate(tmp_path: Path) -> None:
    with repository(tmp_path, "completed", fault="10m") as shop:
        shop.suite(SUITE)
        told = results(shop.cancelled("sharded.yml"))
    assert (told["chaos (1)"], told["chaos (2)"], told["gate"]) == ("cancelled", "cancelled", "failure"), shop.log
    assert shop.runners.launched == ["chaos (1)"]


# --- fleet.yml

fleet = pytest.mark.skipif(not plans(), reason="this binary has no plan to merge by")


@fleet
@pytest.mark.parametrize(("scenario", "result", "verdict"), [("completed", "success", "passed"), ("stop-condition", "failure", "failed")])
def test_a_plan_becomes_jobs_and_one_gate(scenario: str, result: str, verdict: str, tmp_path: Path) -> None:
    with repository(tmp_path, scenario) as shop:
        shop.suite(SUITE)
        run = shop.run()
        assert run.execute("fleet.yml") == result, shop.log
        # No more jobs than experiments, and one after the other.
        assert shop.runners.launched == ["chaos (1)", "chaos (2)", "chaos (3)"] and shop.runners.most_at_once == 1
        assert results(run)["chaos"] == "success"
        merged = result_file(shop, "faultgate-report-gate-1")
    assert {each["name"] for each in merged["experiments"]} == {"one", "two", "three"}
    assert merged["gate"]["verdict"] == verdict
    # The gate alone says something of the commit.
    assert {path for path, _ in shop.told} == {f"/repos/octo/shop/statuses/{COMMIT}"}


@fleet
@pytest.mark.parametrize(("action", "how"), [(CHECKOUT, FAILS), (UPLOAD, FAILS), (FAULTGATE, FAILS), (FAULTGATE, LOST)])
def test_a_lost_job_of_a_plan_fails_the_gate(action: str, how: str, tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        shop.suite(SUITE)
        shop.runners.breaks[("chaos (2)", action)] = how
        run = shop.run()
        assert run.execute("fleet.yml") == "failure", shop.log
    assert results(run)["gate"] == "failure" and "chaos (3)" in shop.runners.launched, shop.log


@fleet
def test_without_a_plan_nothing_runs_and_the_gate_says_no(tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        shop.suite("version: 1\nexpeted: 3\n")
        run = shop.run()
        assert run.execute("fleet.yml") == "failure", shop.log
    told = results(run)
    assert (told["plan"], told["chaos"], told["gate"]) == ("failure", "skipped", "failure"), shop.log
    assert shop.runners.launched == []


# --- fork/


def after_build(event: str, conclusion: str) -> dict[str, Any]:
    head = {"id": 7, "event": event, "conclusion": conclusion, "head_sha": "c0ffee" + COMMIT[6:], "pull_requests": []}
    return {"workflow_run": head, "repository": {"default_branch": "main"}}


@pytest.mark.parametrize(("scenario", "result"), [("completed", "success"), ("stop-condition", "failure")])
def test_a_forks_pull_request_has_its_status(scenario: str, result: str, tmp_path: Path) -> None:
    with repository(tmp_path, scenario) as shop:
        assert shop.run().execute("build.yml") == "success" and "build of the fork" in shop.log, shop.log
        shop.suite(SUITE)
        shop.deploys()
        event = after_build("pull_request", "success")
        assert shop.run(event=event, event_name="workflow_run").execute("fork.yml") == result, shop.log
        assert shop.artifacts() == ["faultgate-report-chaos-0-1"]
        assert {path for path, _ in shop.told} == {f"/repos/octo/shop/statuses/{event['workflow_run']['head_sha']}"}


def test_a_forks_commit_is_not_judged_before_something_of_it_is_deployed(tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        shop.suite(SUITE)
        event = after_build("pull_request", "success")
        assert shop.run(event=event, event_name="workflow_run").execute("fork.yml") == "failure", shop.log
        assert shop.told == [] and shop.runners.launched == [], shop.log


@pytest.mark.parametrize(("event", "conclusion"), [("pull_request", "failure"), ("push", "success")])
def test_nothing_is_injected_for_another_build(event: str, conclusion: str, tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        run = shop.run(event=after_build(event, conclusion), event_name="workflow_run")
        run.execute("fork.yml")
    assert set(results(run).values()) == {"skipped"} and shop.runners.launched == []


def test_a_fork_passes_although_its_report_is_lost_and_fails_without_its_suite(tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        shop.suite(SUITE)
        shop.deploys()
        event = after_build("pull_request", "success")
        shop.runners.breaks[("chaos", UPLOAD)] = FAILS
        assert shop.run(event=event, event_name="workflow_run").execute("fork.yml") == "success", shop.log
        shop.runners.breaks[("chaos", CHECKOUT)] = FAILS
        assert shop.run(event=event, event_name="workflow_run").execute("fork.yml") == "failure", shop.log
        assert len(shop.runners.launched) == 1


# --- sweep.yml


def test_a_sweep_runs(tmp_path: Path) -> None:
    with repository(tmp_path, "completed") as shop:
        assert shop.run().execute("sweep.yml") == "success", shop.log
        assert "us-east-1" in shop.log
