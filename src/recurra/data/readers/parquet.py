"""Parquet tables."""

from __future__ import annotations

import importlib
import io
from pathlib import Path
from typing import Any

from recurra.data.examples import Examples, Place
from recurra.errors import Fault
from recurra.storage.files import read_bytes
from recurra.storage.kinds import kind_of


def read_parquet(path: str | Path) -> Examples:
    """One example a row; the columns are the table's."""
    data = read_bytes(path)
    if not data:
        raise Fault(f"{path}: empty file: expected at least one example")
    kind = kind_of(data, text=False)
    if kind is not None and "Parquet" not in kind.name:
        advice = f": {kind.advice}" if kind.advice else ""
        raise Fault(f"{path}: {kind.name} found, expected a Parquet table{advice}")
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ModuleNotFoundError:
        raise Fault(f"{path}: reading Parquet needs pyarrow: install recurra[data]") from None
    try:
        table = parquet.read_table(io.BytesIO(data))
        columns = {str(name): _entries(table.column(name)) for name in table.column_names}
    except Exception as error:  # an altered table can fail in any part of pyarrow, text decoding included
        raise Fault(f"{path}: not a complete Parquet table: {error}") from None
    if not table.num_rows:
        raise Fault(f"{path}: a table of 0 rows: expected at least one example")
    return Examples(columns, [Place(str(path), n + 1, "row") for n in range(table.num_rows)], str(path))


def _entries(column: Any) -> list[Any]:
    """The entries of a column; times to the nanosecond, which Python has no type for, as text."""
    kind = str(column.type)
    return list((column.cast("string") if kind.startswith("timestamp[ns") else column).to_pylist())
