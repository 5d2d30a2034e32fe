"""The GitHub templates as workflows of a repository, each as it stands, and runs of them."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from expressions import Expressions
from pipelines import PATIENCE, TEMPLATE_ID, TEMPLATES, forge, served
from steps import Runners
from workflows import Run

GITHUB = TEMPLATES / "github"
COMMIT = "9fceb02d0ae598e95dc970b74767f19372d61af8"
TOKEN = "ghs_of-the-job"
VARIABLES = {"FIS_TEMPLATE_ID": TEMPLATE_ID, "FIS_REGION": "us-east-1", "STAGING_TEMPLATE_ID": TEMPLATE_ID, "PRODUCTION_TEMPLATE_ID": TEMPLATE_ID, "SWEEP_REGIONS": "us-east-1"}
SECRETS = {"FAULTGATE_HARNESS_API_KEY": "pat.a.b.c", "KEY": "pat.a.b.c"}
# Of two that are to be called chaos.yml, that which others call has the name here.
COPIED_AS = {"reusable.yml": "chaos.yml", "chaos.yml": "fork.yml"}
SUITE = f"""
version: 1
experiments:
  - {{ name: one, fis: {{ template: {TEMPLATE_ID} }} }}
  - {{ name: two, fis: {{ template: {TEMPLATE_ID} }} }}
  - {{ name: three, fis: {{ template: {TEMPLATE_ID} }} }}
"""


def caller() -> str:
    """The workflow that calls reusable.yml in the manual."""
    manual = (GITHUB / "README.md").read_text(encoding="utf-8").partition("## reusable.yml")[2]
    return re.search(r"```yaml\n(.*?)```", manual, re.DOTALL)[1]


class Repository:
    """A repository with a workflow, endpoints that play a scenario, and a forge that takes statuses."""

    def __init__(self, home: Path, endpoints: dict[str, str], api: str, told: list[tuple[str, str | None]]) -> None:
        self.folder, self.told, self.api = home / "shop", told, api
        workflows = self.folder / ".github" / "workflows"
        workflows.mkdir(parents=True)
        for template in GITHUB.rglob("*.yml"):
            shutil.copy(template, workflows / COPIED_AS.get(template.name, template.name))
        (workflows / "release.yml").write_text(caller(), encoding="utf-8")
        (self.folder / "scripts").mkdir()
        (self.folder / "scripts" / "rollback.sh").write_text('echo "rolled back: [$FAULTGATE_VERDICT]"\n', encoding="utf-8")
        (self.folder / "scripts" / "deploy.sh").write_text("echo deployed\n", encoding="utf-8")
        (self.folder / "Makefile").write_text("build test:\n\techo $@ of the fork\n", encoding="utf-8")
        self.expressions = Expressions()
        self.runners = Runners(home, self.folder, self.expressions, endpoints)

    def deploys(self) -> None:
        """The deployment that a fork's workflow leaves to who copies it."""
        path = self.folder / ".github" / "workflows" / "fork.yml"
        copied, found = re.subn(r"( run: )\| # yours\n.*?\n\n", r"\1echo deployed\n\n", path.read_text(), flags=re.DOTALL)
        assert found == 1
        path.write_text(copied, encoding="utf-8")

    def suite(self, text: str) -> None:
        (self.folder / ".faultgate.yml").write_text(text, encoding="utf-8")

    def run(self, attempt: int = 1, event: dict[str, Any] | None = None, event_name: str = "push") -> Run:
        github = {
            "repository": "octo/shop",
            "sha": COMMIT,
            "ref": "refs/heads/main",
            "run_id": "1658821493",
            "run_attempt": str(attempt),
            "event_name": event_name,
            "event": event or {"repository": {"default_branch": "main"}},
            "token": TOKEN,
            "api_url": self.api,
            "server_url": self.api,
        }
        return Run(self.folder, self.runners.run, self.expressions, github=github, vars=VARIABLES, secrets=SECRETS)

    def cancelled(self, workflow: str) -> Run:
        """A run that somebody cancels while its experiment is under way."""
        run = self.run()
        thread = threading.Thread(target=run.execute, args=[workflow])
        thread.start()
        self.runners.wait_for(" running [event]")
        run.cancel()
        thread.join(PATIENCE)
        assert not thread.is_alive(), self.log
        return run

    @property
    def log(self) -> str:
        return "".join(self.runners.log)

    def rolled_back(self) -> list[str]:
        """The verdict that each rollback was told."""
        return re.findall(r"rolled back: \[(.*)\]", self.log)

    def artifacts(self) -> list[str]:
        return sorted(path.name for path in self.runners.artifacts.iterdir())


@contextmanager
def repository(home: Path, scenario: str, fault: str = "1s") -> Iterator[Repository]:
    with served(scenario, "--fault", fault) as endpoints, forge() as (api, told):
        made = Repository(home, endpoints, api, told)
        try:
            yield made
        finally:
            made.expressions.close()
