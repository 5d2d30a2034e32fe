"""A runner of GitHub's, as far as the templates need one: the steps of a job, `run` by bash, the actions that they use
played by their rules, and faultgate itself."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from expressions import Expressions, text
from pipelines import PATIENCE, ROOT, binary
from workflows import Instance, Outcome

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
FAILS, LOST = "fails", "is lost"


class Lost(Exception):
    """The runner is gone, and with it what its job has not told yet."""


@dataclass
class Step:
    """A step that is carried out."""

    instance: Instance
    inputs: dict[str, str]
    environment: dict[str, str]
    workspace: Path
    # A step that begins after a cancellation is left alone.
    late: bool


@dataclass
class Runners:
    """Machines for the jobs of one run, and what they share."""

    home: Path
    repository: Path
    expressions: Expressions
    endpoints: dict[str, str]
    # What goes wrong: the name of the job and of the action, and how.
    breaks: dict[tuple[str, str], str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.artifacts = self.home / "artifacts"
        self.artifacts.mkdir()
        commands = self.home / "bin"
        commands.mkdir()
        (commands / "faultgate").symlink_to(binary())
        (commands / "faultgate-stop").symlink_to(binary())
        self.path = f"{commands}:{os.environ['PATH']}"
        self.said = threading.Condition()
        self.count = 0
        # Jobs in which faultgate has run, in order, and the most that did so at once.
        self.launched: list[str] = []
        self.at_once = self.most_at_once = 0

    def wait_for(self, words: str) -> None:
        with self.said:
            assert self.said.wait_for(lambda: any(words in line for line in self.log), PATIENCE), "".join(self.log)

    def run(self, instance: Instance, job: dict[str, Any], contexts: dict[str, Any]) -> Outcome:
        """The steps of a job on a machine of its own."""
        with self.said:
            self.count += 1
            number = self.count
        workspace = self.home / f"workspace-{number}"
        workspace.mkdir()
        told: dict[str, Any] = {}
        status, after = "success", []
        environment = self.variables(workspace, contexts)
        try:
            for step in job["steps"]:
                if instance.cancelled.is_set():
                    status = "cancelled"
                job_context = {"status": status, "check_run_id": 51_000 + number}
                contexts = contexts | {"steps": told, "job": job_context, "runner": {}}
                now = {word: status == word for word in ("success", "failure", "cancelled")} | {"always": True}
                if not self.expressions.holds(step.get("if"), contexts, now):
                    outcome, outputs = "skipped", {}
                else:
                    outcome, outputs = self.step(step, instance, contexts, environment, workspace)
                    if step.get("uses", "").startswith("faultgate/"):
                        after.append(environment)
                forgiven = outcome == "failure" and self.expressions.value(step.get("continue-on-error", False), contexts)
                conclusion = "success" if forgiven else outcome
                if conclusion in ("failure", "cancelled") and status != "cancelled":
                    status = conclusion
                if "id" in step:
                    told[step["id"]] = {"outputs": outputs, "outcome": outcome, "conclusion": conclusion}
        except Lost:
            return Outcome("failure")
        for each in after:
            stop = ["faultgate-stop"]
            subprocess.run(stop, cwd=workspace, env=each, capture_output=True, check=True, timeout=PATIENCE)
        contexts = contexts | {"steps": told}
        outputs = self.expressions.value(job.get("outputs", {}), contexts)
        return Outcome(status, {name: text(value) for name, value in outputs.items()})

    def variables(self, workspace: Path, contexts: dict[str, Any]) -> dict[str, str]:
        github = contexts["github"]
        names = ("repository", "sha", "run_id", "run_attempt", "job", "ref", "event_name", "api_url", "server_url")
        known = {f"GITHUB_{name.upper()}": text(github[name]) for name in names if name in github}
        event = workspace.with_name(f"{workspace.name}-event.json")
        event.write_text(json.dumps(github.get("event", {})), encoding="utf-8")
        own = {"PATH": self.path, "GITHUB_EVENT_PATH": str(event), "HOME": str(self.home), "CI": "true", "GITHUB_ACTIONS": "true"}
        return own | {"GITHUB_WORKSPACE": str(workspace), "AWS_EC2_METADATA_DISABLED": "true"} | known | self.endpoints

    def step(
        self,
        step: dict[str, Any],
        instance: Instance,
        contexts: dict[str, Any],
        environment: dict[str, str],
        workspace: Path,
    ) -> tuple[str, dict[str, str]]:
        names = ("OUTPUT", "STEP_SUMMARY", "STATE")
        files = {f"GITHUB_{name}": workspace.with_name(f"{workspace.name}-{name}") for name in names}
        for file in files.values():
            file.write_text("", encoding="utf-8")
        given = {name: text(value) for name, value in self.expressions.value(step.get("env", {}), contexts).items()}
        environment = environment | {name: str(file) for name, file in files.items()} | given
        action = step.get("uses", "").split("@")[0]
        if how := self.breaks.get((instance.name, action or step.get("name", ""))):
            self.tell(f"{instance.name}: {action} {how}\n")
            if how == LOST:
                raise Lost
            return "failure", {}
        with_ = self.expressions.value(step.get("with", {}), contexts)
        inputs = {name: text(value) for name, value in with_.items()}
        carried = Step(instance, inputs, environment, workspace, instance.cancelled.is_set())
        if "run" in step:
            script = text(self.expressions.value(step["run"], contexts))
            code = self.process(carried, ["bash", "-e", "-c", script])
        elif action.startswith("docker://ghcr.io/faultgate/"):
            code = self.process(carried, [inputs.get("entrypoint", "faultgate"), *shlex.split(inputs.get("args", ""))])
        elif action == "faultgate/faultgate":
            code = self.faultgate(carried, contexts)
        else:
            code = PLAYED[action](self, carried)
        if instance.cancelled.is_set() and not carried.late:
            return "cancelled", outputs(files["GITHUB_OUTPUT"])
        return "failure" if code else "success", outputs(files["GITHUB_OUTPUT"])

    def faultgate(self, step: Step, contexts: dict[str, Any]) -> int:
        """The action: a variable for each of its inputs, and its entry point."""
        assert set(step.inputs) <= set(ACTION["inputs"]), step.inputs
        defaults = {name: each.get("default", "") for name, each in ACTION["inputs"].items()}
        inputs = self.expressions.value(defaults, contexts) | step.inputs
        step.environment |= {f"INPUT_{name.upper()}": text(value) for name, value in inputs.items()}
        with self.said:
            self.launched.append(step.instance.name)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return self.process(step, ["faultgate"])
        finally:
            with self.said:
                self.at_once -= 1

    def process(self, step: Step, command: list[str]) -> int:
        process = subprocess.Popen(
            command,
            cwd=step.workspace,
            env=step.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        step.instance.interrupt = lambda: process.send_signal(signal.SIGINT)
        if step.instance.cancelled.is_set() and not step.late:
            step.instance.interrupt()
        for line in process.stdout:
            self.tell(f"{step.instance.name}: {line}")
        return process.wait(PATIENCE)

    def tell(self, line: str) -> None:
        with self.said:
            self.log.append(line)
            self.said.notify_all()

    # --- actions of others

    def checkout(self, step: Step) -> int:
        shutil.copytree(self.repository, step.workspace, dirs_exist_ok=True)
        return 0

    def upload(self, step: Step) -> int:
        """A run takes a name once, unless it is to be replaced; no name has these characters. A file keeps its name alone."""
        name, source = step.inputs["name"], step.workspace / step.inputs["path"]
        if not name or re.search(r'[":<>|*?\r\n\\/]', name):
            self.tell(f"{step.instance.name}: the artifact name is not valid: {name!r}\n")
            return 1
        if not source.is_file() and (not source.is_dir() or not any(source.iterdir())):
            return int(step.inputs.get("if-no-files-found", "warn") == "error")
        target = self.artifacts / name
        if target.exists():
            if step.inputs.get("overwrite", "false") != "true":
                self.tell(f"{step.instance.name}: (409) Conflict: an artifact with this name already exists\n")
                return 1
            shutil.rmtree(target)
        if source.is_file():
            target.mkdir()
            shutil.copy(source, target)
        else:
            shutil.copytree(source, target)
        return 0

    def download(self, step: Step) -> int:
        """Each that fits goes to a folder of its name; none is no failure."""
        for artifact in self.artifacts.iterdir():
            if fnmatch.fnmatch(artifact.name, step.inputs["pattern"]):
                shutil.copytree(artifact, step.workspace / step.inputs["path"] / artifact.name)
        return 0

    def credentials(self, _: Step) -> int:
        return 0


PLAYED = {
    "actions/checkout": Runners.checkout,
    "actions/upload-artifact": Runners.upload,
    "actions/download-artifact": Runners.download,
    "aws-actions/configure-aws-credentials": Runners.credentials,
}


def outputs(file: Path) -> dict[str, str]:
    """What a step has written to GITHUB_OUTPUT."""
    found: dict[str, str] = {}
    lines = iter(file.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if heredoc := re.fullmatch(r"([^=]+?)<<(.+)", line):
            value = []
            for each in lines:
                if each == heredoc[2]:
                    break
                value.append(each)
            found[heredoc[1]] = "\n".join(value)
        elif line:
            name, _, found_value = line.partition("=")
            found[name] = found_value
    return found
