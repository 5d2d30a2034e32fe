"""The interpreter of virtual.py, held against AWS's manual (each case names the rule) and against moto's interpreter."""

from __future__ import annotations

import json
from typing import Any

import pytest
from clock import Clock, Failed
from executions import Execution, Task
from fis import Fis
from fleet import S3
from interpreter import interpreter, refusal
from virtual import Machines

READER = {
    "Resource": "arn:aws:states:::s3:getObject",
    "ReaderConfig": {"InputType": "JSONL"},
    "Arguments": {"Bucket": "files", "Key": "plan.jsonl"},
}
ODD_FAIL = {
    "StartAt": "Odd",
    "States": {
        "Odd": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $states.input.n % 2 = 1 %}", "Next": "No"}],
            "Default": "Yes",
        },
        "No": {"Type": "Fail", "Error": "Odd", "Cause": "{% $string($states.input.n) %}"},
        "Yes": {"Type": "Succeed"},
    },
}


def machine(**states: Any) -> dict[str, Any]:
    return {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}


def distributed(child: dict[str, Any], **more: Any) -> dict[str, Any]:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **child}
    return machine(All={"Type": "Map", "Label": "All", "ItemProcessor": processor, "End": True, **more})


class World:
    def __init__(self, definition: dict[str, Any], **services: Any) -> None:
        self.clock, self.s3 = Clock(), S3()
        wire = {"s3:getObject": self.s3.get_object, "s3:putObject": self.s3.put_object, "s3:listObjectsV2": self.s3.list_objects_v2}
        told = {name: (lambda task, of=of: of(task, **task.arguments)) for name, of in wire.items()}
        self.machines = Machines(self.clock, told | services)
        self.machines.definitions["M"] = definition

    def run(self, given: Any = None) -> Execution:
        execution = self.machines.start("M", given)
        self.clock.run()
        return execution


def numbers(count: int) -> list[dict[str, int]]:
    return [{"n": number} for number in range(count)]


# --- Distributed Map, by the manual


def test_jsonl_each_line_is_an_item() -> None:
    world = World(distributed(machine(Same={"Type": "Succeed"}), ItemReader=READER))
    world.s3.objects["plan.jsonl"] = '{"n": 0}\n{"n": 1}\n\n'
    assert world.run().output == numbers(2)


@pytest.mark.parametrize("text", ["{]\n", None])
def test_an_item_reader_that_fails_fails_the_state(text: str | None) -> None:
    world = World(distributed(ODD_FAIL, ItemReader=READER))
    if text:
        world.s3.objects["plan.jsonl"] = text
    execution = world.run()
    assert (execution.error, world.machines.map_runs) == ("States.ItemReaderFailed", [])


def test_list_objects_reads_every_page() -> None:
    reader = {"Resource": "arn:aws:states:::s3:listObjectsV2", "Arguments": {"Bucket": "files", "Prefix": "items/"}}
    keys = {"Keys": {"Type": "Pass", "Output": "{% $states.input.Key %}", "End": True}}
    world = World(distributed(machine(**keys), ItemReader=reader))
    world.s3.objects |= {f"items/{number:04}": "" for number in range(2500)} | {"other": ""}
    assert world.run().output == [f"items/{number:04}" for number in range(2500)]


def test_item_selector_takes_from_the_item_and_from_around() -> None:
    selector = {"Value": "{% $states.context.Map.Item.Value.n %}", "Place": "{% $states.context.Map.Item.Index %}", "Run": "{% $r %}"}
    whole = distributed(machine(Same={"Type": "Succeed"}), Items="{% $states.input %}", ItemSelector=selector)
    whole["States"] = {"First": {"Type": "Pass", "Assign": {"r": 7}, "Next": "All"}} | whole["States"]
    whole["StartAt"] = "First"
    assert World(whole).run(numbers(2)).output == [{"Value": n, "Place": n, "Run": 7} for n in range(2)]


def test_a_child_does_not_see_the_variables_of_the_parent() -> None:
    whole = distributed(machine(Look={"Type": "Pass", "Output": "{% $r %}", "End": True}), Items="{% [1] %}")
    whole["States"] = {"First": {"Type": "Pass", "Assign": {"r": 7}, "Next": "All"}} | whole["States"]
    whole["StartAt"] = "First"
    world = World(whole)
    assert world.run().error == "States.ExceedToleratedFailureThreshold"
    assert world.machines.map_runs[0].children[0].error == "States.QueryEvaluationError"


def test_item_batcher_gives_items_and_batch_input() -> None:
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"run": "r"}}
    world = World(distributed(machine(Same={"Type": "Succeed"}), ItemReader=READER, ItemBatcher=batcher))
    world.s3.objects["plan.jsonl"] = "".join(json.dumps(each) + "\n" for each in numbers(3))
    assert world.run().output == [
        {"BatchInput": {"run": "r"}, "Items": numbers(2)},
        {"BatchInput": {"run": "r"}, "Items": [{"n": 2}]},
    ]


