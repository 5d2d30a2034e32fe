"""Terraform's files of the library as data, and what they come to.

Terraform itself is no package of Python: files are parsed by python-hcl2, and held against what the provider says of its
resources (terraform-aws.schema.json). Only what the library has of the language is known here; all else is a failure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

LIBRARY = Path(__file__).parents[2] / "ci-templates" / "fis"
FOLDERS = sorted(path.parent.name for path in LIBRARY.glob("*/main.tf"))
REFERENCE = re.compile(r"[a-z_0-9]+(\.[A-Za-z_0-9]+)+")
# Terraform's own, in every resource.
META = {"depends_on", "lifecycle", "count", "for_each", "provider"}
MARKS = ("__is_block__", "__comments__", "__inline_comments__")


class Unknown(Exception):
    """What is referred to, or called, and is not there."""


class Files:
    """All files of a folder, as Terraform puts them together."""

    def __init__(self, texts: dict[str, str]) -> None:
        self.texts = texts
        self.parsed = [hcl2.loads(text) for text in texts.values()]

    def top(self, kind: str) -> Iterator[Any]:
        for parsed in self.parsed:
            yield from parsed.get(kind, [])

    def blocks(self) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
        """Resources and data: kind, type, name and body."""
        for kind in ("resource", "data"):
            for each in self.top(kind):
                for type_, named in labels(each):
                    for name, body in labels(named):
                        yield kind, type_, name, body

    def named(self, type_: str, name: str) -> dict[str, Any]:
        (body,) = [body for _, one, two, body in self.blocks() if (one, two) == (type_, name)]
        return body

    def variables(self) -> dict[str, dict[str, Any]]:
        return {name: body for each in self.top("variable") for name, body in labels(each)}

    def outputs(self) -> dict[str, dict[str, Any]]:
        return {name: body for each in self.top("output") for name, body in labels(each)}

    def locals(self) -> dict[str, Any]:
        return {name: value for each in self.top("locals") for name, value in each.items() if name not in MARKS}


@cache
def load(folder: str) -> Files:
    return Files({path.name: path.read_text() for path in sorted((LIBRARY / folder).glob("*.tf"))})


def labels(node: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if key not in MARKS:
            yield key.strip('"'), value


class Values:
    """What expressions come to, with variables given and attributes of what is made."""

    def __init__(self, files: Files, given: dict[str, Any], made: dict[str, Any]) -> None:
        self.files, self.given, self.made = files, given, made

    def of(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self.of(each) for key, each in labels(value) if key not in META}
        if isinstance(value, list):
            return [self.of(each) for each in value]
        if not isinstance(value, str):
            return value
        if value.startswith('"'):
            return self.text(value)
        assert value.startswith("${") and value.endswith("}"), value
        return self.expression(value[2:-1].strip())

    def text(self, quoted: str) -> str:
        parts = re.split(r"\$\{([^}]*)\}", quoted[1:-1])
        plain = [json.loads(f'"{part}"') for part in parts[::2]]
        filled = [word(self.expression(part.strip())) for part in parts[1::2]]
        return "".join(one + two for one, two in zip(plain, [*filled, ""], strict=True))

    def expression(self, text: str) -> Any:
        if text in ("true", "false"):
            return text == "true"
        if text.startswith('"'):
            return self.text(text)
        if re.fullmatch(r"-?\d+", text):
            return int(text)
        if found := re.fullmatch(r"(\S+) ([*+-]) (\d+)", text):
            left, right = self.expression(found[1]), int(found[3])
            return {"*": left * right, "+": left + right, "-": left - right}[found[2]]
        if found := re.fullmatch(r"tostring\((.*)\)", text):
            return word(self.expression(found[1]))
        if found := re.fullmatch(r"jsonencode\((.*)\)", text, re.DOTALL):
            return json.dumps(self.of(hcl2.loads(f"x = {found[1]}\n")["x"]))
        if REFERENCE.fullmatch(text):
            return self.reference(text)
        raise Unknown(text)

    def reference(self, path: str) -> Any:
        first, rest = path.split(".", 1)
        if first == "var":
            if rest in self.given:
                return self.given[rest]
            if "default" in (about := self.files.variables()[rest]):
                return self.of(about["default"])
            raise Unknown(f"{path} has no default and was not given")
        if first == "local":
            return self.of(self.files.locals()[rest])
        if path in self.made:
            return self.made[path]
        raise Unknown(path)


def word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- what the provider takes

SCHEMA = json.loads(Path(__file__).with_name("terraform-aws.schema.json").read_text())


def mistakes(files: Files) -> list[str]:
    """What the provider would refuse, and what refers to nothing."""
    found: list[str] = []
    for kind, type_, name, body in files.blocks():
        about = SCHEMA[kind].get(type_)
        if about is None:
            found.append(f"{type_} is not in the schema: cut it anew")
        else:
            found += wrong(f"{type_}.{name}", body, about)
    there = {(kind, type_, name) for kind, type_, name, _ in files.blocks()}
    for file, text in files.texts.items():
        for path in referred(text):
            if not exists(path, files, there):
                found.append(f"{file}: {path} is not there")
    used = {path for file, text in files.texts.items() if file != "variables.tf" for path in referred(text)}
    named = [f"var.{name}" for name in files.variables()] + [f"local.{name}" for name in files.locals()]
    return found + [f"{path} is never used" for path in named if path not in used]


def wrong(where: str, body: dict[str, Any], about: dict[str, Any]) -> list[str]:
    attributes, blocks = about["attributes"], about["blocks"]
    found = []
    for key, value in labels(body):
        is_block = isinstance(value, list) and any(
            isinstance(each, dict) and each.get("__is_block__") for each in value
        )
        if key in META:
            continue
        if is_block and key in blocks:
            if len(value) > 1 and not blocks[key]["many"]:
                found.append(f"{where}: more than one {key}")
            for each in value:
                found += wrong(f"{where}.{key}", each, blocks[key])
        elif is_block or key not in attributes:
            found.append(f"{where}: {key} is not known" + (" as a block" if is_block else ""))
        elif not fits(value, attributes[key]["type"]):
            found.append(f"{where}: {key} is not of the type {attributes[key]['type']}")
    for key, one in (attributes | blocks).items():
        if one["required"] and key not in dict(labels(body)):
            found.append(f"{where}: {key} is missing")
    return found


def fits(value: Any, type_: str) -> bool:
    if isinstance(value, str) and value.startswith("${"):
        return True
    kinds = {"list": list, "map": dict, "bool": bool, "number": (int, float), "string": str}
    return isinstance(value, kinds[type_.split("(")[0]])


def referred(text: str) -> set[str]:
    """References, outside of comments and of texts that are no templates."""
    text = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    inside = re.findall(r"\$\{([^}]*)\}", text)
    outside = re.sub(r'"(\\.|[^"\\])*"', '""', text)
    roots = r"\b((?:var|local|data|aws_\w+)\.[a-z_0-9]+(?:\.[a-z_0-9]+)*)"
    return {found for part in (*inside, outside) for found in re.findall(roots, part)}


def exists(path: str, files: Files, there: set[tuple[str, str, str]]) -> bool:
    parts = path.split(".")
    if parts[0] == "var":
        return parts[1] in files.variables()
    if parts[0] == "local":
        return parts[1] in files.locals()
    kind, (type_, name, *told) = ("data", parts[1:]) if parts[0] == "data" else ("resource", parts)
    return (kind, type_, name) in there and (not told or told[0] in SCHEMA[kind][type_]["told"])
