"""action.yml as GitHub's runner takes it: inputs become variables, and the entry points run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path, PurePosixPath

import yaml
from pipelines import PATIENCE, REPORTS, ROOT, binary, forge

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
TOKEN = "ghs_of-the-job"
COMMIT = "9fceb02d0ae598e95dc970b74767f19372d61af8"


def variables(given: dict[str, str]) -> dict[str, str]:
    """What the runner makes of `with:`: a variable for each input of the action and each that is given."""
    inputs = {name: str(each.get("default", "")) for name, each in ACTION["inputs"].items()} | given
    # A job without a matrix.
    told = {"${{ github.token }}": TOKEN, "${{ toJSON(matrix) }}": "null"}
    inputs = {name: told.get(value, value) for name, value in inputs.items()}
    assert not any("${{" in value for value in inputs.values()), inputs
    return {f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in inputs.items()}


def step(home: Path, given: dict[str, str], **more: str) -> subprocess.CompletedProcess[str]:
    """The action's main stage in a step's environment."""
    for name in ("output", "summary", "state"):
        (home / name).write_text("", encoding="utf-8")
    assert PurePosixPath(ACTION["runs"]["entrypoint"]).name == "faultgate"
    return subprocess.run(
        [binary()],
        cwd=home,
        env={
            "HOME": str(home),
            "AWS_EC2_METADATA_DISABLED": "true",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "shop/web",
            "GITHUB_SHA": COMMIT,
            "GITHUB_RUN_ID": "1",
            "GITHUB_OUTPUT": str(home / "output"),
            "GITHUB_STEP_SUMMARY": str(home / "summary"),
            "GITHUB_STATE": str(home / "state"),
        }
        | variables(given)
        | more,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def outputs(home: Path) -> set[str]:
    lines = (home / "output").read_text(encoding="utf-8").splitlines()
    return {line.split("<<")[0] for line in lines if "<<" in line}


def test_a_step_runs_by_its_inputs_and_sets_every_output(tmp_path: Path) -> None:
    given = {"rehearsal": "completed", "report-dir": "out/chaos", "commit-status": "false"}
    ended = step(tmp_path, given)
    assert ended.returncode == 0, ended.stderr
    assert REPORTS <= {path.name for path in (tmp_path / "out" / "chaos").iterdir()}
    assert outputs(tmp_path) == set(ACTION["outputs"])
    assert "passed" in (tmp_path / "summary").read_text(encoding="utf-8")


def test_a_step_without_inputs_says_what_is_missing(tmp_path: Path) -> None:
    ended = step(tmp_path, {})
    assert ended.returncode == 2, ended.stderr
    assert "experiment" in ended.stderr and "mistake in its settings" in ended.stderr
    assert outputs(tmp_path) == set(ACTION["outputs"])


def test_no_input_has_a_default_that_would_hide_the_suite_file(tmp_path: Path) -> None:
    suite = {"version": 1, "gate": {"expected-resilience-score": 40}, "rehearsal": "completed", "commit-status": False}
    (tmp_path / ".faultgate.yml").write_text(json.dumps(suite), encoding="utf-8")
    ended = step(tmp_path, {})
    assert ended.returncode == 0, ended.stderr
    result = json.loads((tmp_path / "faultgate-report" / "result.json").read_text(encoding="utf-8"))
    assert result["gate"]["expected_resilience_score"] == 40


def test_the_binary_reads_every_input(tmp_path: Path) -> None:
    # Longer than nearly anything may be, and with a character that nothing may have.
    wrong = "\x01" + "x" * 5_000
    names = [name for name in ACTION["inputs"] if name != "config"]
    ended = step(tmp_path, dict.fromkeys(names, wrong))
    assert ended.returncode == 2, ended.stderr[:2000]
    missed = [name for name in names if f"INPUT_{name.upper()}" not in ended.stderr]
    assert missed == []
    assert wrong not in ended.stderr + ended.stdout


def test_the_jobs_token_posts_the_statuses_and_stands_in_no_log(tmp_path: Path) -> None:
    with forge() as (api, asked):
        ended = step(tmp_path, {"rehearsal": "completed"}, GITHUB_API_URL=api, GITHUB_SERVER_URL=api)
    assert ended.returncode == 0, ended.stderr
    assert asked and {path for path, _ in asked} == {f"/repos/shop/web/statuses/{COMMIT}"}, asked
    assert all(token and token.lower() == f"bearer {TOKEN}" for _, token in asked)
    report = tmp_path / "faultgate-report"
    texts = [ended.stdout, ended.stderr, *(path.read_text(encoding="utf-8") for path in report.iterdir())]
    assert not any(TOKEN in text for text in texts)


def test_the_stages_are_told_apart_by_name_alone() -> None:
    runs = ACTION["runs"]
    assert runs["using"] == "docker" and runs["image"] == "Dockerfile"
    # The runner passes the arguments of the main stage to the post stage.
    assert "args" not in runs
    assert PurePosixPath(runs["post-entrypoint"]).name == "faultgate-stop"
    assert runs["post-if"] == "always()"
