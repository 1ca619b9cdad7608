"""What a docstring says of each attribute or argument: the one place where options are described."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

_BLOCK = re.compile(
    r"^(?:Attributes|Args|Arguments|Options besides those of the format):[^\n]*\n((?:[ \t]+.*\n?|\n)*)", re.M
)
_ROLE = re.compile(r":[a-z]+:`~?\.?([^`]*)`")


def sentences(owner: Any, names: Iterable[str]) -> dict[str, str]:
    """Name -> its sentence, for those that the docstring of a class, of the classes it derives from, or of a
    function describes.
    """
    names = list(names)
    texts: dict[str, str] = {}
    for each in owner.__mro__ if inspect.isclass(owner) else [owner]:
        text = (
            inspect.cleandoc(vars(each).get("__doc__") or "")
            if inspect.isclass(each)
            else inspect.getdoc(each)
        )
        for block in _BLOCK.finditer(f"{text or ''}\n"):
            for name, sentence in _entries(block[1], names):
                texts.setdefault(name, sentence)
    return texts


def summary(owner: Any) -> str:
    """The first paragraph of a docstring, on one line."""
    return _plain((inspect.getdoc(owner) or "").split("\n\n")[0])


def _entries(block: str, names: list[str]) -> list[tuple[str, str]]:
    """Entries as `name: sentence`, `one, other: sentence` or torch's `name (type): sentence`; several may
    stand in one paragraph.
    """
    pattern = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    if not pattern:
        return []
    start = re.compile(rf"(?:^|(?<=[.;\n]))\s*((?:{pattern})(?:, (?:{pattern}))*)(?: \([^\n]*?\))?: ?", re.M)
    matches = list(start.finditer(block))
    ends = [*(match.start() for match in matches[1:]), len(block)][: len(matches)]
    pairs = []
    for match, end in zip(matches, ends, strict=True):
        text = _plain(block[match.end() : end])
        pairs += [(name.strip(), text) for name in match[1].split(",")]
    return pairs


def _plain(text: str) -> str:
    return " ".join(_ROLE.sub(r"\1", text).replace("``", "`").split())
