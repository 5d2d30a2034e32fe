"""faultgate itself has no more than notes on the experiments of the library."""

from __future__ import annotations

import subprocess

import pytest
import yaml
from library import FOLDERS, LIBRARY
from pipelines import binary


@pytest.mark.parametrize("folder", FOLDERS)
def test_faultgate_lint_is_content(folder: str) -> None:
    suite = yaml.safe_load((LIBRARY / folder / "suite.yml").read_text())
    (timeout,) = [each["timeout"] for each in suite["experiments"]]
    command = [binary(), "lint", "--fail-on", "warning", "--timeout", timeout, LIBRARY / folder / "template.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
