"""A preprocessor of mdBook: links that lead out of docs/ lead to the repository's page at its forge."""

from __future__ import annotations

import json
import re
import sys

FORGE = "https://github.com/faultgate/faultgate/blob/main/"
LINK = re.compile(r"(\]\()\.\./([^)]*\))")


def mend(node: object) -> None:
    if isinstance(node, dict):
        if "content" in node:
            node["content"] = LINK.sub(rf"\1{FORGE}\2", node["content"])
        for each in node.values():
            mend(each)
    elif isinstance(node, list):
        for each in node:
            mend(each)


if sys.argv[1:2] == ["supports"]:
    sys.exit(0)
_, book = json.load(sys.stdin)
mend(book)
json.dump(book, sys.stdout)
