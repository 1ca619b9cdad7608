"""Plain text: a line an example, or the whole file as one document."""

from __future__ import annotations

from pathlib import Path

from recurra.data.examples import Examples, Place
from recurra.storage.files import read_text
from recurra.storage.text import split_lines


def read_lines(path: str | Path, *, document: bool = False, encoding: str = "utf-8") -> Examples:
    """Column `text`: one entry a line, empty lines included, or, with `document`, one entry for the file.

    Args:
        path: the file.
        document: the whole file is one entry.
        encoding: the encoding of the file.
    """
    lines = split_lines(read_text(path, encoding))
    if document:
        return Examples({"text": ["\n".join(lines) + "\n"]}, [Place(str(path), 1)], str(path))
    return Examples({"text": lines}, [Place(str(path), n + 1) for n in range(len(lines))], str(path))
