"""What runs of state machines are known by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from clock import Process


@dataclass
class Execution:
    """One run of a machine, a child of a Distributed Map included."""

    arn: str
    name: str
    machine: str
    input: Any
    process: Process | None = None
    status: str = "RUNNING"
    output: Any = None
    error: str = ""
    cause: str = ""
    path: list[str] = field(default_factory=list)


@dataclass
class Task:
    """A task as the service is asked for it. The service ends its steps if the task is aborted."""

    execution: Execution
    arguments: Any
    # As whom; empty is the machine's own role.
    role: str
    token: str


@dataclass
class MapRun:
    """The children of a Distributed Map and how they have ended."""

    label: str
    status: str = "RUNNING"
    children: list[Execution] = field(default_factory=list)
    running: int = 0
    most_at_once: int = 0

    def count(self, status: str) -> int:
        return sum(child.status == status for child in self.children)
