"""Containers as CI systems start them, and an account for them: the image's own embedded endpoints."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import PATIENCE, REGION, aws, eventually

IMAGE = os.environ.get("FAULTGATE_IMAGE", "faultgate:e2e")
BUSYBOX = os.environ.get("BUSYBOX_IMAGE", "busybox:1.37.0-musl")
HELPER = os.environ.get("HELPER_IMAGE", "faultgate-e2e-helper:latest")
PORT = 4566


def docker(*args: str, stdin: str | bytes | None = None, env: dict[str, str] | None = None) -> Ended:
    data = stdin.encode() if isinstance(stdin, str) else stdin
    run = subprocess.run(
        ["docker", *args], input=data or b"", env=os.environ | (env or {}), capture_output=True, timeout=4 * PATIENCE
    )
    return Ended(run.returncode, run.stdout.decode(errors="replace"), run.stderr.decode(errors="replace"))


@dataclass(frozen=True)
class Ended:
    code: int
    stdout: str
    stderr: str

    def ok(self) -> Ended:
        assert self.code == 0, f"exit {self.code}\n{self.stdout}\n{self.stderr}"
        return self

    @property
    def text(self) -> str:
        return self.stdout + self.stderr


class Container:
    """A `docker run` in the foreground, as CI systems keep one. Its output is read all the time."""

    def __init__(self, args: list[str], env: dict[str, str] | None = None, stdin: str = "") -> None:
        self.name = f"e2e-{uuid.uuid4().hex[:12]}"
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._open = True
        self.popen = subprocess.Popen(
            ["docker", "run", "--name", self.name, *args],
            env=os.environ | (env or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert self.popen.stdin
        self.popen.stdin.write(stdin)
        self.popen.stdin.close()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.popen.stdout
        for line in self.popen.stdout:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._open = False
            self._changed.notify_all()

    @property
    def text(self) -> str:
        return "".join(self.lines)

    def until(self, part: str) -> None:
        with self._changed:
            self._changed.wait_for(lambda: part in self.text or not self._open, PATIENCE)
        assert part in self.text, f"{part!r} does not come:\n{self.text}"

    def wait(self, seconds: float = 2 * PATIENCE) -> int:
        code = self.popen.wait(seconds)
        with self._changed:
            self._changed.wait_for(lambda: not self._open, PATIENCE)
        return code

    def cancel(self, patience: float = 7.5) -> tuple[int, float]:
        """As GitHub's runner cancels a step: only the client is signalled, by INT, and by TERM 7.5 s later. The exit
        code, and how long it took."""
        begun = time.monotonic()
        self.popen.send_signal(signal.SIGINT)
        try:
            code = self.wait(patience)
        except subprocess.TimeoutExpired:
            self.popen.send_signal(signal.SIGTERM)
            code = self.wait(2.5)
        return code, time.monotonic() - begun

    def remove(self) -> None:
        docker("rm", "--force", self.name)
        self.popen.wait(PATIENCE)


class Account:
    """An AWS account in a container: `aws` on its network, and a port for this process."""

    def __init__(self, network: str, *args: str) -> None:
        self.network = network
        self.name = f"e2e-{uuid.uuid4().hex[:12]}"
        serve = ["rehearse", "--serve", "--listen", f"0.0.0.0:{PORT}", *args]
        where = ["--network", network, "--network-alias", "aws", "--publish", f"127.0.0.1::{PORT}"]
        docker("run", "--detach", "--name", self.name, *where, IMAGE, *serve).ok()
        self.url = f"http://aws:{PORT}"
        published = docker("port", self.name, f"{PORT}/tcp").ok().stdout.split()[0]
        self.here = f"http://{published}"
        self.fis = self._client("fis", attempts=10)
        eventually(lambda: "export AWS_ENDPOINT_URL" in docker("logs", self.name).stdout, "the account serves")

    def _client(self, service: str, attempts: int = 1) -> Any:
        return aws(service, self.here, attempts=attempts)

    def variables(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}

    def keys(self) -> dict[str, str]:
        return {"AWS_ACCESS_KEY_ID": "rehearsal", "AWS_SECRET_ACCESS_KEY": "rehearsal", "AWS_SESSION_TOKEN": ""}

    def states(self) -> list[str]:
        """Of every experiment there has been."""
        return [each["state"]["status"] for each in self.fis.list_experiments()["experiments"]]

    def rules(self) -> list[str]:
        return [rule["Name"] for rule in self._client("events").list_rules()["Rules"]]

    def queues(self) -> list[str]:
        return self._client("sqs").list_queues().get("QueueUrls", [])

    def assert_nothing_is_left(self) -> None:
        assert (self.rules(), self.queues()) == ([], [])

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Nothing is answered meanwhile; connections stay."""
        docker("pause", self.name).ok()
        yield
        docker("unpause", self.name).ok()

    def remove(self) -> None:
        docker("rm", "--force", self.name)


class Network:
    def __init__(self, *args: str) -> None:
        self.name = f"e2e-{uuid.uuid4().hex[:12]}"
        docker("network", "create", *args, self.name).ok()

    @property
    def gateway(self) -> str:
        """Where this machine is, for a container of the network."""
        where = "{{ (index .IPAM.Config 0).Gateway }}"
        return docker("network", "inspect", "--format", where, self.name).ok().stdout.strip()

    def remove(self) -> None:
        docker("network", "rm", self.name)


def socket_of_the_engine() -> Path:
    host = os.environ.get("DOCKER_HOST", "")
    return Path(host.removeprefix("unix://")) if host.startswith("unix://") else Path("/var/run/docker.sock")