@pytest.mark.parametrize(
    ("tolerance", "status"),
    [
        ({}, "FAILED"),
        ({"ToleratedFailurePercentage": 49}, "FAILED"),
        ({"ToleratedFailurePercentage": 50}, "SUCCEEDED"),
        ({"ToleratedFailureCount": 4}, "FAILED"),
        ({"ToleratedFailureCount": 5}, "SUCCEEDED"),
        ({"ToleratedFailurePercentage": 100}, "SUCCEEDED"),
    ],
)
def test_tolerance_is_a_share_of_all_items_and_none_by_default(tolerance: dict[str, int], status: str) -> None:
    world = World(distributed(ODD_FAIL, Items="{% $states.input %}", **tolerance))
    execution = world.run(numbers(10))
    assert execution.status == world.machines.map_runs[0].status == status
    if status == "FAILED":
        assert execution.error == "States.ExceedToleratedFailureThreshold"


def test_more_failures_than_are_tolerated_abort_the_other_children() -> None:
    slow = machine(
        Odd=ODD_FAIL["States"]["Odd"] | {"Default": "Slow"}, No=ODD_FAIL["States"]["No"],
        Slow={"Type": "Wait", "Seconds": 60, "End": True},
    )  # fmt: skip
    world = World(distributed(slow, Items="{% $states.input %}"))
    assert world.run(numbers(4)).status == "FAILED"
    assert {child.status for child in world.machines.map_runs[0].children} == {"FAILED", "ABORTED"}


@pytest.mark.parametrize(("most", "seconds"), [(5, 200), ("{% 10 %}", 100), (0, 10)])
def test_so_many_children_run_at_once(most: Any, seconds: int) -> None:
    child = machine(Slow={"Type": "Wait", "Seconds": 10, "End": True})
    world = World(distributed(child, Items="{% $states.input %}", MaxConcurrency=most))
    begun = world.clock.now
    assert world.run(numbers(100)).status == "SUCCEEDED"
    assert world.clock.now - begun == seconds
    assert world.machines.map_runs[0].most_at_once == 1000 / seconds


def test_an_inline_map_runs_forty_at_once() -> None:
    processor = {"ProcessorConfig": {"Mode": "INLINE"}} | machine(Slow={"Type": "Wait", "Seconds": 10, "End": True})
    world = World(machine(All={"Type": "Map", "Items": "{% $states.input %}", "ItemProcessor": processor, "End": True}))
    begun = world.clock.now
    world.run(numbers(100))
    assert world.clock.now - begun == 30


def test_a_stopped_execution_aborts_its_map_run_and_every_child() -> None:
    inner = distributed(machine(Slow={"Type": "Wait", "Seconds": 60, "End": True}), Items="{% [1, 2] %}")
    world = World(distributed(inner, Items="{% [1, 2] %}"))
    execution = world.machines.start("M", None)
    world.clock.run(most=10)
    world.machines.stop(execution)
    world.clock.run()
    assert [execution.status, *(run.status for run in world.machines.map_runs)] == ["ABORTED"] * 4
    assert {child.status for run in world.machines.map_runs for child in run.children} == {"ABORTED"}


def test_results_of_more_than_a_payload_need_a_result_writer() -> None:
    child = machine(Long={"Type": "Pass", "Output": "{% $pad('x', 500, 'x') %}", "End": True})
    arguments = {"Bucket": "files", "Prefix": "out"}
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Arguments": arguments}
    assert World(distributed(child, Items="{% $states.input %}")).run(numbers(600)).error == "States.DataLimitExceeded"
    world = World(distributed(child, Items="{% $states.input %}", ResultWriter=writer))
    assert world.run(numbers(600)).status == "SUCCEEDED"


def test_the_result_writer_leaves_a_manifest_and_files_by_end() -> None:
    writer = {"Resource": "arn:aws:states:::s3:putObject", "Arguments": {"Bucket": "files", "Prefix": "out"}}
    world = World(distributed(ODD_FAIL, Items="{% $states.input %}", ToleratedFailurePercentage=100, ResultWriter=writer))
    output = world.run(numbers(5)).output
    manifest = json.loads(world.s3.objects[output["ResultWriterDetails"]["Key"]])
    files = {
        end: json.loads(world.s3.objects[each["Key"]]) for end, some in manifest["ResultFiles"].items() for each in some
    }
    # Inputs and outputs are texts.
    assert [json.loads(each["Output"])["n"] for each in files["SUCCEEDED"]] == [0, 2, 4]
    assert [(each["Error"], each["Cause"]) for each in files["FAILED"]] == [("Odd", "1"), ("Odd", "3")]


def test_an_iteration_may_not_assign_what_is_a_variable_around_it() -> None:
    processor = {"ProcessorConfig": {"Mode": "INLINE"}} | machine(Set={"Type": "Pass", "Assign": {"a": 1}, "End": True})
    first = {"Type": "Pass", "Assign": {"a": 0}, "Next": "All"}
    world = World(machine(First=first, All={"Type": "Map", "Items": "{% [1] %}", "ItemProcessor": processor, "End": True}))
    assert world.run().error == "States.Runtime"


