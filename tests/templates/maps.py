"""The Map state of virtual.py: inline, and distributed over children that are executions of their own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from clock import Failed, Process, Signal, Steps, wait
from executions import Execution, MapRun, Task
from scope import PAYLOAD, Scope

# The most children of a Distributed Map, and the most iterations of an inline one, that run at once.
CHILDREN, ITERATIONS = 10_000, 40


class Maps:
    """What a machine does at a Map state."""

    def do_map(self, state: dict[str, Any], states: dict[str, Any], scope: Scope, execution: Execution) -> Steps:
        distributed = state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
        items = self.items(state, states, scope, execution)
        selector = state.get("ItemSelector", "{% $states.context.Map.Item.Value %}")
        if not distributed or "ItemSelector" in state:
            place = {"Index": 0, "Value": None}
            around = Scope(self.clock, scope.context | {"Map": {"Item": place}}, scope.variables)

            def selected(index: int, item: Any) -> Any:
                place["Index"], place["Value"] = index, item
                return around.value(selector, states)

            items = [selected(index, item) for index, item in enumerate(items)]
        run = self.distributed if distributed else self.inline
        return self.next(state, states, scope, (yield from run(state, states, items, scope, execution)))

    def items(self, state: dict[str, Any], states: dict[str, Any], scope: Scope, execution: Execution) -> list[Any]:
        reader = state.get("ItemReader")
        if reader is None:
            return scope.value(state["Items"], states) if "Items" in state else states["input"]
        arguments = scope.value(reader["Arguments"], states)
        service = reader["Resource"].removeprefix("arn:aws:states:::")
        try:
            answer = self.services[service](Task(execution, arguments, "", ""))
            if service == "s3:listObjectsV2":
                while answer.get("NextContinuationToken"):
                    token = {"ContinuationToken": answer["NextContinuationToken"]}
                    more = self.services[service](Task(execution, arguments | token, "", ""))
                    answer = more | {"Contents": answer["Contents"] + more["Contents"]}
                return answer.get("Contents", [])
            assert reader["ReaderConfig"] == {"InputType": "JSONL"}, reader
            return [json.loads(line) for line in answer["Body"].splitlines() if line.strip()]
        except (Failed, ValueError) as error:
            raise Failed("States.ItemReaderFailed", str(error)) from error

    def inline(
        self, state: dict[str, Any], states: dict[str, Any], items: list[Any], scope: Scope, execution: Execution
    ) -> Steps:
        def one(index: int, item: Any) -> Steps:
            place = {"Map": {"Item": {"Index": index, "Value": item}}}
            inner = Scope(self.clock, scope.context | place, dict(scope.variables), frozenset(scope.variables))
            return self.states(state["ItemProcessor"], item, inner, execution)

        most = min(scope.value(state.get("MaxConcurrency", 0), states) or ITERATIONS, ITERATIONS)
        works = [lambda index=index, item=item: one(index, item) for index, item in enumerate(items)]
        return (yield from self.pool(works, most, 0))

    def distributed(
        self, state: dict[str, Any], states: dict[str, Any], items: list[Any], scope: Scope, execution: Execution
    ) -> Steps:
        if batcher := state.get("ItemBatcher"):
            size = batcher["MaxItemsPerBatch"]
            extra = {"BatchInput": scope.value(batcher["BatchInput"], states)} if "BatchInput" in batcher else {}
            items = [extra | {"Items": items[first : first + size]} for first in range(0, len(items), size)]
        run = MapRun(state.get("Label", "Map"))
        self.map_runs.append(run)

        def child(item: Any) -> Steps:
            arn = f"{execution.arn.partition(':execution:')[0]}:execution:{execution.machine}/{run.label}:{uuid.uuid4()}"
            one = Execution(arn, arn.rpartition(":")[2], execution.machine, item)
            run.children.append(one)
            run.running += 1
            run.most_at_once = max(run.most_at_once, run.running)
            self.begin(one, state["ItemProcessor"])
            try:
                yield from wait(one.process.ended)
            finally:
                run.running -= 1
                if one.status == "RUNNING":
                    self.stop(one)
            if one.status != "SUCCEEDED":
                raise Failed(one.error, one.cause)
            return one.output

        percent = scope.value(state.get("ToleratedFailurePercentage", 0), states)
        tolerated = max(scope.value(state.get("ToleratedFailureCount", 0), states), percent * len(items) / 100)
        most = scope.value(state.get("MaxConcurrency", 0), states) or CHILDREN
        try:
            results = yield from self.pool([lambda each=each: child(each) for each in items], most, tolerated)
            run.status = "SUCCEEDED"
        except Failed as failed:
            run.status = "FAILED"
            raise Failed("States.ExceedToleratedFailureThreshold", str(failed)) from failed
        finally:
            if run.status == "RUNNING":
                run.status = "ABORTED"
        if writer := state.get("ResultWriter"):
            return self.written(run, scope.value(writer["Arguments"], states), execution)
        if len(json.dumps(results)) > PAYLOAD:
            raise Failed("States.DataLimitExceeded", "the results are more than 256 KiB: there is no ResultWriter")
        return results

    def pool(self, works: list[Callable[[], Steps]], most: int, tolerated: float) -> Steps:
        """So many at once, in order; one failure more than is tolerated ends all."""
        results: dict[int, Any] = {}
        failures: list[Failed] = []
        processes: list[Process] = []
        todo = iter(enumerate(works))
        over = Signal()

        def worker() -> Steps:
            for place, work in todo:
                try:
                    results[place] = yield from work()
                except Failed as failed:
                    failures.append(failed)
                    if len(failures) > tolerated:
                        self.clock.tell(over)
                        return

        try:
            processes += [self.clock.spawn(worker()) for _ in range(min(most, len(works)))]
            processes.append(self.clock.spawn(self.ender(list(processes), over)))
            yield from wait(over)
        finally:
            for process in processes:
                process.kill()
        if len(failures) > tolerated:
            raise failures[-1]
        return [results[place] for place in sorted(results)]

    def ender(self, processes: list[Process], over: Signal) -> Steps:
        """Tells when all of them have ended."""
        for process in processes:
            yield from wait(process.ended)
        self.clock.tell(over)

    def written(self, run: MapRun, into: dict[str, Any], execution: Execution) -> dict[str, Any]:
        folder = f"{into['Prefix']}/{uuid.uuid4()}"
        files: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}

        def put(name: str, content: Any) -> None:
            put = {"Bucket": into["Bucket"], "Key": f"{folder}/{name}", "Body": json.dumps(content)}
            self.services["s3:putObject"](Task(execution, put, "", ""))

        for status in ("SUCCEEDED", "FAILED"):
            ended = [
                {"ExecutionArn": one.arn, "Input": json.dumps(one.input), "Name": one.name, "Status": one.status}
                | ({"Output": json.dumps(one.output)} if status == "SUCCEEDED" else {"Error": one.error, "Cause": one.cause})
                for one in run.children
                if one.status == status
            ]
            if ended:
                put(f"{status}_0.json", ended)
                files[status].append({"Key": f"{folder}/{status}_0.json"})
        put("manifest.json", {"DestinationBucket": into["Bucket"], "MapRunArn": run.label, "ResultFiles": files})
        details = {"Bucket": into["Bucket"], "Key": f"{folder}/manifest.json"}
        return {"MapRunArn": run.label, "ResultWriterDetails": details}
