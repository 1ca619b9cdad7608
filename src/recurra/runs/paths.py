"""Where the paths of a recipe start."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PLACES = (
    "data.train",
    "data.validation",
    "data.test",
    "data.common",
    "model.embeddings",
    "model.search.language_model",
    "train.start_from",
)
"""Keys that hold paths: a text, a table with the key `path`, or lists of them."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # builtin:NAME, hf://NAME


def anchored(table: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """The recipe with every relative path as an absolute one that starts from the folder `base`."""
    result = dict(table)
    for place in PLACES:
        *path, last = place.split(".")
        section: Any = result
        for name in path:
            inner = section.get(name)
            if not isinstance(inner, Mapping):
                break
            section[name] = dict(inner)
            section = section[name]
        else:
            if last in section:
                section[last] = _anchored(section[last], base.resolve())
    return result


def _anchored(source: Any, base: Path) -> Any:
    if isinstance(source, str):
        return _absolute(source, base)
    if isinstance(source, Mapping):
        return {key: _anchored(value, base) if key == "path" else value for key, value in source.items()}
    return [_anchored(each, base) for each in source] if isinstance(source, list) else source


def _absolute(text: str, base: Path) -> str:
    if not text or text.startswith("~") or _NAME.match(text) or Path(text).is_absolute():
        return text
    parts = Path(text).parts
    while parts[:1] == ("..",):
        base, parts = base.parent, parts[1:]
    return str(base.joinpath(*parts))
