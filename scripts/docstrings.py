"""Docstrings as Markdown: sections of Google's style become lists."""

from __future__ import annotations

import inspect
import re
from typing import Any

SECTIONS = ("Args", "Attributes", "Options besides those of the format", "Raises", "Returns", "Yields")
_SECTION = re.compile(rf"^({'|'.join(SECTIONS)}):\s*$")
_ENTRY = re.compile(r"^([\w*][\w., *\[\]]*): +(.*)$")


def markdown(owner: Any, without: tuple[str, ...] = ()) -> str:
    """The docstring of an object; empty where it has none of its own.

    Args:
        without: sections to leave out.
    """
    lines: list[str] = []
    section = ""
    code = False
    for line in (inspect.getdoc(owner) or "").splitlines():
        code ^= line.lstrip().startswith("```")
        match = None if code else _SECTION.match(line)
        if match:
            section = match[1]
            if section not in without:
                lines += ["", f"**{section}**", ""]
        elif section and line and not line.startswith(" "):
            section = ""
            lines += ["", _plain(line)]
        elif section in without and section:
            continue
        elif section and not code:
            lines.append(_item(line))
        else:
            lines.append(line if code else _plain(line))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _item(line: str) -> str:
    depth = len(line) - len(line.lstrip())
    entry = _ENTRY.match(line.strip())
    if depth == 4 and entry:
        names = ", ".join(f"`{name.strip()}`" for name in entry[1].split(","))
        return f"- {names}: {_plain(entry[2])}"
    return f"  {_plain(line.strip())}" if line.strip() else ""


def _plain(text: str) -> str:
    """What Markdown would take for tags, and roles of Sphinx."""
    parts = re.split(r"(`[^`]*`)", re.sub(r":[a-z]+:`~?\.?([^`]*)`", r"`\1`", text))
    return "".join(
        part if part.startswith("`") else part.replace("<", "&lt;").replace("*", r"\*").replace("_", r"\_")
        for part in parts
    )
