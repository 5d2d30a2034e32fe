"""Whole runs over a network that is slow, loses packets, and breaks in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from relay import relay

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / os.environ.get("FAULTGATE_BIN", "target/debug/faultgate")
NEAR, FAR = os.environ["NEAR"], os.environ["FAR"]
HOST, PORT = "10.213.7.1", 4010
DELAY = float(os.environ["RELAY_DELAY"])
TEMPLATE = "EXTrehearsal"
PATIENCE = 90.0


class Account:
    """The embedded endpoints, on this side of the cable."""

    def __init__(self, fault: str) -> None:
        self._process = subprocess.Popen(
            [BINARY, "rehearse", "--serve", "--fault", fault], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        found = re.search(r"AWS_ENDPOINT_URL=(http://127\.0\.0\.1:(\d+))", said)
        assert found, said
        self.url, port = found[1], int(found[2])
        self._loop = asyncio.new_event_loop()
        self._relaying = self._loop.create_task(relay(HOST, PORT, port, DELAY))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._relaying)
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._relaying.cancel)
        self._thread.join(10)
        self._process.terminate()
        self._process.wait(10)

    def _sqs(self, operation: str) -> Any:
        request = urllib.request.Request(
            self.url,
            data=b"{}",
            headers={
                "X-Amz-Target": f"AmazonSQS.{operation}",
                "Content-Type": "application/x-amz-json-1.0",
                "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0",
            },
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def experiments(self) -> list[dict[str, Any]]:
        request = urllib.request.Request(
            f"{self.url}/experiments",
            headers={
                "Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/fis/aws4_request, SignedHeaders=host, Signature=0"
            },
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return list(json.load(answer)["experiments"])

    def states(self) -> list[str]:
        return [experiment["state"]["status"] for experiment in self.experiments()]

    def queues(self) -> list[str]:
        return list(self._sqs("ListQueues").get("QueueUrls") or [])

    def assert_nothing_left(self) -> None:
        assert self.queues() == []
        assert set(self.states()) <= {"completed", "stopped", "failed", "cancelled"}


class Run:
    """The binary, on the other side."""

    def __init__(self, home: Path, *args: str) -> None:
        self.home = home
        variables = {
            "PATH": os.environ["PATH"],
            "AWS_ENDPOINT_URL": f"http://{HOST}:{PORT}",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "rehearsal",
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.out = home / "output"
        with self.out.open("w") as out:
            self._process = subprocess.Popen(
                ["ip", "netns", "exec", FAR, BINARY, *args], cwd=home, env=variables, stdout=out, stderr=out
            )

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def ended(self, seconds: float = PATIENCE) -> int:
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise AssertionError(f"it has not ended in {seconds} s:\n{self.out.read_text()}") from None

    def result(self) -> dict[str, Any]:
        return dict(json.loads((self.home / "faultgate-report/result.json").read_text()))

    def said(self) -> str:
        return self.out.read_text()


@pytest.fixture
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    account = Account(getattr(request, "param", "2s"))
    yield account
    link("up")
    account.stop()


def run(home: Path, *more: str) -> Run:
    return Run(home, "run", "--experiment-template-id", TEMPLATE, *more)


def link(state: str) -> None:
    subprocess.run(["ip", "-n", NEAR, "link", "set", "wire", state], check=True)


def eventually(holds: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.05)


def running(account: Account) -> None:
    eventually(lambda: "running" in account.states(), "the experiment runs")


def test_latency_and_loss_do_not_change_the_verdict(account: Account, tmp_path: Path) -> None:
    began = time.monotonic()
    process = run(tmp_path)
    assert process.ended() == 0, process.said()
    assert time.monotonic() - began > 2, "the way is not long"
    assert process.result()["gate"]["verdict"] == "passed"
    account.assert_nothing_left()


@pytest.mark.parametrize("account", ["8s"], indirect=True)
def test_a_partition_in_the_middle_is_survived(account: Account, tmp_path: Path) -> None:
    process = run(tmp_path, "--reconcile-interval", "5s")
    running(account)
    link("down")
    # The experiment ends meanwhile, and its events are put into the queue.
    time.sleep(20)
    link("up")
    assert process.ended() == 0, process.said()
    assert process.result()["gate"]["verdict"] == "passed"
    account.assert_nothing_left()


@pytest.mark.parametrize("account", ["10m"], indirect=True)
def test_a_partition_that_stays_ends_by_the_deadlines_and_names_what_is_left(
    account: Account, tmp_path: Path
) -> None:
    process = run(tmp_path, "--timeout", "3s", "--reconcile-interval", "2s")
    running(account)
    link("down")
    # A stop is asked for during two minutes, and the subscription removed during half of one.
    code = process.ended(4 * PATIENCE)
    assert code in (3, 4), process.said()
    result = process.result()
    assert result["gate"]["verdict"] != "passed"
    (experiment,) = account.experiments()
    summary = (tmp_path / "faultgate-report/summary.md").read_text()
    told = process.said() + summary
    assert experiment["state"]["status"] == "running"
    assert "aws fis stop-experiment" in told and f"--id {experiment['id']}" in told, told
    (queue,) = account.queues()
    assert "delete-queue" in told and queue.rsplit("/", 1)[1] in told, told
    # What a later step does, once the network is there.
    link("up")
    stop = Run(tmp_path, "stop")
    assert stop.ended() == 0, stop.said()
    account.assert_nothing_left()


@pytest.mark.parametrize("account", ["10m"], indirect=True)
def test_a_signal_in_a_partition_ends_the_run_in_time(account: Account, tmp_path: Path) -> None:
    process = run(tmp_path)
    running(account)
    link("down")
    began = time.monotonic()
    process.signal(signal.SIGTERM)
    assert process.ended() == 143, process.said()
    took = time.monotonic() - began
    assert took < 7, f"{took:.1f} s\n{process.said()}"
    assert process.result()["gate"]["verdict"] == "cancelled"
    told = process.said() + (tmp_path / "faultgate-report/summary.md").read_text()
    (experiment,) = account.experiments()
    assert experiment["id"] in told and "NOT confirmed" in told, told
