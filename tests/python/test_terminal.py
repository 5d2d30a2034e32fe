"""What a rehearsal prints to a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from terminal import Terminal


def rehearse(home: Path, **environment: str) -> str:
    terminal = Terminal(["rehearse"], home, {"HOME": str(home), **environment})
    assert terminal.ended() == 0, terminal.shown
    return terminal.shown


def test_a_terminal_is_told_how_long_the_rehearsal_lasts(tmp_path: Path) -> None:
    shown = rehearse(tmp_path, TERM="xterm")
    assert "\x1b[" in shown
    assert " of about 2s" in shown, "the template says minutes"


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_dumb_terminal_gets_lines_without_escape_sequences(locale: str, tmp_path: Path) -> None:
    shown = rehearse(tmp_path, TERM="dumb", LC_ALL=locale)
    assert "\x1b" not in shown
    assert shown.isascii(), shown
    assert "PASSED: resilience score 100" in shown
