"""What an execution of a gate may ask for, and what it is refused for."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fis import TEMPLATE
from gate import ROLE, World
from stacks import ACCOUNT, REGION, load
from test_container import CodeBuild
from test_container import end as run_build

# What an execution may be given, and why it is refused.
BAD_INPUTS = [
    ("EXT1a2b3c4d5e6f7", "the input is no JSON object"),
    ([], "the input is no JSON object"),
    (7, "the input is no JSON object"),
    ({"Template": TEMPLATE}, "Template is not known, known are ExperimentTemplateId, Region"),
    ({"ExperimentTemplateId": ""}, 'ExperimentTemplateId must be an id such as EXT1a2b3c4d5e6f7, not ""'),
    ({"ExperimentTemplateId": "EXP1a2b3c4d5e6f7"}, 'not "EXP1a2b3c4d5e6f7"'),
    ({"ExperimentTemplateId": "#{Variables.Id}"}, 'not "#{Variables.Id}"'),
    ({"ExperimentTemplateId": f"{TEMPLATE}\nx"}, "must be an id"),
    ({"ExperimentTemplateId": None}, "ExperimentTemplateId is no text"),
    ({"ExperimentTemplateId": [TEMPLATE]}, "ExperimentTemplateId is no text"),
    ({"ExperimentTemplateId": "EXTforbidden"}, "may not run EXTforbidden, add it to its OtherTemplates"),
    ({"ExperimentTemplateId": "*"}, "must be an id"),
    ({"Region": "mars-north-1"}, f'Region must be {REGION}, not "mars-north-1"'),
    ({"Region": ""}, "Region must be"),
    ({"Region": None}, "Region must be"),
    ({"Region": ["a", "b"]}, "Region must be"),
    ({"RoleArn": "arn:aws:iam::111122223333:role/admin"}, 'may not assume "arn:aws:iam::111122223333:role/admin"'),
    ({"RoleArn": ""}, "may not assume"),
    ({"RoleArn": None}, "may not assume"),
    ({"ExpectedResilienceScore": "95"}, 'ExpectedResilienceScore must be a number, not "95"'),
    ({"ExpectedResilienceScore": None}, "ExpectedResilienceScore must be a number"),
    ({"ExpectedResilienceScore": 100.5}, "ExpectedResilienceScore must be 0 to 100, not 100.5"),
    ({"ExpectedResilienceScore": -1}, "ExpectedResilienceScore must be 0 to 100, not -1"),
    ({"TimeoutMinutes": 0}, "TimeoutMinutes must be a whole number from 1 to 720, not 0"),
    ({"TimeoutMinutes": -5}, "from 1 to 720, not -5"),
    ({"TimeoutMinutes": 721}, "from 1 to 720, not 721"),
    ({"TimeoutMinutes": 1.5}, "from 1 to 720, not 1.5"),
    ({"TimeoutMinutes": "30m"}, 'TimeoutMinutes must be a number, not "30m"'),
    ({"TimeoutMinutes": True}, "TimeoutMinutes must be a number"),
    ({"Repository": 1}, "Repository is no text"),
    ({"Commit": None}, "Commit is no text"),
]


def test_an_execution_says_what_to_run_and_how(world: World) -> None:
    role = f"arn:aws:iam::{ACCOUNT}:role/other"
    asked = {"ExperimentTemplateId": "EXTother", "Region": REGION, "RoleArn": role, "ExpectedResilienceScore": 62.5,
             "TimeoutMinutes": 7, "Repository": "octo/shop", "Commit": "9fceb02d"}  # fmt: skip
    execution = world.gate(asked=asked, ExperimentTemplateId="", Roles=f"{ROLE},{role}")
    id = world.started()
    world.token_is_kept()
    world.fis.become(id, "completed")
    world.announce(id)
    ended = world.running.end(execution)
    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    assert (output["ExperimentTemplateId"], output["ExpectedResilienceScore"]) == ("EXTother", 62.5)
    assert world.fis.experiments[id]["experimentTemplateId"] == "EXTother"
    assert world.running.roles["fis"] == {role}


def test_a_stack_for_all_templates_runs_each(world: World) -> None:
    world.fis.refuses["StartExperiment"] = "seen"
    ended = world.running.end(world.gate(asked={"ExperimentTemplateId": "EXTany"}, Templates=",*"))
    assert ended["cause"].startswith("no experiment was started from EXTany: Fis.ValidationException: seen")
    assert world.running.roles["fis"] == {ROLE}


@pytest.mark.parametrize(("asked", "cause"), BAD_INPUTS)
def test_bad_input_starts_nothing_and_says_why(world: World, asked: Any, cause: str) -> None:
    ended = world.running.end(world.gate(asked=asked))
    assert (ended["status"], ended["error"]) == ("FAILED", "InputRefused")
    assert cause in ended["cause"]
    assert world.fis.calls == {}


def test_without_a_template_nothing_is_started(world: World) -> None:
    ended = world.running.end(world.gate(ExperimentTemplateId=""))
    assert ended["cause"] == "ExperimentTemplateId is missing, and the stack has none (nothing was started)"


def test_all_mistakes_are_told_at_once(world: World) -> None:
    asked = {"ExperimentTemplateId": "", "ExpectedResilienceScore": -1, "TimeoutMinutes": 0, "Timeout": 1}
    cause = world.running.end(world.gate(asked=asked))["cause"]
    assert len(cause.split("; ")) == 4, cause


def test_both_shapes_read_their_input_alike() -> None:
    machines = [load(f"step-functions/{name}.yml")["Resources"]["Gate"]["Properties"] for name in ("container", "no-container")]
    one, other = ([each["Definition"]["States"][name] for name in ("ReadInput", "FindMistakes", "InputRefused")]
                  for each in machines)  # fmt: skip
    assert one == other


# The input is read by the same states as without a container, where each mistake is tried.
@pytest.mark.parametrize(("asked", "cause"), BAD_INPUTS[::6])
def test_bad_input_starts_no_build_and_says_why(asked: Any, cause: str) -> None:
    build = CodeBuild("SUCCEEDED", {"VERDICT": "passed"})
    ended = run_build(build, asked)
    assert (ended["status"], ended["error"]) == ("FAILED", "InputRefused")
    assert cause in ended["cause"]
    assert build.asked == {}
