"""Expressions of state machines, evaluated by jsonata-python as they would be by AWS: with its functions, null told from what is
undefined, and what is undefined a failure."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from clock import Clock, Failed
from jsonata import jsonata
from jsonata.utils import Utils

# What a state may be given or give on, in bytes.
PAYLOAD = 256 * 1024


@cache
def compiled(expression: str) -> tuple[jsonata.Jsonata, frozenset[str]]:
    """The expression, and the variables that it names."""
    parsed = jsonata.Jsonata(expression)
    # So that JSON's null is told from what is undefined.
    parsed.output_convert_nulls = False
    return parsed, frozenset(re.findall(r"\$(\w+)", expression))


def with_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: with_nulls(each) for key, each in value.items()}
    if isinstance(value, list):
        return [with_nulls(each) for each in value]
    return Utils.NULL_VALUE if value is None else value


@dataclass
class Scope:
    """What expressions of one execution, or of one iteration of an inline Map, know."""

    clock: Clock
    context: dict[str, Any]
    variables: dict[str, Any] = field(default_factory=dict)
    # Names of variables around an iteration, which it sees and does not assign.
    outer: frozenset[str] = frozenset()

    def value(self, given: Any, states: dict[str, Any]) -> Any:
        """A value with every expression in it evaluated."""
        if isinstance(given, dict):
            return {key: self.value(each, states) for key, each in given.items()}
        if isinstance(given, list):
            return [self.value(each, states) for each in given]
        if not isinstance(given, str) or not given.startswith("{%"):
            return given
        expression, names = compiled(given.removeprefix("{%").removesuffix("%}").strip())
        known = self.variables | {"states": states | {"context": self.context}}
        bound = {name: with_nulls(known[name]) for name in names & known.keys()} | self.functions()
        try:
            result = expression.evaluate(None, bound)
        except Exception as error:
            raise Failed("States.QueryEvaluationError", f"{error} in {given}") from error
        if result is None:
            raise Failed("States.QueryEvaluationError", f"nothing comes of {given}")
        return json.loads(json.dumps(result, default=lambda _: None))

    def functions(self) -> dict[str, Any]:
        own = jsonata.Jsonata.JLambda
        return {
            # The library looks for these at each step of an expression.
            "__evaluate_entry": None,
            "__evaluate_exit": None,
            "millis": own(lambda: int(self.clock.now * 1000)),
            "parse": own(lambda text: with_nulls(json.loads(text))),
            "hash": own(lambda text, kind: hashlib.new(kind.replace("-", "").lower(), text.encode()).hexdigest()),
        }
