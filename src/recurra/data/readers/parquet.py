"""Parquet tables."""

from __future__ import annotations

import importlib
import io
from pathlib import Path

from recurra.data.arrow import examples_of
from recurra.data.examples import Examples
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
        return examples_of(table, str(path))
    except Fault:
        raise
    except Exception as error:  # an altered table can fail in any part of pyarrow, text decoding included
        raise Fault(f"{path}: not a complete Parquet table: {error}") from None
