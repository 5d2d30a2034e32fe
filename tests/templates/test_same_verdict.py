"""The gate without a container and the binary, before the same FIS: one passes where the other does."""

from __future__ import annotations

import re
import subprocess

import boto3
import pytest
from fis import Fis
from gate import World
from interpreter import interpreter
from pipelines import TEMPLATE_ID, binary, served

# What the gate cannot see: it has no probes.
PROBED = {"degraded", "not-recovered", "waits", "probe-aborts", "alarm-by-event"}
# Nor has it a policy, which these scenarios bring along.
GUARDED = {"refused", "too-many-targets", "grows-after-preview", "busy-account", "never-alone"}
ERRORS = {
    "stop-condition": "ExperimentStopped",
    "failed": "ExperimentFailed",
    "cancelled": "ExperimentCancelled",
    "safety-lever": "ExperimentStopped",
    "nothing-injected": "NothingInjected",
    "recovery-only": "NothingInjected",
    "never-ends": "TimedOut",
    "denied": "NotStarted",
}


def scenarios() -> list[tuple[str, str]]:
    """Each scenario of the rehearsal, and the binary's verdict on it."""
    said = subprocess.run([binary(), "rehearse", "--help"], capture_output=True, text=True, check=True).stdout
    told = re.findall(r"^  ([a-z-]+) +(passed|failed|errored|timed-out) ", said.partition("Scenarios:")[2], re.MULTILINE)
    assert {"completed", "recovery-only", "partly-injected", "nothing-injected"} <= {name for name, _ in told}
    return [each for each in told if each[0] not in PROBED | GUARDED]


@pytest.mark.parametrize(("scenario", "verdict"), scenarios())
def test_the_gate_passes_what_the_binary_passes(scenario: str, verdict: str) -> None:
    with served(scenario) as endpoints, interpreter() as running:
        client = boto3.client("fis", endpoints["AWS_REGION"], endpoint_url=endpoints["AWS_ENDPOINT_URL"])
        running.fakes["fis"] = client
        # Nobody announces anything here: it asks.
        gate = World(running, Fis()).gate(
            timeout_seconds=3 if verdict == "timed-out" else 60, reconcile_seconds=1, asked={"ExperimentTemplateId": TEMPLATE_ID},
            Templates=TEMPLATE_ID,
        )  # fmt: skip
        ended = running.end(gate)
    assert (ended["status"] == "SUCCEEDED") == (verdict == "passed"), ended
    assert ended.get("error") == ERRORS.get(scenario)
