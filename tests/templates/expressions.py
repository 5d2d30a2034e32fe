"""Expressions of GitHub's workflows, evaluated by GitHub's own library in a process of Node.js."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any

from gitlab import NODE

ALWAYS = {"always": True, "success": True, "failure": False, "cancelled": False}


class Expressions:
    """Evaluates; `status` is what the four functions of status answer."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process = subprocess.Popen(
            ["node", Path(__file__).with_suffix(".mjs"), "evaluate"],
            env=os.environ | {"TEMPLATE_TOOLS": str(NODE.parents[1])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()

    def ask(self, **request: Any) -> Any:
        with self.lock:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, f"{request['text']}: {answer['error']}"
        return answer["value"]

    def holds(self, condition: Any, context: dict[str, Any], status: dict[str, bool]) -> bool:
        """An `if`: success() is implied where it names no function of status."""
        return self.ask(text=text(condition), context=context, status=status, condition=True)

    def value(self, given: Any, context: dict[str, Any]) -> Any:
        """A value with every expression in it replaced; an expression alone keeps its type."""
        if isinstance(given, dict):
            return {key: self.value(each, context) for key, each in given.items()}
        if isinstance(given, list):
            return [self.value(each, context) for each in given]
        if not isinstance(given, str) or "${{" not in given:
            return given
        return self.ask(text=given, context=context, status=ALWAYS)


def text(value: Any) -> str:
    """GitHub's string of a value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
