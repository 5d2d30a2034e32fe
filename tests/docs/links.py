"""Follows every link of the pages in the repository, and of the site: links.py SITE

A link within a page or to another one must lead to a heading that is there. Nothing is fetched."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(sys.argv[1]).resolve()
FORGE = "https://github.com/faultgate/faultgate/blob/main/"
# A page that this project's release puts up, or that mdBook makes.
MADE = {"print.html"}
broken: list[str] = []


def plain(text: str) -> str:
    """A page without its code."""
    return re.sub(r"^( *)(```+).*?^\1\2 *$", "", text, flags=re.DOTALL | re.MULTILINE)


@cache
def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    found: dict[str, int] = {}
    names = set()
    for heading in re.findall(r"^#+ +(.*?) *#*$", plain(page.read_text(encoding="utf-8")), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        name = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        count = found.get(name, 0)
        found[name] = count + 1
        names.add(f"{name}-{count}" if count else name)
    return names


def follow(page: Path, target: str) -> None:
    if target.startswith(FORGE):
        target, page = target.removeprefix(FORGE), ROOT / "README.md"
    elif re.match(r"[a-z]+:", target):
        return
    path, fragment = urldefrag(target)
    file = (page.parent / unquote(path)).resolve() if path else page
    if not file.exists():
        broken.append(f"{page.relative_to(ROOT)}: {target} leads nowhere")
    elif fragment and file.suffix == ".md" and fragment not in anchors(file):
        broken.append(f"{page.relative_to(ROOT)}: {target} has no such heading")


class Links(HTMLParser):
    """The links of a page of the site, and what they may lead to."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.ids.add(known.get("id") or "")
        if tag in ("a", "img", "script", "link"):
            self.links += [known[name] or "" for name in ("href", "src") if name in known]


parsed = cache(Links)
listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
pages = [ROOT / name for name in listed.split()]
assert len(pages) > 60, pages
count = 0
for page in pages:
    text = re.sub(r"`[^`\n]*`", "", plain(page.read_text(encoding="utf-8")))
    for target in re.findall(r"(?<=\]\()[^)\s]+(?=\))|(?<=src=\")[^\"]+|(?<=srcset=\")[^\"]+", text):
        count += 1
        follow(page, target)
site = [file for file in SITE.rglob("*.html") if file.name not in MADE]
for file in site:
    for target in parsed(file).links:
        if re.match(r"[a-z]+:|//", target) or not target:
            continue
        count += 1
        path, fragment = urldefrag(target)
        to = (file.parent / unquote(path)).resolve() if path else file
        to = to / "index.html" if to.is_dir() else to
        if not to.exists():
            broken.append(f"site, {file.relative_to(SITE)}: {target} leads nowhere")
        elif fragment and to.suffix == ".html" and to.name not in MADE and fragment not in parsed(to).ids:
            broken.append(f"site, {file.relative_to(SITE)}: {target} has no such heading")
listed_pages = set(re.findall(r"\(([\w-]+\.md)\)", (ROOT / "docs" / "SUMMARY.md").read_text(encoding="utf-8")))
missing = {page.name for page in (ROOT / "docs").glob("*.md")} - listed_pages - {"SUMMARY.md"}
broken += [f"docs/SUMMARY.md does not list {name}" for name in sorted(missing)]
if broken:
    sys.exit("\n".join(broken))
print(f"{count} links of {len(pages)} pages and of {len(site)} pages of the site lead somewhere")
