"""The image as the Docker executor of GitLab's runner starts it: its own entrypoint, with a shell as the command."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from docker_world import IMAGE, Account, Container, docker
from github import TEMPLATE

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


# A job's script runs in a pipe, so that its shell is not process 1.
JOB = ": | eval 'set -eo pipefail; cd /builds/shop/web; exec faultgate'\nexit 0\n"
# How the runner cancels: every process but the first and this shell, the youngest first.
CANCEL = """
for one in $(ls -rvd /proc/[0-9]*); do
  pid=${one#/proc/}
  if [ "$pid" != 1 ] && [ "$pid" != $$ ]; then kill -TERM "$pid" 2> /dev/null || true; fi
done
"""


def test_a_job_that_the_runner_cancels_stops_its_experiment_in_time(
    tmp_path: Path, account: Callable[..., Account]
) -> None:
    shop = account("--fault", "10m")
    variables = shop.variables() | shop.keys() | {"CI": "true", "GITLAB_CI": "true"}
    variables["FAULTGATE_EXPERIMENT_TEMPLATE_ID"] = TEMPLATE
    args = [part for pair in variables.items() for part in ("--env", "=".join(pair))]
    args += ["--rm", "--interactive", "--network", shop.network, "--volume", f"{tmp_path}:/builds/shop/web"]
    job = Container([*args, IMAGE, "sh", "-c", DETECT], stdin=JOB)
    job.until("running")
    begun = time.monotonic()
    docker("exec", job.name, "sh", "-c", CANCEL)
    job.wait()
    seconds = time.monotonic() - begun
    assert seconds < 7, f"{seconds:.1f} s\n{job.text}"
    assert "CANCELLED" in job.text and shop.states() == ["stopped"], job.text
    shop.assert_nothing_is_left()
