"""Printing: tables and colour on a terminal, tab-separated lines elsewhere, JSON where asked for."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def escape_output() -> None:
    """From now on stdout writes as an escape what its encoding does not have, as stderr does.

    The encoding stays the one that the environment asks for: it is what reads there.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def emit(value: Any) -> None:
    """One JSON value on one line, at once; with JSON's own escapes where stdout is not in Unicode."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(json.dumps(value, ensure_ascii=not encoding.lower().startswith("utf")), flush=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A table: drawn on a terminal, tab-separated under a line of names elsewhere."""
    texts = [[_text(cell) for cell in row] for row in rows]
    if sys.stdout is not None and sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        picture = Table(*columns, header_style="bold cyan")
        for row in texts:
            picture.add_row(*map(_escape, row))
        Console().print(picture)
    else:
        for row in [list(columns), *texts]:
            print("\t".join(" ".join(cell.split()) for cell in row))


def pairs(values: Mapping[str, Any], as_json: bool) -> None:
    """Names and values: JSON, or a table of two columns."""
    if as_json:
        emit(dict(values))
    else:
        table(("name", "value"), list(values.items()))


def _text(cell: Any) -> str:
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _escape(text: str) -> str:
    return text.replace("[", r"\[")
