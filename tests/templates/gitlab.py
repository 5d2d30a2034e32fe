"""The GitLab templates as pipelines of a repository, and gitlab-ci-local to run them."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipelines import PATIENCE, ROOT, TEMPLATE_ID, TEMPLATES

NODE = Path(os.environ.get("TEMPLATE_TOOLS", ROOT / ".tools" / "ci")) / "node_modules" / ".bin"
COMPONENT = f"""
include:
  - local: ci-templates/gitlab/templates/chaos/template.yml
    inputs:
      experiment-template-id: {TEMPLATE_ID}
      rollback-script: sh scripts/rollback-deploy.sh
stages: [deploy, chaos, rollback]
"""
FIS = f"""
include:
  - local: ci-templates/gitlab/fis.gitlab-ci.yml
variables:
  FIS_TEMPLATE_ID: {TEMPLATE_ID}
  FIS_REGION: us-east-1
"""
STEPS = FIS.replace("fis.gitlab", "steps.gitlab")
HARNESS = """
include:
  - local: ci-templates/gitlab/harness.gitlab-ci.yml
variables:
  ACCOUNT_ID: abcdefghijklmnopqrstuv
  PROJECT_ID: shop
  WORKFLOW_ID: d7c9d243-0219-4f7c-84c2-3004e59e4505
"""


@dataclass
class Repository:
    """A repository with a pipeline, and the environment of its runner."""

    folder: Path
    environment: dict[str, str]
    options: tuple[str, ...]

    def git(self, *words: str) -> None:
        names = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *names, *words], cwd=self.folder, check=True, capture_output=True)

    def start(self, *more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [NODE / "gitlab-ci-local", "--no-color", *self.options, *more],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *more: str) -> tuple[int, str]:
        process = self.start(*more)
        log, _ = process.communicate(timeout=4 * PATIENCE)
        return process.returncode, log


def repository(home: Path, pipeline: str, environment: dict[str, str], *options: str) -> Repository:
    folder = home / "shop"
    shutil.copytree(TEMPLATES / "gitlab", folder / "ci-templates" / "gitlab")
    (folder / ".gitlab-ci.yml").write_text(pipeline, encoding="utf-8")
    (folder / "scripts").mkdir()
    (folder / "scripts" / "deploy.sh").write_text("echo deployed\n", encoding="utf-8")
    (folder / "scripts" / "test.sh").write_text("test ! -e failing-tests\n", encoding="utf-8")
    # The variables of the chaos job's dotenv report.
    rollback = 'echo "rolled back: $FAULTGATE_VERDICT"\n'
    (folder / "scripts" / "rollback-deploy.sh").write_text(rollback, encoding="utf-8")
    made = Repository(folder, environment, options)
    made.git("init", "--quiet")
    made.git("remote", "add", "origin", "https://gitlab.example.com/shop/web.git")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "pipeline")
    return made


def rolled_back(log: str) -> str | None:
    """The verdict that the rollback was told; None where there was no rollback."""
    told = [line.partition("rolled back:")[2].strip() for line in log.splitlines() if "> rolled back:" in line]
    return told[0] if told else None
