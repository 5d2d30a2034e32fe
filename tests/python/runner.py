"""GitHub's runner as a reader: what it takes from command files and from lines of the log. Written from its rules
(`EnvFileKeyValuePairs`, `ActionCommand.TryParseV2`), for tests only."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from typing import Any

from forge import TOOLS
from support import PATIENCE, ROOT

# The commands that the runner knows; anything else behind `::` is text.
COMMANDS = {
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "internal-set-repo-path",
    "notice", "remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning",
}  # fmt: skip
DATA = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
PROPERTY = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))


class Malformed(ValueError):
    """A file that makes the runner fail the step."""


@dataclass(frozen=True)
class Command:
    """A command of the log. `properties` keep the order in which they stand."""

    command: str
    message: str
    properties: dict[str, str] = field(default_factory=dict)


def read_file_commands(text: str) -> dict[str, str]:
    """The pairs of a file such as GITHUB_OUTPUT."""
    pairs: dict[str, str] = {}
    rest = text
    while rest:
        line, rest = _line(rest)
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, value = line.split("=", 1)
        elif heredoc >= 0:
            name, delimiter = line.split("<<", 1)
            if not delimiter:
                raise Malformed(f"no delimiter: {line!r}")
            value, rest = _until(delimiter, rest)
        else:
            raise Malformed(f"neither = nor <<: {line!r}")
        if not name:
            raise Malformed(f"no name: {line!r}")
        pairs[name] = value
    return pairs


def _line(text: str) -> tuple[str, str]:
    line, _, rest = text.partition("\n")
    return line, rest


def _until(delimiter: str, text: str) -> tuple[str, str]:
    lines, rest = [], text
    while rest:
        if "\n" not in rest and rest != delimiter:
            raise Malformed(f"the last line has no end: {rest!r}")
        line, rest = _line(rest)
        if line == delimiter:
            return "\n".join(lines), rest
        lines.append(line)
    raise Malformed(f"{delimiter!r} does not come")


def read_command(line: str) -> Command | None:
    """The command of a line, if the runner takes it for one."""
    line = line.lstrip()
    head, found, message = line.removeprefix("::").partition("::")
    if not line.startswith("::") or not found:
        return None
    name, _, listed = head.partition(" ")
    if name.lower() not in COMMANDS:
        return None
    properties = {}
    for pair in filter(None, listed.strip().split(",")):
        key, equals, value = pair.partition("=")
        if equals and key:
            properties[key] = _unescaped(value, PROPERTY)
    return Command(name, _unescaped(message, DATA), properties)


def _unescaped(text: str, marks: tuple[tuple[str, str], ...]) -> str:
    for mark, character in marks:
        text = text.replace(mark, character)
    return text


def toolkit(commands: list[Command] = [], outputs: dict[str, str] | None = None) -> dict[str, Any]:  # noqa: B006
    """What @actions/core writes for the same: the lines of `commands`, and the file of `outputs`."""
    wanted = {
        "commands": [vars(command) for command in commands],
        "outputs": [{"name": name, "value": value} for name, value in (outputs or {}).items()],
    }
    script, library = ROOT / "tests" / "node" / "actions-core.mjs", TOOLS / "node_modules" / "@actions" / "core"
    assert library.is_dir(), "the tools are missing: make python-test installs them"
    ended = subprocess.run(
        ["node", script, library],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
