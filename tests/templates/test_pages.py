"""The tutorials' files, each as a page shows it but for the values marked as yours, and the messages that a page explains."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import boto3
import pytest
import yaml
from codebuild import Buildspec
from github import repository
from gitlab import Project
from pipelines import ROOT, TEMPLATE_ID, binary, served
from test_init import accepts
from test_readme import BUILDSPEC, PIPELINE, Release

DOCS = ROOT / "docs"
STACK = ROOT / "examples" / "quickstart" / "stack.yml"
SUITE, WORKFLOW = ".faultgate.yml", ".github/workflows/release.yml"
ENDS = [("completed", 0), ("degraded", 1)]
# What others say, and what is put together of parts.
FOREIGN = {
    "Resource not accessible by integration",
    "could not read the experiment template",
    "not ready: a run would launch nothing",
}


def files(page: str, endpoints: dict[str, str]) -> dict[str, str]:
    """The files that a page shows, with what the runners of the tests have in the places marked as yours."""
    url = f"{endpoints['AWS_ENDPOINT_URL']}/target"
    text = (DOCS / page).read_text(encoding="utf-8")
    found = dict(re.findall(r"^```yaml\n# (\S+)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))
    yours = {"fis": f"{{ template: {TEMPLATE_ID} }}", "url": url, "region": "us-east-1", "arn": '""'}

    def fill(line: re.Match[str]) -> str:
        (value,) = [each for end, each in yours.items() if line["key"].lower().endswith(end)]
        return f"{line['begins']}{value}"

    def filled(text: str) -> str:
        text = re.sub(r"^(?P<begins> *(?P<key>[\w-]+): ).* # yours$", fill, text, flags=re.MULTILINE)
        # A rehearsal is quicker than a server.
        return text.replace("every: 5s", "every: 100ms")

    return {name: filled(text) for name, text in found.items()}


@pytest.mark.parametrize(("scenario", "code"), ENDS)
def test_the_quickstart_on_github_stops_a_release(scenario: str, code: int, tmp_path: Path) -> None:
    with repository(tmp_path, scenario) as shop:
        shown = files("quickstart-github.md", shop.runners.endpoints)
        for name in (SUITE, WORKFLOW):
            (shop.folder / name).write_text(shown[name], encoding="utf-8")
        run = shop.run()
        run.execute("release.yml")
        assert run.outcomes["chaos"].result == ("failure" if code else "success"), shop.log
        assert run.outcomes["deploy-production"].result == ("skipped" if code else "success")
        assert shop.artifacts() == ["faultgate-report"]


@pytest.mark.parametrize(("scenario", "code"), ENDS)
def test_the_quickstart_on_gitlab_stops_a_release(scenario: str, code: int, tmp_path: Path) -> None:
    with served(scenario) as endpoints:
        shown = files("quickstart-gitlab.md", endpoints)
        shop = Project(tmp_path, endpoints, shown[PIPELINE])
        shop.repository.write(SUITE, shown[SUITE])
        ended, log = shop.run()
    assert ended == code and ("deploy to production" in re.sub(r"\$ .*", "", log)) == (not code), log
    assert shop.verdict() == ("failed" if code else "passed")


@pytest.mark.parametrize(("scenario", "code"), ENDS)
def test_the_quickstart_on_codebuild_stops_a_release(scenario: str, code: int, tmp_path: Path) -> None:
    with served(scenario) as endpoints:
        shown = files("quickstart-aws.md", endpoints)
        release = Release(tmp_path, endpoints, Buildspec(yaml.safe_load(shown[BUILDSPEC])))
        (release.project.source / SUITE).write_text(shown[SUITE], encoding="utf-8")
        build = release.run()
    assert build.code == code and ("deploy to production" in build.log) == (not code), build.log


def test_what_the_quickstarts_break_is_sound() -> None:
    subprocess.run([ROOT / ".tools" / "templates" / "bin" / "cfn-lint", "--non-zero-exit-code", "warning", STACK], check=True)
    subprocess.run([binary(), "lint", STACK], env={}, check=True, capture_output=True)
    accepts("yamllint", "--strict", "--config-file", Path(__file__).parent / "yamllint.yml", STACK)


def first_template() -> str:
    (text,) = re.findall(r"```json\n(.*?)```", (DOCS / "first-template.md").read_text(encoding="utf-8"), re.DOTALL)
    return text


def test_the_first_template_is_sound(tmp_path: Path) -> None:
    (tmp_path / "template.json").write_text(first_template(), encoding="utf-8")
    done = subprocess.run([binary(), "lint", tmp_path / "template.json"], env={}, check=True, capture_output=True, text=True)
    assert done.stdout.endswith("\n0 errors, 0 warnings, 1 note in 1 template\n")


def test_the_first_template_runs_without_an_account(tmp_path: Path) -> None:
    with served("completed") as endpoints:
        keys = {"aws_access_key_id": endpoints["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": endpoints["AWS_SECRET_ACCESS_KEY"]}
        session = boto3.Session(region_name=endpoints["AWS_REGION"], **keys)
        alarm = {"AlarmName": "shop-5xx", "Namespace": "shop", "MetricName": "errors", "Statistic": "Sum", "Period": 60}
        threshold = {"EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}
        at = endpoints["AWS_ENDPOINT_URL"]
        session.client("cloudwatch", endpoint_url=at).put_metric_alarm(**alarm, **threshold)
        made = session.client("fis", endpoint_url=at).create_experiment_template(**json.loads(first_template()))
        for command in (["check"], ["run", "--dry-run"], ["run"]):
            named = [*command, "--experiment-template-id", made["experimentTemplate"]["id"]]
            done = subprocess.run([binary(), *named], env=endpoints, cwd=tmp_path, check=False, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr


def test_the_commands_for_a_role_trust_the_pipelines_of_one_branch(tmp_path: Path) -> None:
    page = (DOCS / "aws-access.md").read_text(encoding="utf-8")
    github, gitlab, commands = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    aws = tmp_path / "aws"
    aws.write_text('#!/bin/sh\ncase $1 in sts) echo 111122223333 ;; *) printf "%s\\n" "$*" >> calls ;; esac\n', encoding="utf-8")
    aws.chmod(0o700)
    for platform, host in ((github, "token.actions.githubusercontent.com"), (gitlab, "gitlab.com")):
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
        subprocess.run(["sh", "-euc", platform + commands], cwd=tmp_path, env=environment, check=True)
        (statement,) = json.loads((tmp_path / "trust.json").read_text(encoding="utf-8"))["Statement"]
        assert statement["Principal"] == {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{host}"}
        told = statement["Condition"]["StringEquals"]
        assert set(told) == {f"{host}:aud", f"{host}:sub"} and told[f"{host}:sub"].endswith("main")
    policies = re.findall(r"--policy-document file://(\S+)", (tmp_path / "calls").read_text(encoding="utf-8"))
    assert policies and all((ROOT / policy).is_file() for policy in policies)


def test_the_messages_that_are_explained_are_those_that_are_written() -> None:
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    seen = [quoted for cell in re.findall(r"^\| (`.*?) \|", page, re.MULTILINE) for quoted in re.findall(r"`(.*?)`", cell)]
    sources = [path for top in ("src", "crates") for path in (ROOT / top).rglob("*.rs")]
    # A string may go on in the next line.
    written = re.sub(r"\\\n\s*", "", "".join(path.read_text(encoding="utf-8") for path in sources))
    parts = {part.strip("… ;?") for text in seen for part in re.split("…| [A-Z]+ | [NM] ", text)} - {""} - FOREIGN
    assert len(parts) > 15
    assert [part for part in sorted(parts) if part not in written] == []
