"""What `faultgate iam` knows of: the operations, and the policies it makes."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

from support import ACCOUNT, REGION, ROOT, binary

MODES = ("events", "queue", "poll", "sweep", "stop-all")
OTHERS = ("safety-lever", "cloudwatch-alarm", "cloudwatch-metric", "prometheus", "codecommit", "assume-role")
# docs/iam.md, which a test of the crate's own keeps up to date.
LISTED = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/iam.md").read_text(encoding="utf-8"), re.MULTILINE))


def printed(*args: str) -> dict[str, Any]:
    """The policy for some uses."""
    told = subprocess.run([binary(), "iam", *args], check=True, capture_output=True, text=True, env={})
    return json.loads(told.stdout)


def statements(*uses: str) -> list[dict[str, Any]]:
    """Of a policy for one mode or other uses, in one account and Region."""
    mode = next((use for use in uses if use in MODES), "none")
    also = [flag for use in uses if use not in MODES for flag in ("--also", use)]
    place = ("--account", ACCOUNT, "--region", REGION)
    return printed("--mode", mode, *also, *place)["Statement"]
