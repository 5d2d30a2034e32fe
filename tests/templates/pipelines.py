"""What the tests of the templates share: endpoints to run against, and a `faultgate` on the path that records how it is
called."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "ci-templates"
TEMPLATE_ID = "EXTrehearsal"
# What a busy machine may need; nothing waits this long unless it fails.
PATIENCE = 60.0
REPORTS = {"result.json", "summary.md", "report.html", "junit.xml", "faultgate.env", "annotations.json"}


def binary() -> Path:
    """The binary under test; a relative path counts from the repository's root."""
    path = ROOT / os.environ.get("FAULTGATE_BIN", "target/debug/faultgate")
    assert path.is_file(), f"{path} is missing: run cargo build, or set FAULTGATE_BIN"
    return path


@cache
def knows(command: str, option: str) -> bool:
    """Whether the binary under test has such an option of a command."""
    told = subprocess.run([binary(), command, "--help"], env={}, capture_output=True, text=True, check=False, timeout=PATIENCE)
    return told.returncode == 0 and option in told.stdout


def plans() -> bool:
    """Whether the binary under test plans, and merges by a plan; true where there is none, so that its tests say so."""
    try:
        binary()
    except AssertionError:
        return True
    return knows("plan", "--save") and knows("report", "--plan")


@contextmanager
def served(scenario: str, *options: str) -> Iterator[dict[str, str]]:
    """Embedded endpoints that play a scenario, as the variables that lead a client to them."""
    process = subprocess.Popen(
        [binary(), "rehearse", "--serve", "--scenario", scenario, *options],
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("export "), f"no endpoints: {line!r}"
        yield dict(word.split("=", 1) for word in shlex.split(line)[1:])
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextmanager
def forge() -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """An API of GitHub's that takes every status: its address, and what it was told, by path and authorization."""
    told: list[tuple[str, str | None]] = []

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            told.append((self.path, self.headers["Authorization"]))
            self.send_response(201)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "8")
            self.end_headers()
            self.wfile.write(b'{"id":1}')

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", told
    finally:
        server.shutdown()


class Machine:
    """A machine with `faultgate` on its path, and nothing of the environment of this one."""

    def __init__(self, home: Path, endpoints: dict[str, str]) -> None:
        self.calls, self.pids = home / "calls", home / "pids"
        commands = home / "bin"
        commands.mkdir()
        self._commands = commands
        # The process keeps its id when it becomes faultgate.
        self._install(f'exec {shlex.quote(str(binary()))} "$@"\n')
        self.environment = {
            "PATH": f"{commands}:{os.environ['PATH']}",
            "HOME": str(home),
            "AWS_EC2_METADATA_DISABLED": "true",
            **endpoints,
        }

    def _install(self, goes_on: str) -> None:
        self.command(
            "faultgate",
            f'printf \'%s\\n\' "${{*:-run}}" >> {shlex.quote(str(self.calls))}\n'
            f'echo "$$" >> {shlex.quote(str(self.pids))}\n{goes_on}',
        )

    def command(self, name: str, script: str) -> None:
        """A command on the path."""
        path = self._commands / name
        path.write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
        path.chmod(0o755)

    def fail_before(self) -> None:
        """As if the runner had failed: faultgate never begins."""
        self._install("exit 1\n")

    def fail_after(self, call: str) -> None:
        """As if an upload had failed: faultgate has done its work, and the job fails."""
        self._install(f'{shlex.quote(str(binary()))} "$@"\n[ "${{*:-run}}" != {call} ] || exit 1\n')

    def instead_of(self, call: str, script: str) -> None:
        """What happens at a call instead of it."""
        exec_it = f'exec {shlex.quote(str(binary()))} "$@"'
        self._install(f'if [ "${{*:-run}}" = {call} ]; then {script}; fi\n{exec_it}\n')

    def called(self) -> list[str]:
        """How faultgate was called, in order; without arguments it runs."""
        return self.calls.read_text(encoding="utf-8").splitlines() if self.calls.exists() else []

    def first_pid(self) -> int:
        return int(self.pids.read_text(encoding="utf-8").split()[0])


def dotenv(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[A-Z0-9_]+=\S*", line) for line in lines), lines
    return dict(line.split("=", 1) for line in lines)
