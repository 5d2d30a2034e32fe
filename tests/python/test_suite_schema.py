"""The published JSON Schema of the suite file: it is one, the binary prints it, and every suite we show is valid."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml
from support import ROOT, binary

FILE = ROOT / "docs" / "suite.schema.json"
SCHEMA = json.loads(FILE.read_text(encoding="utf-8"))
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def suites() -> Iterator[Any]:
    """Every suite file, and every suite on a page; a list of experiments stands for a suite of them."""
    for path in sorted(ROOT.glob("examples/**/.faultgate.yml")):
        yield pytest.param(yaml.safe_load(path.read_text(encoding="utf-8")), id=str(path.relative_to(ROOT)))
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("examples/**/*.md"))]:
        for place, block in enumerate(BLOCK.findall(path.read_text(encoding="utf-8"))):
            content = yaml.safe_load(block)
            if isinstance(content, list) and all("name" in item for item in content):
                content = {"version": 1, "experiments": content}
            if isinstance(content, dict) and "experiments" in content:
                yield pytest.param(content, id=f"{path.relative_to(ROOT)}-{place}")


SUITES = list(suites())


def errors(suite: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(suite)]


def test_it_is_a_schema_of_its_draft() -> None:
    assert SCHEMA["$schema"] == jsonschema.Draft202012Validator.META_SCHEMA["$id"]
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_binary_prints_it() -> None:
    printed = subprocess.run([binary(), "inputs", "--format", "schema"], check=True, capture_output=True, timeout=60)
    assert printed.stdout == FILE.read_bytes()


def test_the_suites_of_the_pages_are_found() -> None:
    pages = {str(suite.id).rsplit("-", 1)[0] for suite in SUITES}
    assert {"docs/suite.md", "docs/probes.md", "docs/command.md", "examples/freeze/.faultgate.yml"} <= pages


@pytest.mark.parametrize("suite", SUITES)
def test_every_suite_we_show_is_valid(suite: Any) -> None:
    assert errors(suite) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"paralel": 2}, "$: "),
        ({"parallel": 2001}, "$.parallel: "),
        ({"timeout": "30"}, "$.timeout: "),
        ({"experiments": []}, "$.experiments: "),
        ({"experiments": [{"name": "a"}]}, "$.experiments[0]: "),
        ({"experiments": [{"name": "A b", "fis": {"template": "EXT1"}}]}, "$.experiments[0].name: "),
    ],
)
def test_mistakes_are_found_where_they_are(change: dict[str, Any], where: str) -> None:
    (error,) = errors({"version": 1, **change})
    assert error.startswith(where), error
