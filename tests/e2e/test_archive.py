"""A release's archive, with the binary of the image, which needs no build of its own: as its user takes it, in a container
that has nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from docker_world import IMAGE, docker

REHEARSE = Path(__file__).resolve().parents[2] / ".github" / "release" / "rehearse.sh"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """The binary of the image."""
    container = docker("create", IMAGE).ok().stdout.strip()
    docker("cp", f"{container}:/usr/local/bin/faultgate", str(tmp_path)).ok()
    docker("rm", container).ok()
    return tmp_path / "faultgate"


def test_a_release_is_rehearsed_from_its_archive(built: Path, tmp_path: Path) -> None:
    command = [REHEARSE, built, "x86_64-unknown-linux-gnu", tmp_path / "archives", "container"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ".tar.gz: OK" in ended.stdout and "PASSED" in ended.stdout
