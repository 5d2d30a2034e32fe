"""What `faultgate plan` prints for GitHub and GitLab is what these platforms take."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from pipelines import ROOT, binary

LINTER = ROOT / os.environ.get("LINTERS", ".tools/lint/bin") / "check-jsonschema"
# A name cannot be odd, and an id of an emulator can.
ODD = "EXT'\"$CI_JOB_TOKEN:#{}%!&*"


def plan(home: Path, experiments: int, *arguments: str) -> str:
    entries = [{"name": f"e{number}", "fis": {"template": ODD}} for number in range(experiments)]
    (home / ".faultgate.json").write_text(json.dumps({"version": 1, "experiments": entries}))
    command = [binary(), "plan", *arguments]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False, env={})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("experiments", [1, 7, 900])
@pytest.mark.parametrize("more", [[], ["--max-parallel", "3"], ["--include", "ci/part.yml"]])
def test_a_child_pipeline_is_one_by_gitlabs_schema(tmp_path: Path, experiments: int, more: list[str]) -> None:
    child = tmp_path / "child.yml"
    child.write_text(plan(tmp_path, experiments, "--format", "gitlab", *more))
    schema = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    done = subprocess.run([LINTER, *schema, child], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    # It is read as YAML, as GitLab does it.
    pipeline = yaml.safe_load(child.read_text())
    jobs = [job for name, job in pipeline.items() if name.startswith("chaos ")]
    assert len(jobs) == min(experiments, 256)
    names = [name for job in jobs for name in job["variables"]["FAULTGATE_ONLY"]["value"].split(",")]
    assert sorted(names) == sorted(f"e{number}" for number in range(experiments))


def test_a_matrix_has_at_most_256_jobs_on_one_line(tmp_path: Path) -> None:
    printed = plan(tmp_path, 900, "--format", "github")
    assert printed.count("\n") == 1
    include = json.loads(printed)["include"]
    assert len(include) == 256
    assert {type(value) for job in include for value in job.values()} == {int, str}


def test_ids_are_data(tmp_path: Path) -> None:
    item = json.loads(plan(tmp_path, 1, "--format", "jsonl"))
    assert item["template"] == ODD
