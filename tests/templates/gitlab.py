"""The GitLab templates as pipelines of a repository, and gitlab-ci-local to run them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pipelines import PATIENCE, ROOT, TEMPLATE_ID, TEMPLATES, Machine

NODE = Path(os.environ.get("TEMPLATE_TOOLS", ROOT / ".tools" / "ci")) / "node_modules" / ".bin"
FOLDER = TEMPLATES / "gitlab"
# What a template leaves to who copies it, at the end of its line.
MARK = " # yours"


def copied(template: str, **yours: str) -> str:
    """A template as it stands, but for the values that it marks as yours."""
    text = (FOLDER / template).read_text(encoding="utf-8")
    for name, value in yours.items():
        text, found = re.subn(rf"^( *{name}: ).*{MARK}$", rf"\g<1>{value}", text, flags=re.MULTILINE)
        assert found == 1, f"{template} has no value of yours for {name}"
    left = [line.strip() for line in text.splitlines() if line.endswith(MARK)]
    assert all(line.startswith("- sh scripts/") for line in left), left
    return text


def shown() -> list[str]:
    """The pipelines that README.md shows, with the component from this folder, and this account."""
    texts = re.findall(r"```yaml\n(include:\n  - component.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    local = [re.sub(r"component: \S+", "local: ci-templates/gitlab/templates/chaos/template.yml", text) for text in texts]
    here = [re.sub(r"(experiment-template-id: ).*", rf"\g<1>{TEMPLATE_ID}", text) for text in local]
    return [re.sub(r" *aws-(region|role-arn): .*\n", "", text) for text in here]


def component(*inputs: str) -> str:
    """The first of them, with these inputs."""
    text = shown()[0]
    for given in inputs:
        text = re.sub(rf" *{given.partition(':')[0]}: .*\n", "", text)
    return text.replace("    inputs:\n", "".join(["    inputs:\n", *(f"      {given}\n" for given in inputs)]))


COMPONENT = component()
ACCOUNT = {"FIS_TEMPLATE_ID": TEMPLATE_ID, "FIS_REGION": "us-east-1", "FIS_ROLE_ARN": '""'}
FIS = copied("fis.gitlab-ci.yml", **ACCOUNT)
STEPS = copied("steps.gitlab-ci.yml", **ACCOUNT)
FLEET = copied("fleet.gitlab-ci.yml", FAULTGATE_AWS_REGION="us-east-1", FAULTGATE_AWS_ROLE_ARN='""')
HARNESS = copied(
    "harness.gitlab-ci.yml",
    ACCOUNT_ID="abcdefghijklmnopqrstuv",
    PROJECT_ID="shop",
    WORKFLOW_ID="d7c9d243-0219-4f7c-84c2-3004e59e4505",
)


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

    def preview(self) -> dict[str, Any]:
        """The pipeline as it is understood."""
        code, text = self.run("--preview")
        assert code == 0, text
        return yaml.safe_load(text.partition("---\n")[2] or text)

    def refusal(self) -> str:
        """Why there is no such pipeline."""
        code, text = self.run("--preview")
        assert code != 0, text
        return text

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", name)


def repository(home: Path, pipeline: str, environment: dict[str, str], *options: str) -> Repository:
    folder = home / "shop"
    shutil.copytree(FOLDER, folder / "ci-templates" / "gitlab")
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


class Project:
    """A repository, and a machine that runs its pipeline."""

    def __init__(self, home: Path, endpoints: dict[str, str], pipeline: str, *options: str) -> None:
        self.machine = Machine(home, endpoints)
        self.repository = repository(home, pipeline, self.machine.environment, "--force-shell-executor", *options)
        self.report = self.repository.folder / "faultgate-report"

    def start(self) -> subprocess.Popen[str]:
        return self.repository.start()

    def run(self) -> tuple[int, str]:
        return self.repository.run()

    def verdict(self) -> str:
        return json.loads((self.report / "result.json").read_text(encoding="utf-8"))["gate"]["verdict"]
