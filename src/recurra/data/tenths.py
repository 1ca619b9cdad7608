"""Parts of data that comes without: by the digest of what an example is, so that its copies stay together."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from recurra.errors import Fault, quoted

Part = Literal["all", "train", "validation", "test"]
_PARTS = {"train": range(8), "validation": range(8, 9), "test": range(9, 10), "all": range(10)}


def check_part(path: str | Path, part: str) -> None:
    """Fault where there is no such part."""
    if part not in _PARTS:
        raise Fault(f"{path}: part = {quoted(part)} found, expected one of: {', '.join(sorted(_PARTS))}")


def in_part(text: str, part: str) -> bool:
    """Whether a text is of that part: 8 tenths of all are "train", one is "validation", one is "test"."""
    return int(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), 16) % 10 in _PARTS[part]
