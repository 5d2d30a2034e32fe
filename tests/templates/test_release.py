"""The scripts of the release workflow, with a stand-in for GitHub's command line."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from pipelines import ROOT

SCRIPTS = ROOT / ".github" / "release"
IMAGE = "ghcr.io/faultgate/faultgate"
DIGEST = f"sha256:{'0a' * 32}"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
GH = """#!/bin/sh
for word in "$@"; do printf '%s\\n' "$word"; done >> calls
echo -- >> calls
case "$*" in
*matching-refs*) cat tags ;;
*graphql*) echo c0ffee ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the scripts read, and `gh`."""
    shutil.copytree(SCRIPTS, tmp_path / ".github" / "release")
    shutil.copy(ROOT / "action.yml", tmp_path)
    changelog = "# Changelog\n\n## [Unreleased]\n\n## [0.1.0]\n\n- This.\n\n## [0.0.9]\n\n- That.\n"
    (tmp_path / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
    (tmp_path / "Cargo.toml").write_text('[package]\nname = "faultgate"\nversion = "0.1.0"\n', encoding="utf-8")
    (tmp_path / "Cargo.lock").write_text('version = 4\n\n[[package]]\nname = "faultgate"\nversion = "0.1.0"\n')
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "lib.rs").touch()
    (tmp_path / "tags").touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gh").write_text(GH, encoding="utf-8")
    (tmp_path / "bin" / "gh").chmod(0o755)
    return tmp_path


def run(script: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    given = {"GITHUB_REPOSITORY": "faultgate/faultgate", "GITHUB_SHA": "beef", "IMAGE": IMAGE, "DIGEST": DIGEST}
    environment = os.environ | given | {"VERSION": "0.1.0", "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    command = [folder / ".github" / "release" / script, *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def calls(folder: Path) -> list[list[str]]:
    text = (folder / "calls").read_text(encoding="utf-8")
    return [call.splitlines() for call in text.split("--\n") if call]


def test_the_version_is_cargos(checkout: Path) -> None:
    ended = run("version.sh", checkout)
    assert ended.returncode == 0, ended.stderr
    told = dict(line.split("=") for line in ended.stdout.splitlines())
    assert (told["version"], told["minor"]) == ("0.1.0", "0.1") and told["created"].endswith("Z")


def test_a_version_is_released_once(checkout: Path) -> None:
    (checkout / "tags").write_text("refs/tags/v0.1.0\n", encoding="utf-8")
    ended = run("version.sh", checkout)
    assert ended.returncode == 1 and ended.stdout == "" and "already" in ended.stderr
    # Of another version that begins alike.
    (checkout / "tags").write_text("refs/tags/v0.1.0-rc.1\n", encoding="utf-8")
    assert run("version.sh", checkout).returncode == 0


def test_a_version_without_a_changelog_is_not_released(checkout: Path) -> None:
    (checkout / "CHANGELOG.md").write_text("## [Unreleased]\n", encoding="utf-8")
    ended = run("version.sh", checkout)
    assert ended.returncode == 1 and ended.stdout == ""


@pytest.mark.parametrize("image", [f"{IMAGE}:0.1", f"{IMAGE}@sha256:beef", f"{IMAGE}@{DIGEST}\n  env:", "$(x)"])
def test_no_image_is_pinned_but_by_digest(checkout: Path, image: str) -> None:
    ended = run("pin.sh", checkout, image)
    assert ended.returncode == 1 and ended.stdout == ""


def test_a_release_pins_the_image_and_changes_nothing_else(checkout: Path) -> None:
    ended = run("pin.sh", checkout, f"{IMAGE}@{DIGEST}")
    assert ended.returncode == 0, ended.stderr
    expected = ACTION | {"runs": ACTION["runs"] | {"image": f"docker://{IMAGE}@{DIGEST}"}}
    assert yaml.safe_load(ended.stdout) == expected
    assert len(ended.stdout) - len((ROOT / "action.yml").read_text()) == len(f"docker://{IMAGE}@{DIGEST}") - len("Dockerfile")


def test_the_tag_is_set_on_the_pinned_commit_and_then_released(checkout: Path) -> None:
    ended = run("publish.sh", checkout)
    assert ended.returncode == 0, ended.stderr
    branch, commit, tag, release = calls(checkout)
    assert "ref=refs/heads/releases/v0.1.0" in branch and "sha=beef" in branch
    (pinned,) = [word.removeprefix("pinned=") for word in commit if word.startswith("pinned=")]
    assert f"docker://{IMAGE}@{DIGEST}" in base64.b64decode(pinned).decode()
    assert "head=beef" in commit
    assert "ref=refs/tags/v0.1.0" in tag and "sha=c0ffee" in tag
    assert release[:3] == ["release", "create", "v0.1.0"] and "--verify-tag" in release
    notes = (checkout / "notes.md").read_text(encoding="utf-8")
    assert "This." in notes and "That." not in notes and DIGEST in notes
