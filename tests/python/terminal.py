"""The binary at a terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from pathlib import Path

from support import PATIENCE, binary


class Terminal:
    """A run of the binary whose input, output and error are one terminal."""

    def __init__(self, arguments: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.side, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [binary(), *arguments],
            cwd=folder,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""

    def until(self, words: str | None) -> None:
        """Reads until these words are shown, or until all is closed."""
        while words is None or words not in self.shown:
            assert select.select([self.side], [], [], PATIENCE)[0], f"nothing follows:\n{self.shown}"
            try:
                more = os.read(self.side, 4096)
            except OSError:  # Linux: the other side is closed
                more = b""
            if not more:
                assert words is None, f"{words!r} is not in:\n{self.shown}"
                return
            self.shown += more.decode().replace("\r\n", "\n")

    def type(self, text: str) -> None:
        os.write(self.side, text.encode())

    def ended(self) -> int:
        """Waits for the end, and returns the exit code."""
        self.until(None)
        os.close(self.side)
        return self.process.wait(PATIENCE)
