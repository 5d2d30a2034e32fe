"""The binary under test as a process: started with a clean environment, watched line by line, read at its end."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
ACCOUNT = "123456789012"
# What a busy machine may need; nothing waits this long unless it fails.
PATIENCE = 30.0
# All that the binary inherits: no CI, AWS, FAULTGATE, INPUT, GITHUB, GITLAB or proxy variable.
INHERITED = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LLVM_PROFILE_FILE", "RUST_BACKTRACE")
# Of this process too: boto3 reads them.
SCRUBBED = ("AWS_", "BOTO", "FAULTGATE_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def binary() -> Path:
    """The binary under test; a relative path counts from the repository's root."""
    path = ROOT / os.environ.get("FAULTGATE_BIN", "target/debug/faultgate")
    assert path.is_file(), f"{path} is missing: run cargo build, or set FAULTGATE_BIN"
    return path


def scrub_own_environment() -> None:
    """Nothing of the machine's AWS set-up or proxies reaches boto3."""
    for name in list(os.environ):
        if name.upper().startswith(SCRUBBED) and name != "FAULTGATE_BIN":
            del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull


def aws(
    service: str,
    endpoint: str,
    *,
    attempts: int = 1,
    region: str = REGION,
    keys: tuple[str, str, str | None] = ("test", "test", None),
    **settings: Any,
) -> Any:
    """A boto3 client that only talks to this endpoint; `attempts` above 1 lets botocore retry."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        aws_session_token=keys[2],
        config=Config(retries={"total_max_attempts": attempts, "mode": "standard"}, read_timeout=60, **settings),
    )


def eventually(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """The condition's first true value. Only for facts that nothing announces."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"never came true in {seconds:.0f} s: {what}"
        threading.Event().wait(0.02)


class Process:
    """A running faultgate. Its output is read all the time, so that it never blocks on a full pipe."""

    def __init__(self, args: list[str], home: Path, variables: dict[str, str]) -> None:
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment |= {"HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true"} | variables
        self.command = shlex.join(["faultgate", *args])
        self.popen = subprocess.Popen(
            [binary(), *args],
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._changed = threading.Condition()
        self._lines: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._open = 2
        for name in self._lines:
            threading.Thread(target=self._read, args=(name,), daemon=True).start()

    def _read(self, name: str) -> None:
        for line in getattr(self.popen, name):
            with self._changed:
                self._lines[name].append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    @property
    def stdout(self) -> str:
        return "\n".join(self._lines["stdout"])

    @property
    def stderr(self) -> str:
        return "\n".join(self._lines["stderr"])

    def transcript(self) -> str:
        """For the messages of assertions."""
        return f"$ {self.command}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"

    def wait_for_line(self, part: str) -> str:
        """The first line of standard output that holds this text."""

        def found() -> str | None:
            return next((line for line in self._lines["stdout"] if part in line), None)

        with self._changed:
            self._changed.wait_for(lambda: found() or self._open == 0, PATIENCE)
            line = found()
        assert line, f"no line with {part!r}\n{self.transcript()}"
        return line

    def send(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def wait(self) -> int:
        """The exit code, once all output is read."""
        try:
            code = self.popen.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it does not end\n{self.transcript()}") from None
        with self._changed:
            assert self._changed.wait_for(lambda: self._open == 0, PATIENCE)
        return code

    def kill(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


@dataclass(frozen=True)
class Ended:
    """What a run has left: its exit code and result.json."""

    code: int
    result: dict[str, Any]
    process: Process

    @property
    def gate(self) -> dict[str, Any]:
        return self.result["gate"]

    @property
    def experiment(self) -> dict[str, Any]:
        (only,) = self.result["experiments"]
        return only

    def transitions(self) -> list[tuple[str, str]]:
        return [(each["raw_state"], each["source"]) for each in self.experiment["transitions"]]

    def expect(self, code: int, verdict: str) -> Ended:
        """Exit code, verdict and what result.json says of them agree."""
        told = (self.code, self.gate["verdict"], self.gate["exit_code"])
        assert told == (code, verdict, code), f"{told}: {self.gate['reasons']}\n{self.process.transcript()}"
        return self


class Faultgate:
    """Starts the binary against an endpoint, in a directory of the test's own."""

    def __init__(self, home: Path, endpoint: str | None = None) -> None:
        self.home = home
        self.variables = {}
        if endpoint:
            self.variables = {
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_REGION": REGION,
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
            }
        self._started: list[Process] = []

    def start(self, *args: str, **variables: str) -> Process:
        process = Process(list(args), self.home, self.variables | variables)
        self._started.append(process)
        return process

    def run(self, *args: str, **variables: str) -> Process:
        """`faultgate run`, with the reports in the test's directory."""
        return self.start("run", "--report-dir", str(self.home / "report"), *args, **variables)

    def rehearse(self, scenario: str, **variables: str) -> Process:
        """`faultgate rehearse`, with the reports in the test's directory."""
        report = str(self.home / "report")
        return self.start("rehearse", "--scenario", scenario, "--report-dir", report, **variables)

    def ended(self, process: Process) -> Ended:
        code = process.wait()
        path = self.home / "report" / "result.json"
        assert path.is_file(), f"no result.json\n{process.transcript()}"
        return Ended(code, json.loads(path.read_text(encoding="utf-8")), process)

    def close(self) -> None:
        for process in self._started:
            process.kill()
