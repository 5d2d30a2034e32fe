"""A clock on which no time passes: processes go on when what they wait for has happened, and nothing depends on threads."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Generator
from itertools import count
from typing import Any

Steps = Generator[Any, Any, Any]


class Failed(Exception):
    """A state or an execution that failed."""

    def __init__(self, error: str, cause: str = "") -> None:
        super().__init__(f"{error}: {cause}")
        self.error, self.cause = error, cause


class Signal:
    """Something that happens once."""

    def __init__(self) -> None:
        self.happened, self.value = False, None
        self.waiting: list[tuple[Process, int]] = []


class Process:
    """Steps that go on whenever what they wait for has happened."""

    def __init__(self, clock: Clock, steps: Steps) -> None:
        self.clock, self.steps, self.ended = clock, steps, Signal()
        self.error: Failed | None = None
        self.turn = 0

    def go_on(self, happened: bool) -> None:
        self.turn += 1
        try:
            signal, seconds = self.steps.send(happened if self.turn > 1 else None)
        except StopIteration as end:
            return self.clock.tell(self.ended, end.value)
        except Failed as error:
            self.error = error
            return self.clock.tell(self.ended)
        if signal is not None:
            signal.waiting.append((self, self.turn))
            if signal.happened:
                self.clock.ready.append((self, self.turn, True))
        if seconds is not None:
            heapq.heappush(self.clock.timers, (self.clock.now + seconds, next(self.clock.order), self, self.turn))

    def kill(self) -> None:
        """Ends it where it waits: what it would have done is not done."""
        if not self.ended.happened:
            self.turn += 1
            self.steps.close()
            self.error = Failed("Aborted")
            self.clock.tell(self.ended)


class Clock:
    """Processes, and when each goes on. The time is that of the machine's epoch, in seconds."""

    def __init__(self) -> None:
        self.now, self.order = 1_800_000_000.0, count()
        self.ready: deque[tuple[Process, int, bool]] = deque()
        self.timers: list[tuple[float, int, Process, int]] = []

    def spawn(self, steps: Steps) -> Process:
        process = Process(self, steps)
        self.ready.append((process, 0, True))
        return process

    def tell(self, signal: Signal, value: Any = None) -> None:
        if not signal.happened:
            signal.happened, signal.value = True, value
            self.ready.extend((process, turn, True) for process, turn in signal.waiting)

    def run(self, until: Callable[[], bool] = lambda: False, most: float = 10**9) -> None:
        """Until something is so, nothing is left to do, or so many seconds have passed."""
        end = self.now + most
        while not until():
            if self.ready:
                process, turn, happened = self.ready.popleft()
            elif self.timers and self.timers[0][0] <= end:
                self.now, _, process, turn = heapq.heappop(self.timers)
                happened = False
            else:
                return
            if process.turn == turn and not process.ended.happened:
                process.go_on(happened)


def sleep(seconds: float) -> Steps:
    yield None, seconds


def wait(signal: Signal, seconds: float | None = None) -> Steps:
    """Whether it has happened in time."""
    return signal.happened or (yield signal, seconds)


def join(process: Process) -> Steps:
    """What the process comes to; its failure is one here too."""
    yield from wait(process.ended)
    if process.error:
        raise process.error
    return process.ended.value
