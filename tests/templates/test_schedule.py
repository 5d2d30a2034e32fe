"""The pipeline's experiment without a delivery: it never meets one, and holds none back for longer than it takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fis import Fis
from interpreter import interpreter, refusal
from stacks import definition, hasten, load
from test_container import CodeBuild

FILE = "codepipeline/pipeline.yml"
NAMES = {"Pipeline": "delivery", "Project": "gate", "Stage": "Staging", "Template": "EXTmine", "Url": "", "Score": "90"}


class Pipeline:
    """A pipeline's stage: who is in it, and whether it lets anybody in."""

    def __init__(self) -> None:
        self.status, self.open = "Succeeded", True
        self.did: list[str] = []
        # What enters at the last moment, before the transition is closed.
        self.enters = ""
        self.refuses = ""

    def get_pipeline_state(self, name: str) -> dict[str, Any]:
        assert name == "delivery"
        self.did.append("look")
        if self.refuses and "close" in self.did:
            raise refusal("codepipeline", "PipelineNotFoundException", self.refuses, "GetPipelineState")
        return {"stageStates": [
            {"stageName": "Build", "inboundTransitionState": {"enabled": True}},
            {"stageName": "Staging", "inboundTransitionState": {"enabled": self.open},
             "latestExecution": {"pipelineExecutionId": "1", "status": self.status}},
        ]}  # fmt: skip

    def disable_stage_transition(self, **request: str) -> dict[str, Any]:
        assert (request["stageName"], request["transitionType"]) == ("Staging", "Inbound") and request["reason"]
        self.status = self.enters or self.status
        self.did.append("close")
        self.open = False
        return {}

    def enable_stage_transition(self, **request: str) -> dict[str, Any]:
        assert (request["stageName"], request["transitionType"]) == ("Staging", "Inbound")
        self.did.append("open")
        self.open = True
        return {}


class Watched(CodeBuild):
    """Builds that see whether a delivery could come in."""

    def __init__(self, pipeline: Pipeline, status: str = "SUCCEEDED") -> None:
        super().__init__(status, {"VERDICT": "passed"})
        self.pipeline = pipeline

    def start_build(self, **request: Any) -> dict[str, Any]:
        assert not self.pipeline.open
        self.pipeline.did.append("run")
        return super().start_build(**request)


def run(pipeline: Pipeline, fis: Fis, status: str = "SUCCEEDED") -> dict[str, Any]:
    with interpreter(codepipeline=pipeline, fis=fis, codebuild=Watched(pipeline, status)) as running:
        machine = definition(load(FILE), "ScheduledExperiment", **NAMES)
        return running.run(running.create("scheduled", hasten(machine)), {})


@pytest.mark.parametrize("last", ["Succeeded", "Failed", "Stopped"])
def test_deliveries_wait_while_it_goes_on_and_come_in_again(fis: Fis, last: str) -> None:
    pipeline = Pipeline()
    pipeline.status = last
    fis.add("completed", template="EXTmine")
    fis.add("running", template="EXTother", faultgate__url="https://x/projects/gatehouse/build/1")
    ended = run(pipeline, fis)
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"]) == {"Skipped": ""}
    assert pipeline.did == ["look", "close", "look", "run", "open"]


@pytest.mark.parametrize("status", ["FAILED", "STOPPED", "FAULT", "REFUSED"])
def test_an_experiment_that_does_not_pass_lets_them_in_and_fails_visibly(fis: Fis, status: str) -> None:
    pipeline = Pipeline()
    ended = run(pipeline, fis, status)
    assert (ended["status"], ended["error"], pipeline.open) == ("FAILED", "NotPassed", True)


@pytest.mark.parametrize(("there", "enters"), [("InProgress", ""), ("Stopping", ""), ("Succeeded", "InProgress")])
def test_a_delivery_in_the_stage_is_left_alone(fis: Fis, there: str, enters: str) -> None:
    pipeline = Pipeline()
    pipeline.status, pipeline.enters = there, enters
    ended = run(pipeline, fis)
    assert json.loads(ended["output"]) == {"Skipped": "A delivery is in the stage"}
    assert pipeline.did == ["look", "close", "look", "open"]


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize("mine", [{"template": "EXTmine"}, {"faultgate__url": "https://x/projects/gate/build/gate_3A1"}])
@pytest.mark.parametrize("status", ["pending", "initiating", "running", "stopping"])
def test_an_experiment_that_goes_on_is_left_alone(fis: Fis, mine: dict[str, str], status: str, size: int) -> None:
    fis.page = size
    fis.add("completed", template="EXTmine")
    fis.add(status, **mine)
    fis.add("completed", template="EXTmine")
    pipeline = Pipeline()
    assert json.loads(run(pipeline, fis)["output"]) == {"Skipped": "An experiment is going on"}
    assert "run" not in pipeline.did and pipeline.open


def test_what_somebody_else_has_closed_stays_closed(fis: Fis) -> None:
    pipeline = Pipeline()
    pipeline.open = False
    ended = run(pipeline, fis)
    assert ended["status"] == "SUCCEEDED"
    assert (pipeline.did, pipeline.open) == (["look"], False)


@pytest.mark.parametrize("what", ["pipeline", "fis"])
def test_what_cannot_be_known_starts_nothing_and_lets_deliveries_in(fis: Fis, what: str) -> None:
    pipeline = Pipeline()
    if what == "pipeline":
        pipeline.refuses = "gone"
    else:
        fis.refuses["ListExperiments"] = "no"
    ended = run(pipeline, fis)
    assert (ended["status"], pipeline.open) == ("FAILED", True)
    assert "run" not in pipeline.did
