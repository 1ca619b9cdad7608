"""JSON lines: one object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from recurra.data.examples import Examples, Place
from recurra.errors import Fault
from recurra.storage.files import read_text


def read_jsonl(path: str | Path, *, encoding: str = "utf-8") -> Examples:
    """One example a line, its keys the columns; a key that a line lacks is an entry without value."""
    rows: list[dict[str, Any]] = []
    places = []
    names: dict[str, None] = {}
    for number, line in enumerate(read_text(path, encoding).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise Fault(f"{path}:{number}: not JSON at character {error.pos + 1}: {error.msg}") from None
        except (ValueError, RecursionError) as error:
            raise Fault(f"{path}:{number}: JSON that can't be read: {error}") from None
        if not isinstance(row, dict):
            raise Fault(f"{path}:{number}: a JSON {type(row).__name__} found, expected an object {{...}}")
        rows.append(row)
        places.append(Place(str(path), number))
        names.update(dict.fromkeys(row))
    if not names:
        raise Fault(f"{path}: objects without keys: expected named columns")
    return Examples({name: [row.get(name) for row in rows] for name in names}, places, str(path))
