"""What `faultgate init` writes is clean under the linters of others, and a terminal is asked."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from pathlib import Path

import pytest
import yaml
from pipelines import PATIENCE, ROOT, binary

LINTERS = ROOT / os.environ.get("LINTERS", ".tools/lint/bin")
HERE = Path(__file__).parent
PLATFORMS = ["github", "gitlab", "codebuild", "codepipeline"]
FLAGS = {
    "fis": ["--experiment-template-id", "EXT1a2b3c4d5e6f7", "--aws-region", "eu-west-1"],
    "harness": ["--harness-experiment-id", "d7c9d243-0219-4f7c", "--harness-project-id", "shop"],
    "litmus": [
        *("--litmus-url", "https://litmus.example.com"),
        *("--litmus-project-id", "shop", "--litmus-experiment-id", "pod-kill"),
    ],
    "command": ["--run", "docker pause cache", "--stop", "docker unpause cache"],
}
ROLE = "arn:aws:iam::111122223333:role/chaos"
PROBE = "https://staging.example.com/health"


def accepts(tool: str, *arguments: str | Path) -> None:
    done = subprocess.run([LINTERS / tool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{tool} {arguments}\n{done.stdout}{done.stderr}"


def lint(file: Path) -> None:
    """By the linters that a template of its kind is held against."""
    match file.name:
        case "chaos.yml":
            accepts("check-jsonschema", "--builtin-schema", "vendor.github-workflows", file)
            accepts("actionlint", "-shellcheck", LINTERS / "shellcheck", "-pyflakes=", file)
            accepts("zizmor", "--offline", "--no-progress", "--quiet", "--config", HERE / "zizmor.yml", file)
        case ".gitlab-ci.yml" | "chaos.gitlab-ci.yml":
            schema = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
            accepts("check-jsonschema", *schema, file)
        case "buildspec.chaos.yml":
            accepts("check-jsonschema", "--schemafile", HERE / "buildspec.schema.json", file)
        case ".faultgate.yml":
            accepts("check-jsonschema", "--schemafile", ROOT / "docs" / "suite.schema.json", file)
        case "faultgate-policy.yml":
            accepts("check-jsonschema", "--schemafile", ROOT / "docs" / "policy.schema.json", file)
        case other:
            raise AssertionError(f"no linter of {other}")
    accepts("yamllint", "--strict", "--config-file", HERE / "yamllint.yml", file)


def call(home: Path, steps: str) -> None:
    """A workflow that calls the written one as the steps say is one."""
    caller = steps.split("(here deploy): `")[1].split("`")[0]
    deploy = "deploy: { runs-on: ubuntu-24.04, steps: [{ run: 'true' }] }"
    workflow = home / ".github" / "workflows" / "deploy.yml"
    workflow.write_text(f"on: {{ push: {{ branches: [trunk] }} }}\njobs:\n  {deploy}\n  {caller}\n")
    # By this it knows the top of the repository, and so the workflow that is called.
    (home / ".git").mkdir()
    accepts("actionlint", "-shellcheck", LINTERS / "shellcheck", "-pyflakes=", workflow)
    (home / ".git").rmdir()
    workflow.unlink()


@pytest.mark.parametrize("engine", FLAGS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_linters_are_content(platform: str, engine: str, tmp_path: Path) -> None:
    for folder, optional in (("all", True), ("needed", False)):
        home = tmp_path / folder
        home.mkdir()
        flags = [*FLAGS[engine], *(["--probe-url", PROBE] if optional else [])]
        if engine == "command" and not optional:
            flags += ["--injected", "1 container paused"]
        if engine == "fis" and (optional or platform in ("github", "gitlab")):
            flags += ["--aws-role-arn", ROLE]
        command = [binary(), "init", "--dir", home, "--platform", platform, "--engine", engine, *flags]
        environment = {"PATH": os.environ["PATH"]}
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        if platform == "github":
            call(home, done.stdout)
        files = [path for path in home.rglob("*") if path.is_file()]
        assert len(files) >= 3
        for file in files:
            lint(file)


def test_linters_find_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "faultgate-policy.yml").write_text("version: 1\nalow: {}\n")
    with pytest.raises(AssertionError, match="alow"):
        lint(tmp_path / "faultgate-policy.yml")


class Terminal:
    """A session of `faultgate init` at a terminal."""

    def __init__(self, home: Path, *flags: str) -> None:
        self.side, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [binary(), "init", *flags],
            cwd=home,
            env={"PATH": os.environ["PATH"]},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def until(self, words: str | None) -> str:
        """What is shown until these words end it, or until all is closed."""
        before = len(self.shown)
        while words is None or words not in self.shown[before:]:
            assert select.select([self.side], [], [], PATIENCE)[0], f"nothing follows:\n{self.shown}"
            try:
                more = os.read(self.side, 4096)
            except OSError:  # Linux: the other side is closed
                more = b""
            if not more:
                assert words is None, f"{words!r} is not in:\n{self.shown}"
                break
            self.shown += more.decode()
        return self.shown[before:].replace("\r\n", "\n")

    def answer(self, question: str, text: str) -> None:
        self.until(question)
        os.write(self.side, f"{text}\n".encode())

    def ended(self) -> tuple[int, str]:
        rest = self.until(None)
        os.close(self.side)
        return self.process.wait(PATIENCE), rest


def test_a_terminal_is_asked(tmp_path: Path) -> None:
    (tmp_path / ".github").mkdir()
    terminal = Terminal(tmp_path)
    terminal.answer("codepipeline) [github]: ", "")
    terminal.answer("[fis]: ", "")
    terminal.answer("(such as EXT1a2b3c4d5e6f7): ", "")
    terminal.answer("An answer is needed.", "EXT${HOME}")
    terminal.answer("which may be code", "EXT9")
    terminal.answer("AWS Region of the experiments (such as eu-west-1): ", "eu-west-1a")
    terminal.answer("write eu-west-1", "eu-west-1")
    terminal.answer("ARN of the role that the job assumes (docs/aws-access.md says how to make it): ", ROLE)
    terminal.answer("[none]: ", "")
    code, rest = terminal.ended()
    assert (code, "wrote .github/workflows/chaos.yml" in rest) == (0, True), terminal.shown
    suite = yaml.safe_load((tmp_path / ".faultgate.yml").read_text())
    fis = {"template": "EXT9", "region": "eu-west-1", "role-arn": ROLE}
    assert suite["experiments"] == [{"name": "first-experiment", "fis": fis}]


def test_flags_are_not_asked_for_and_a_closed_input_is_no_answer(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "--platform", "codebuild", "--engine", "command")
    terminal.until("docker pause cache): ")
    os.write(terminal.side, b"\x04")
    code, rest = terminal.ended()
    assert (code, "run: is missing, and nobody answered" in rest) == (2, True), terminal.shown
    assert list(tmp_path.iterdir()) == []


def test_a_bad_flag_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    code, rest = Terminal(tmp_path, "--aws-region", "moon").ended()
    assert (code, "moon" in rest, "Platform of the pipeline" in rest) == (2, True, False), rest
