"""An interpreter of GitHub's workflows: which jobs run, in which order, with which result. What a step does is told by
others (see steps.py), expressions are evaluated by GitHub's own library, and the rules are those of GitHub's manual, which
test_workflows.py holds it against.

nektos/act was tried in its place (0.2.89). It does not run a job with `always()` after a called workflow that has failed,
lets a part of a matrix fail with its siblings, knows no `strategy.job-index`, and kills what is cancelled.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import yaml
from expressions import Expressions, text

UNSET = {"string": "", "number": 0, "boolean": False}
# Of a repository that was made lately, where nothing is said.
DEFAULT = {"contents": "read", "packages": "read"}
TYPES = {"number": (int, float), "boolean": (bool,)}


class Refused(Exception):
    """GitHub does not start such a run."""


@dataclass
class Outcome:
    result: str
    outputs: dict[str, str] = field(default_factory=dict)


class Instance:
    """A job on its runner, or one of its matrix: what a cancellation reaches."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cancelled = threading.Event()
        self.interrupt: Callable[[], None] = lambda: None

    def cancel(self) -> None:
        self.cancelled.set()
        self.interrupt()


# Runs the steps of a job; the last argument are its contexts.
Steps = Callable[[Instance, dict[str, Any], dict[str, Any]], Outcome]


class Loader(yaml.SafeLoader):
    """YAML 1.2, as GitHub reads it: `on` is a word."""


