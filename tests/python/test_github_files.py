"""What we tell GitHub's runner, held against its toolkit: step outputs and commands in the log."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from runner import Command, Malformed, read_command, read_file_commands, toolkit
from support import Faultgate, Process

OUTPUTS = {
    "verdict",
    "resilience-score",
    "expected-resilience-score",
    "experiment-ids",
    "state",
    "reason",
    "report-dir",
}
HOSTILE = [
    "",
    "plain",
    "100%",
    "%0A%25%0D%3A%2C",
    "%250A",
    "a: b, c=d",
    "line\nline\r\nline\r",
    "::error::x\n::set-output name=verdict::passed",
    "##[error]x",
    "verdict<<X\npassed\nX",
    "ghadelimiter_0",
    "\x1b[31mred\x1b[0m \u202egnp.exe \u2028 😀",
    "::stop-commands::t",
    " leading and trailing ",
]
# A step's own words, and nothing that changes what the runner does.
ALLOWED = {"error", "warning", "notice", "group", "endgroup", "debug"}


def strings(count: int) -> list[str]:
    """Random ones, the same every time, of characters that mean something."""
    chance = random.Random(7)
    alphabet = ":%,=\n\r <>#[]{}abAD0235é😀\t\x1b\u2028"
    return HOSTILE + ["".join(chance.choices(alphabet, k=chance.randint(0, 40))) for _ in range(count)]


def test_the_reader_reads_what_the_toolkit_writes() -> None:
    texts = strings(300)
    # The runner trims the end of a command's last property.
    titles = [(text or "t").rstrip(" \t\u2028") for text in texts[1:] + texts[:1]]
    commands = [Command("error", text, {"title": title or "t"}) for text, title in zip(texts, titles)]
    outputs = {f"output-{number}": text for number, text in enumerate(texts)}
    written = toolkit(commands, outputs)
    assert [read_command(line) for line in written["commands"]] == commands
    assert read_file_commands(written["outputs"]) == outputs


@pytest.mark.parametrize("text", ["name", "=x\n", "a<<\nx\n", "a<<E\nx\n", "a<<E\nx", "<<E\nx\nE\n"])
def test_the_reader_refuses_what_fails_a_step(text: str) -> None:
    with pytest.raises(Malformed):
        read_file_commands(text)


def test_the_reader_takes_for_a_command_what_the_runner_does() -> None:
    assert read_file_commands("a=b=c<<d\n\nb<<E\n1\n2\nE\nc=") == {"a": "b=c<<d", "b": "1\n2", "c": ""}
    warning = Command("warning", "z", {"file": "a.rs", "title": "x,y"})
    assert read_command("  ::warning file=a.rs,title=x%2Cy::z") == warning
    for line in ["x ::error::y", "::error", "::unheard-of::x", "error::x", ":: error::x"]:
        assert read_command(line) is None, line


def in_github(home: Path) -> dict[str, str]:
    for name in ("output", "summary"):
        (home / name).write_text("", encoding="utf-8")
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "shop/web",
        "GITHUB_RUN_ID": "1",
        "GITHUB_OUTPUT": str(home / "output"),
        "GITHUB_STEP_SUMMARY": str(home / "summary"),
    }


def outputs(faultgate: Faultgate) -> dict[str, str]:
    return read_file_commands((faultgate.home / "output").read_bytes().decode())


def assert_commands_are_the_toolkits(process: Process) -> list[Command]:
    """Every command in the log is one of ours, written as the toolkit writes it. Returns them."""
    lines = (process.stdout + "\n" + process.stderr).split("\n")
    found = [(line, read_command(line)) for line in lines]
    commands = [(line, command) for line, command in found if command]
    for line, command in found:
        assert "##[" not in line and "##vso[" not in line, line
        assert command or not line.lstrip().startswith("::"), f"no command that the runner knows: {line!r}"
    assert {command.command for _, command in commands} <= ALLOWED, commands
    written = toolkit([command for _, command in commands])["commands"]
    assert [line for line, _ in commands] == written
    return [command for _, command in commands]


@pytest.mark.parametrize(
    ("scenario", "code", "verdict"),
    [("completed", 0, "passed"), ("stop-condition", 1, "failed"), ("denied", 3, "errored")],
)
def test_outputs_and_commands_tell_what_the_result_tells(
    rehearsing: Faultgate, scenario: str, code: int, verdict: str
) -> None:
    ended = rehearsing.ended(rehearsing.rehearse(scenario, **in_github(rehearsing.home))).expect(code, verdict)
    told, gate, experiment = outputs(rehearsing), ended.gate, ended.experiment
    assert told.keys() == OUTPUTS
    assert told["verdict"] == gate["verdict"]
    assert float(told["expected-resilience-score"]) == gate["expected_resilience_score"]
    score = told["resilience-score"]
    assert (float(score) if score else None) == gate["resilience_score"]
    assert told["experiment-ids"] == (experiment["id"] or "")
    assert told["state"] == experiment["state"]
    assert told["reason"] == "; ".join(gate["reasons"])
    assert told["report-dir"] == str(rehearsing.home / "report")
    # The toolkit's file for the same values is read the same.
    assert read_file_commands(toolkit(outputs=told)["outputs"]) == told

    commands = assert_commands_are_the_toolkits(ended.process)
    errors = [command for command in commands if command.command == "error"]
    assert bool(errors) == (code != 0), "what stops a job is annotated"


def test_hostile_settings_neither_act_nor_break_the_outputs(rehearsing: Faultgate) -> None:
    for text in [text for text in strings(12) if text.strip()]:
        process = rehearsing.rehearse("completed", **in_github(rehearsing.home), FAULTGATE_TIMEOUT=f"x{text}")
        assert process.wait() == 2, process.transcript()
        told = outputs(rehearsing)
        assert told.keys() == OUTPUTS and told["verdict"] == "errored", told
        assert "timeout" in told["reason"]
        assert_commands_are_the_toolkits(process)