# --- tasks


def test_a_task_is_retried_with_pauses_and_then_caught() -> None:
    asked: list[float] = []

    def refuses(task: Task) -> Any:
        asked.append(world.clock.now)
        raise Failed("Fis.ThrottlingException", "slowly")

    retry = [
        {"ErrorEquals": ["Other"], "MaxAttempts": 9},
        {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 2, "MaxAttempts": 3, "BackoffRate": 2, "MaxDelaySeconds": 5},
    ]
    caught = {"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Error %}", "Next": "End"}
    task = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:fis:getExperiment", "Retry": retry, "Catch": [caught], "End": True}
    world = World(machine(Ask=task, End={"Type": "Succeed"}), **{"fis:getExperiment": refuses})
    assert world.run().output == "Fis.ThrottlingException"
    assert [asked[i + 1] - asked[i] for i in range(3)] == [2, 4, 5]


def test_a_task_that_takes_too_long_fails_and_is_ended() -> None:
    ended: list[str] = []

    def endless(task: Task) -> Any:
        try:
            yield None, 1000
        finally:
            ended.append("stopped")

    task = {"Type": "Task", "Resource": "arn:aws:states:::codebuild:startBuild.sync", "TimeoutSeconds": 10, "End": True}
    world = World(machine(Build=task), **{"codebuild:startBuild.sync": endless})
    assert (world.run().error, ended) == ("States.Timeout", ["stopped"])


@pytest.mark.parametrize("expression", ["$nothing.at.all", "1 + 'x'", "$unknown()"])
def test_an_expression_of_which_nothing_comes_fails_the_state(expression: str) -> None:
    bad = {"Type": "Pass", "Output": f"{{% {expression} %}}", "End": True}
    assert World(machine(Bad=bad)).run().error == "States.QueryEvaluationError"


# --- moto's interpreter, on what both know

PASS = {"Type": "Pass", "Assign": {"a": "{% $states.input.n + 1 %}", "b": None}, "Output": {"was": "{% $states.input.n %}"}}
STEPS = machine(
    Set={"Type": "Pass", "Assign": {"c": "{% $a + $states.input %}"}, "Next": "Tell"},
    Tell={"Type": "Pass", "Output": "{% [$c, $states.context.Map.Item.Index] %}", "End": True},
)
INNER = {key: value for key, value in STEPS.items() if key != "QueryLanguage"}
LOOK = {
    "Type": "Task",
    "Resource": "arn:aws:states:::aws-sdk:fis:getExperiment",
    "Arguments": {"Id": "EXP1"},
    "Credentials": {"RoleArn": "arn:aws:iam::123456789012:role/other"},
    "Catch": [{"ErrorEquals": ["Fis.ResourceNotFoundException"], "Assign": {"why": "{% $states.errorOutput.Error %}"}, "Next": "Why"}],
    "End": True,
}
SAME = [
    machine(First=PASS | {"Next": "Then"}, Then={"Type": "Pass", "Output": "{% [$a, $b, $states.input] %}", "End": True}),
    machine(
        Which={"Type": "Choice", "Choices": [{"Condition": "{% $states.input.n = 2 %}", "Assign": {"x": 1}, "Next": "Yes"}], "Default": "No"},
        Yes={"Type": "Succeed", "Output": "{% $x %}"},
        No={"Type": "Fail", "Error": "{% 'No' & $states.input.n %}", "Cause": "{% $string($states.input) %}"},
    ),
    machine(
        Begin={"Type": "Pass", "Assign": {"a": 10}, "Next": "Each"},
        Each={
            "Type": "Map", "Items": "{% [$states.input.n..5] %}", "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}} | INNER,
            "MaxConcurrency": 1,
            "Assign": {"r": "{% $states.result %}"}, "Next": "End",
        },
        End={"Type": "Pass", "Output": "{% {'r': $r, 'a': $a} %}", "End": True},
    ),
    machine(Look=LOOK, Why={"Type": "Pass", "Output": {"why": "{% $why %}"}, "End": True}),
]  # fmt: skip


@pytest.mark.parametrize("given", [{"n": 2}, {"n": 3}])
@pytest.mark.parametrize("place", range(len(SAME)))
def test_it_runs_a_machine_as_motos_interpreter_does(place: int, given: Any) -> None:
    class Missing(Fis):
        def get_experiment(self, id: str) -> Any:
            raise refusal("fis", "ResourceNotFoundException", f"no {id}", "GetExperiment")

    def missing(task: Task) -> Any:
        assert task.role.endswith(":role/other")
        raise Failed("Fis.ResourceNotFoundException", "no EXP1")

    ours = World(SAME[place], **{"fis:getExperiment": missing}).run(given)
    with interpreter(fis=Missing()) as moto:
        theirs = moto.run(moto.create("m", SAME[place]), given)
        path = moto.path(theirs["executionArn"])
    assert (ours.status, ours.path) == (theirs["status"], path)
    assert ours.error == theirs.get("error", "")
    if ours.status == "SUCCEEDED":
        assert ours.output == json.loads(theirs["output"])
