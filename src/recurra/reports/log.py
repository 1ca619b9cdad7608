"""What a training told of itself, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recurra.errors import Fault
from recurra.storage.files import read_plain
from recurra.storage.json_text import parse_json


def read_log(path: Path) -> list[dict[str, Any]]:
    """The entries of a run's `log.jsonl`. Fault where one is none."""
    try:
        lines = read_plain(path).decode().splitlines()
    except UnicodeDecodeError as error:
        raise Fault(f"{path}: not a complete log: byte {error.start} is not UTF-8") from None
    return [parse_json(line, f"{path}:{number}") for number, line in enumerate(lines, 1)]
