"""Builds the documentation site: assembles build/docs from docs/ and what the code tells, runs zensical, and
follows every internal link of the pages that come out. Prints one line for each that leads nowhere.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pages

ROOT = Path(__file__).resolve().parent.parent
PAPERS = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
"""Files of the project that are pages of the site, too."""


def assemble(folder: Path) -> None:
    """The sources of the site, anew."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder)
    for name, page in PAPERS.items():
        (folder / page).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    for page in folder.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(_inward(text), encoding="utf-8")
    pages.reference(folder / "reference")


def _inward(text: str) -> str:
    """Links to the project's files beside docs/ as they lie in the site; of other files their names alone."""

    def link(match: re.Match[str]) -> str:
        words, up, target = match.groups()
        if target in PAPERS:
            return f"[{words}]({up.removesuffix('../')}{PAPERS[target]})"
        return match[0] if "../" not in up else words if not (ROOT / "docs" / target).exists() else match[0]

    return re.sub(r"\[([^\]]+)\]\(((?:\.\./)*)([^)#\s]+)\)", link, text)


class _Page(HTMLParser):
    """The links of a page, and what they can lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value and tag in ("a", "img", "source", "link", "script"):
                self.links.append(value)


def dead_links(site: Path) -> Iterator[str]:
    """Page and target of each internal link that leads nowhere."""
    parsed: dict[Path, _Page] = {}
    for path in sorted(site.rglob("*.html")):
        parsed[path] = _Page()
        parsed[path].feed(path.read_text(encoding="utf-8"))
    for path, page in parsed.items():
        if path.name == "404.html":
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            anchor = unquote(parts.fragment)
            known = parsed.get(target)
            if not target.exists() or (anchor and known is not None and anchor not in known.anchors):
                yield f"{path.relative_to(site)}: {link}"


def build() -> Path:
    """The site."""
    assemble(ROOT / "build" / "docs")
    zensical = Path(sys.executable).with_name("zensical")
    subprocess.run([str(zensical), "build", "--clean"], cwd=ROOT, check=True)
    return ROOT / "site"


def main() -> int:
    dead = [*dead_links(build())]
    for line in dead:
        print(line)
    return int(bool(dead))


if __name__ == "__main__":
    sys.exit(main())
