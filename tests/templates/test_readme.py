"""The README's snippets, each as it stands but for the values marked as yours: clean under the linters of others, and run
on what plays its platform."""

from __future__ import annotations

import hashlib
import re
import tarfile
from pathlib import Path

import pytest
import yaml
from codebuild import Buildspec
from github import repository
from gitlab import Project, rolled_back
from pipelines import ROOT, TEMPLATE_ID, served
from test_codebuild import Build
from test_codebuild import Project as Builds
from test_init import lint

README = (ROOT / "README.md").read_text(encoding="utf-8")
# Each begins with the file that it is.
SNIPPETS = dict(re.findall(r"^```yaml\n# (\S+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE))
WORKFLOW, PIPELINE, BUILDSPEC = ".github/workflows/chaos.yml", ".gitlab-ci.yml", "buildspec.yml"
# The runners of the tests have credentials of their own, and so no role.
YOURS = {"template-id": TEMPLATE_ID, "region": "us-east-1", "role-arn": '""', "script": '["sh ./rollback.sh"]'}
ENDS = [("completed", "passed"), ("stop-condition", "failed")]


def filled(name: str) -> str:
    """A snippet with values in the places marked as yours."""

    def fill(line: re.Match[str]) -> str:
        kind = line["key"].lower().replace("_", "-")
        (value,) = [each for end, each in YOURS.items() if kind.endswith(end)]
        return f"{line['begins']}{value}"

    text = re.sub(r"^(?P<begins> *(?P<key>[\w-]+): ).* # yours$", fill, SNIPPETS[name], flags=re.MULTILINE)
    assert "yours" not in text
    return text


def test_the_first_commands_are_the_rehearsal_and_all_tests() -> None:
    assert re.findall(r"^\$ (.*)$", README, re.MULTILINE)[:2] == ["cargo run -- rehearse", "make test"]


def test_there_is_a_snippet_for_each_platform_and_none_that_is_not_run() -> None:
    assert list(SNIPPETS) == [WORKFLOW, PIPELINE, BUILDSPEC]
    assert README.count("```yaml") == len(SNIPPETS)


def test_it_takes_five_minutes() -> None:
    assert len(README.split()) < 900


@pytest.mark.parametrize("name", SNIPPETS)
def test_linters_are_content(name: str, tmp_path: Path) -> None:
    file = tmp_path / Path(name.replace("buildspec", "buildspec.chaos")).name
    file.write_text(SNIPPETS[name], encoding="utf-8")
    lint(file)


@pytest.mark.parametrize(("scenario", "verdict"), ENDS)
def test_the_workflow_decides(scenario: str, verdict: str, tmp_path: Path) -> None:
    with repository(tmp_path, scenario) as shop:
        (shop.folder / ".github" / "workflows" / "readme.yml").write_text(filled(WORKFLOW), encoding="utf-8")
        result = "success" if verdict == "passed" else "failure"
        assert shop.run().execute("readme.yml") == result, shop.log
        assert f"{verdict.upper()}: resilience score" in shop.log
        assert any("/statuses/" in path for path, _ in shop.told)


@pytest.mark.parametrize(("scenario", "verdict"), ENDS)
def test_the_pipeline_decides_and_rolls_back(scenario: str, verdict: str, tmp_path: Path) -> None:
    with served(scenario) as endpoints:
        shop = Project(tmp_path, endpoints, filled(PIPELINE))
        shop.repository.write("rollback.sh", 'echo "rolled back: $FAULTGATE_VERDICT"\n')
        code, log = shop.run()
    assert code == (0 if verdict == "passed" else 1), log
    assert shop.verdict() == verdict and rolled_back(log) == (None if verdict == "passed" else "failed"), log
    assert shop.machine.called() == ["run", "stop"], log


class Release:
    """A project whose `curl` finds a release: the archive, and its checksum."""

    def __init__(self, home: Path, endpoints: dict[str, str], buildspec: Buildspec) -> None:
        self.project = Builds(home, endpoints, buildspec)
        variables = buildspec.variables
        assert re.fullmatch(r"https://github\.com/faultgate/faultgate/releases/download/v[\d.]+", variables["RELEASE"])
        name = variables["ARCHIVE"]
        assert f"/v{name.split('-')[1]}" in variables["RELEASE"]
        self.served = home / "release"
        self.served.mkdir()
        with tarfile.open(self.served / f"{name}.tar.gz", "w:gz") as archive:
            archive.add(home / "bin" / "faultgate", f"{name}/faultgate")
        digest = hashlib.sha256((self.served / f"{name}.tar.gz").read_bytes()).hexdigest()
        others = f"{'0' * 64}  faultgate-0.1.0-aarch64-unknown-linux-musl.tar.gz\n"
        (self.served / "SHA256SUMS").write_text(f"{others}{digest}  {name}.tar.gz\n", encoding="utf-8")
        copy = f'for each; do case $each in "{variables["RELEASE"]}"/*) cp "{self.served}/${{each##*/}}" .;; esac; done\n'
        self.project.machine.command("curl", copy)

    def run(self) -> Build:
        return self.project.run()


@pytest.mark.parametrize(("scenario", "verdict"), ENDS)
def test_the_build_fetches_the_binary_and_decides(scenario: str, verdict: str, tmp_path: Path) -> None:
    with served(scenario) as endpoints:
        build = Release(tmp_path, endpoints, Buildspec(yaml.safe_load(filled(BUILDSPEC)))).run()
    assert build.code == (0 if verdict == "passed" else 1), build.log
    assert build.result()["gate"]["verdict"] == verdict
    assert build.machine.called() == ["run", "stop"], build.log
    assert bool(build.report().findall(".//failure")) == (verdict != "passed")


def test_a_build_runs_no_archive_that_is_not_the_released_one(tmp_path: Path) -> None:
    release = Release(tmp_path, {}, Buildspec(yaml.safe_load(filled(BUILDSPEC))))
    (archive,) = release.served.glob("*.tar.gz")
    archive.write_bytes(archive.read_bytes() + b"more")
    build = release.run()
    assert build.code == 1 and "FAILED" in build.log, build.log
    assert build.machine.called() == []
