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
from gitlab import Project
from pipelines import ROOT, TEMPLATE_ID, served
from test_codebuild import Build
from test_codebuild import Project as Builds
from test_init import lint

README = (ROOT / "README.md").read_text(encoding="utf-8")
# Each begins with the file that it is.
SNIPPETS = dict(re.findall(r"^```yaml\n# (\S+)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE))
SUITE, WORKFLOW, PIPELINE, BUILDSPEC = ".faultgate.yml", ".github/workflows/release.yml", ".gitlab-ci.yml", "buildspec.yml"
# The runners of the tests have credentials of their own, and so no role.
YOURS = {"fis": f"{{ template: {TEMPLATE_ID} }}", "region": "us-east-1", "role-arn": '""'}
ENDS = [("completed", "passed"), ("degraded", "failed"), ("stop-condition", "failed")]


def filled(name: str, **more: str) -> str:
    """A snippet with values in the places marked as yours. What a deployment and a rollback do is only said."""
    yours = YOURS | more

    def fill(line: re.Match[str]) -> str:
        if "echo" in line["value"]:
            return f"{line['begins']}{line['value']}"
        (value,) = [each for end, each in yours.items() if line["key"].lower().replace("_", "-").endswith(end)]
        return f"{line['begins']}{value}"

    line = r"^(?P<begins> *(?:- )?(?:(?P<key>[\w-]+): )?)(?P<value>.*) # yours$"
    text = re.sub(line, fill, SNIPPETS[name], flags=re.MULTILINE)
    assert "yours" not in text
    return text


def suite(endpoints: dict[str, str]) -> str:
    """The suite, with a page that suffers from the rehearsed fault. A rehearsal is quicker than a server."""
    return filled(SUITE, url=f"{endpoints['AWS_ENDPOINT_URL']}/target").replace("every: 5s", "every: 100ms")


def test_the_first_command_is_the_rehearsal_and_the_second_one_runs_all_tests() -> None:
    assert re.findall(r"^```sh\n(.*)$", README, re.MULTILINE) == ["cargo run -- rehearse", "make test"]


def test_there_is_a_suite_with_a_probe_and_a_snippet_for_each_platform() -> None:
    assert list(SNIPPETS) == [SUITE, WORKFLOW, PIPELINE, BUILDSPEC]
    assert all(each["probes"] for each in yaml.safe_load(SNIPPETS[SUITE])["experiments"])
    assert README.count("```yaml") == len(SNIPPETS)


def test_it_takes_five_minutes() -> None:
    assert len(README.split()) < 900


@pytest.mark.parametrize("name", SNIPPETS)
def test_linters_are_content(name: str, tmp_path: Path) -> None:
    file = tmp_path / {WORKFLOW: "chaos.yml", BUILDSPEC: "buildspec.chaos.yml"}.get(name, name)
    file.write_text(SNIPPETS[name], encoding="utf-8")
    lint(file)


@pytest.mark.parametrize(("scenario", "verdict"), ENDS)
def test_the_workflow_decides_and_rolls_back(scenario: str, verdict: str, tmp_path: Path) -> None:
    with repository(tmp_path, scenario) as shop:
        shop.suite(suite(shop.runners.endpoints))
        (shop.folder / WORKFLOW).write_text(filled(WORKFLOW), encoding="utf-8")
        run = shop.run()
        run.execute("release.yml")
        passed = verdict == "passed"
        results = {name: outcome.result for name, outcome in run.outcomes.items()}
        assert results == {
            "deploy": "success",
            "chaos": "success" if passed else "failure",
            "rollback": "skipped" if passed else "success",
        }, shop.log
        assert f"{verdict.upper()}: resilience score" in shop.log
        assert any("/statuses/" in path for path, _ in shop.told)
        assert shop.artifacts() == ["faultgate-report"]


@pytest.mark.parametrize(("scenario", "verdict"), ENDS)
def test_the_pipeline_decides_and_rolls_back(scenario: str, verdict: str, tmp_path: Path) -> None:
    with served(scenario) as endpoints:
        shop = Project(tmp_path, endpoints, filled(PIPELINE))
        shop.repository.write(SUITE, suite(endpoints))
        code, log = shop.run()
    assert code == (0 if verdict == "passed" else 1), log
    assert shop.verdict() == verdict and ("> roll back" in log) == (verdict != "passed"), log
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
        release = Release(tmp_path, endpoints, Buildspec(yaml.safe_load(filled(BUILDSPEC))))
        (release.project.source / SUITE).write_text(suite(endpoints), encoding="utf-8")
        build = release.run()
    assert ("deploy to production" in build.log) == (verdict == "passed"), build.log
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
