"""The image as the Docker executor of GitLab's runner starts it: its own entrypoint, with a shell as the command."""

from __future__ import annotations

from pathlib import Path

import pytest
from docker_world import IMAGE, docker

# What the runner looks for, in its order; the first that is there runs the script.
DETECT = """
for shell in /usr/local/bin/bash /usr/bin/bash /bin/bash /usr/local/bin/sh /usr/bin/sh /bin/sh /busybox/sh; do
  if [ -x "$shell" ]; then exec "$shell"; fi
done
echo shell not found; exit 1
"""
SCRIPT = """
set -eo pipefail
cd /builds/shop/web
printf '%s\\n' "$CI_JOB_NAME" | grep -c chaos
faultgate rehearse
echo "after: $?"
"""


def test_a_script_on_standard_input_is_run_by_the_shell_that_is_found(tmp_path: Path) -> None:
    build = ["-v", f"{tmp_path}:/builds/shop/web", "-e", "CI=true", "-e", "GITLAB_CI=true", "-e", "CI_JOB_NAME=chaos"]
    run = docker("run", "--rm", "-i", *build, IMAGE, "sh", "-c", DETECT, stdin=SCRIPT).ok()
    assert run.stdout.startswith("1\n") and "PASSED" in run.stdout
    assert run.stdout.endswith("after: 0\n")
    assert {"result.json", "junit.xml", "faultgate.env"} <= {each.name for each in (tmp_path / "faultgate-report").iterdir()}


@pytest.mark.parametrize("shell", ["sh", "bash", "/bin/sh", "/bin/bash"])
def test_every_way_to_ask_for_a_shell(shell: str) -> None:
    assert docker("run", "--rm", IMAGE, shell, "-c", 'echo "$0-$1"; exit 9', "a", "b c").stdout == "a-b c\n"
    run = docker("run", "--rm", "-i", IMAGE, shell, stdin="echo one | grep o\nexit 9\n")
    assert (run.code, run.stdout) == (9, "one\n")


def test_a_job_that_fails_its_gate_fails() -> None:
    script = "faultgate rehearse --scenario stop-condition; echo not so"
    run = docker("run", "--rm", "-i", IMAGE, "sh", stdin=f"set -e\n{script}\n")
    assert run.code == 1, run.text
    assert "not so" not in run.stdout
