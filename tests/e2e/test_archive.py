"""A release's archive, with the binary of the image, which needs no build of its own: as its user takes it, in a container
that has nothing else."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
from docker_world import IMAGE, docker

REHEARSE = Path(__file__).resolve().parents[2] / ".github" / "release" / "rehearse.sh"
# Until the first line of a rehearsal, from the start of the downloaded binary on.
FIRST_LINE_SECONDS = 3.0


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


def test_a_downloaded_binary_soon_tells_something(built: Path, tmp_path: Path) -> None:
    begun = time.perf_counter()
    with subprocess.Popen([built, "rehearse"], cwd=tmp_path, env={}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as run:
        assert run.stdout
        line = run.stdout.readline()
        took = time.perf_counter() - begun
        assert b"PASSED" in run.stdout.read() and run.wait() == 0
    assert line.strip() and took < FIRST_LINE_SECONDS, f"{took:.1f} s"
