"""JSON lines: one object a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recurra.data.examples import Examples, Place
from recurra.errors import Fault
from recurra.storage.files import read_text
from recurra.storage.text import parse_json, split_lines


def read_jsonl(path: str | Path, *, encoding: str = "utf-8") -> Examples:
    """One example a line, its keys the columns; a key that a line lacks is an entry without value.

    Args:
        path: the file.
        encoding: the encoding of the file.
    """
    rows: list[dict[str, Any]] = []
    places = []
    names: dict[str, None] = {}
    for number, line in enumerate(split_lines(read_text(path, encoding)), 1):
        if not line.strip():
            continue
        row = parse_json(line, f"{path}:{number}")
        if not isinstance(row, dict):
            raise Fault(f"{path}:{number}: a JSON {type(row).__name__} found, expected an object {{...}}")
        rows.append(row)
        places.append(Place(str(path), number))
        names.update(dict.fromkeys(row))
    if not names:
        raise Fault(f"{path}: objects without keys: expected named columns")
    return Examples({name: [row.get(name) for row in rows] for name in names}, places, str(path))
