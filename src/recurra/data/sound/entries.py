"""Recordings as a column, or an item to predict, has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recurra.data.sound.recording import Recording, read_recording
from recurra.errors import Fault, quoted


def recording_at(entry: Any, where: str, base: Path) -> tuple[Recording, str]:
    """A recording, or that of the file at a path, which starts from `base`; and where it is, for messages.

    Raises:
        Fault: it is neither, or the file can't be read.
    """
    if isinstance(entry, (str, Path)):
        path = base / Path(entry).expanduser()
        where, entry = f"{where}: {path}", read_recording(path)
    if not isinstance(entry, Recording):
        raise Fault(f"{where}: {quoted(entry)} found, expected the path of a recording")
    return entry, where