Loader.yaml_implicit_resolvers = {
    first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(path: Path) -> dict[str, Any]:
    return yaml.load(path.read_text(encoding="utf-8"), Loader)


def listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


class Run:
    """One run of a workflow of a repository; `outcomes` has each job by the name that GitHub shows."""

    def __init__(self, folder: Path, steps: Steps, expressions: Expressions, **contexts: Any) -> None:
        self.folder, self.steps, self.expressions = folder, steps, expressions
        self.contexts = {"github": {}, "vars": {}, "secrets": {}, "inputs": {}, **contexts}
        self.outcomes: dict[str, Outcome] = {}
        self.cancelled = False
        self.lock = threading.Lock()
        # Jobs that run now, each with the answer to whether it goes on where the run is cancelled.
        self.active: list[tuple[Instance, Callable[[], bool]]] = []

    def execute(self, workflow: str) -> str:
        """The result of the run."""
        return result_of(self.jobs(read(self.folder / ".github" / "workflows" / workflow), self.contexts, "", frozenset()))

    def cancel(self) -> None:
        """What the button does: a job whose `if` still holds goes on."""
        with self.lock:
            self.cancelled = True
            reached = [instance for instance, goes_on in self.active if not goes_on()]
        for instance in reached:
            instance.cancel()

    def jobs(
        self, workflow: dict[str, Any], contexts: dict[str, Any], prefix: str, held: frozenset[str]
    ) -> dict[str, Outcome]:
        """`held` are the concurrency groups of those who have called it."""
        held = self.held(workflow, contexts, held)
        done: dict[str, Outcome] = {}
        waiting, running = dict(workflow["jobs"]), {}
        with ThreadPoolExecutor(max_workers=len(waiting)) as pool:
            while waiting or running:
                for name, job in list(waiting.items()):
                    if all(need in done for need in listed(job.get("needs"))):
                        del waiting[name]
                        ancestors = {each: done[each] for each in ancestry(workflow["jobs"], name)}
                        job = {"permissions": workflow.get("permissions", DEFAULT)} | job
                        running[pool.submit(self.job, name, job, ancestors, contexts, prefix, held)] = name
                assert running, f"these jobs need each other: {list(waiting)}"
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    done[running.pop(future)] = future.result()
        return done

    def held(self, part: dict[str, Any], contexts: dict[str, Any], held: frozenset[str]) -> frozenset[str]:
        """These groups and that of a workflow or job, which would wait for itself if it were one of them."""
        group = part.get("concurrency")
        if group is None:
            return held
        name = text(self.expressions.value(group if isinstance(group, str) else group["group"], contexts)).lower()
        if name in held:
            raise Refused(f"a deadlock: {name} is held by who waits for it")
        return held | {name}

    def job(
        self,
        name: str,
        job: dict[str, Any],
        ancestors: dict[str, Outcome],
        contexts: dict[str, Any],
        prefix: str,
        held: frozenset[str],
    ) -> Outcome:
        needs = {
            need: {"result": ancestors[need].result, "outputs": ancestors[need].outputs}
            for need in listed(job.get("needs"))
        }
        contexts = contexts | {"needs": needs}

        def goes_on() -> bool:
            results = {each.result for each in ancestors.values()}
            status = {
                "always": True,
                "cancelled": self.cancelled,
                "failure": "failure" in results,
                "success": results <= {"success"} and not self.cancelled,
            }
            # The context of a job's `if` has no secrets.
            known = {key: value for key, value in contexts.items() if key != "secrets"}
            return self.expressions.holds(job.get("if"), known, status)

        shown = prefix + (name if "matrix." in str(job.get("name")) else str(job.get("name", name)))
        if not goes_on():
            outcome = Outcome("cancelled" if self.cancelled else "skipped")
        else:
            outcome = self.matrix(name, shown, job, contexts, goes_on, held)
        self.outcomes[shown] = outcome
        return outcome

    def matrix(
        self,
        name: str,
        shown: str,
        job: dict[str, Any],
        contexts: dict[str, Any],
        goes_on: Callable[[], bool],
        held: frozenset[str],
    ) -> Outcome:
        strategy = self.expressions.value(job.get("strategy") or {}, contexts)
        parts = list(combinations(strategy["matrix"])) if "matrix" in strategy else [None]
        names = [self.named(shown, part, job, contexts) for part in parts]
        instances = [Instance(name) for name in names]
        most, fail_fast = strategy.get("max-parallel", len(parts)), strategy.get("fail-fast", True)

        def one(index: int) -> Outcome:
            instance = instances[index]
            if instance.cancelled.is_set() or (self.cancelled and not goes_on()):
                return shows(instance, Outcome("cancelled"))
            place = {"job-index": index, "job-total": len(parts), "max-parallel": most}
            mine = contexts | {"matrix": parts[index], "strategy": place | {"fail-fast": fail_fast}}
            holds = self.held(job, mine, held)
            entry = (instance, goes_on)
            with self.lock:
                self.active.append(entry)
            try:
                if "uses" in job:
                    outcome = self.call(job, mine, f"{instance.name} / ", holds)
                else:
                    outcome = self.steps(instance, job, mine | {"github": mine["github"] | {"job": name}})
            finally:
                with self.lock:
                    self.active.remove(entry)
            if outcome.result == "failure" and fail_fast:
                for other in instances:
                    if other is not instance:
                        other.cancel()
            return shows(instance, outcome)

        def shows(instance: Instance, outcome: Outcome) -> Outcome:
            if parts != [None]:
                self.outcomes[instance.name] = outcome
            return outcome

        with ThreadPoolExecutor(max_workers=most) as pool:
            outcomes = list(pool.map(one, range(len(parts))))
        # An empty output is none.
        outputs = {key: value for outcome in outcomes for key, value in outcome.outputs.items() if value}
        return Outcome(result_of(dict(enumerate(outcomes))), outputs)

    def named(self, shown: str, part: dict[str, Any] | None, job: dict[str, Any], contexts: dict[str, Any]) -> str:
        """The name of a part: with its values, where the name of the job has none of them."""
        if part is None:
            return shown
        if "matrix." in str(job.get("name")):
            return text(self.expressions.value(job["name"], contexts | {"matrix": part}))
        return f"{shown} ({', '.join(map(text, part.values()))})"

    def call(self, job: dict[str, Any], contexts: dict[str, Any], prefix: str, held: frozenset[str]) -> Outcome:
        """A workflow of the same repository, called."""
        assert job["uses"].startswith("./"), job["uses"]
        workflow = read(self.folder / job["uses"])
        called = (workflow["on"] or {})["workflow_call"] or {}
        for name, each in workflow["jobs"].items():
            if more := beyond(each.get("permissions", workflow.get("permissions", {})), job["permissions"]):
                raise Refused(f"{name} asks for more than its caller may: {more}")
        inputs = typed(called.get("inputs", {}), self.expressions.value(job.get("with", {}), contexts))
        given = job.get("secrets", {})
        secrets = contexts["secrets"] if given == "inherit" else self.expressions.value(given, contexts)
        if given != "inherit" and (unknown := set(secrets) - set(called.get("secrets", {}))):
            raise Refused(f"no such secrets: {unknown}")
        inner = self.contexts | {"inputs": inputs, "secrets": {key: each for key, each in secrets.items() if each}}
        done = self.jobs(workflow, inner, prefix, held)
        jobs = {name: {"result": each.result, "outputs": each.outputs} for name, each in done.items()}
        outputs = {name: each["value"] for name, each in called.get("outputs", {}).items()}
        return Outcome(result_of(done), {
            name: text(value) for name, value in self.expressions.value(outputs, inner | {"jobs": jobs}).items()
        })


def beyond(asked: dict[str, str], given: dict[str, str]) -> set[str]:
    """The permissions that are asked for and not given."""
    order = ("none", "read", "write")
    return {name for name, level in asked.items() if order.index(level) > order.index(given.get(name, "none"))}


def ancestry(jobs: dict[str, Any], name: str) -> set[str]:
    needs = set(listed(jobs[name].get("needs")))
    return needs.union(*(ancestry(jobs, need) for need in needs))


def combinations(matrix: dict[str, Any]) -> Iterator[dict[str, Any]]:
    axes = {key: values for key, values in matrix.items() if key not in ("include", "exclude")}
    # GitHub adds to the combinations that fit, or makes another one.
    if "exclude" in matrix or (axes and "include" in matrix):
        raise NotImplementedError(f"a matrix with exclude, or with axes and include: {matrix}")
    if axes:
        yield from (dict(zip(axes, values, strict=True)) for values in product(*axes.values()))
    yield from matrix.get("include", [])


def typed(defined: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The inputs of a called workflow. One that is not given is false, 0 or empty; a number or a boolean is a string
    where that is asked for, and nothing else becomes another type."""
    if unknown := set(given) - set(defined):
        raise Refused(f"no such inputs: {unknown}")
    values = {}
    for name, each in defined.items():
        value = given.get(name, each.get("default", UNSET[each["type"]]))
        if name not in given and each.get("required"):
            raise Refused(f"{name} is not given")
        if each["type"] == "string":
            value = text(value)
        elif type(value) not in TYPES[each["type"]]:
            raise Refused(f"{name} is no {each['type']}: {value!r}")
        values[name] = value
    return values


def result_of(outcomes: dict[Any, Outcome]) -> str:
    """The result of jobs together."""
    results = {each.result for each in outcomes.values()}
    for one in ("failure", "cancelled", "success"):
        if one in results:
            return one
    return "skipped"
