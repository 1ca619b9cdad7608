"""Tables that a program has in memory, lent to recipes by name: `train = "memory:train"`.

A table is a DataFrame of pandas, polars, Modin or cuDF, a table of pyarrow, a relation of DuckDB, a dataset
of the library `datasets`, a mapping of column names to lists, or a list of mappings, one a row. An index of
pandas that has a name is a column too.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from recurra.data.arrow import examples_of
from recurra.data.examples import Examples, Place
from recurra.errors import Fault, nearest, quoted

MEMORY = "memory:"
"""What the name of a lent table begins with, where a recipe says what to read."""

_LENT: ContextVar[Mapping[str, Any]] = ContextVar("tables", default={})  # noqa: B039


@contextmanager
def lending(tables: Mapping[str, Any]) -> Iterator[None]:
    """Within it, recipes and tasks of this thread read `memory:NAME` as these tables."""
    token = _LENT.set({**_LENT.get(), **tables})
    try:
        yield
    finally:
        _LENT.reset(token)


def memory_examples(name: str) -> Examples:
    """The rows of a lent table.

    Raises:
        Fault: none is lent under the name, it is no table, or it has columns that can't be read.
    """
    return table_examples(_lent(name), f"{MEMORY}{name}")


def memory_digest(name: str) -> str:
    """Of a lent table's columns and rows."""
    columns = memory_examples(name).columns
    return hashlib.sha256(repr(sorted(columns.items())).encode("utf-8", "surrogatepass")).hexdigest()


def table_examples(table: Any, source: str) -> Examples:
    """The rows of any table in memory, see above.

    Args:
        source: its name in messages.

    Raises:
        Fault: it is no table, has no rows, columns of one name, or columns that can't be read.
    """
    if isinstance(table, Mapping):
        columns = {
            str(name): _listed(entries, f"{source}: column {name!r}") for name, entries in table.items()
        }
        lengths = {name: len(entries) for name, entries in columns.items()}
        if len(set(lengths.values())) > 1:
            raise Fault(f"{source}: columns of different lengths: {quoted(lengths)}")
        return _examples(columns, source)
    if isinstance(table, Sequence) and not isinstance(table, (str, bytes)):
        wrong = next((k for k, row in enumerate(table) if not isinstance(row, Mapping)), None)
        if wrong is not None:
            raise Fault(f"{source}: row {wrong + 1} is {quoted(table[wrong])}, expected a table of columns")
        names = dict.fromkeys(str(name) for row in table for name in row)
        return _examples({name: [row.get(name) for row in table] for name in names}, source)
    if hasattr(table, "column_names") and hasattr(table, "to_dict"):  # of the library datasets
        return _examples(dict(table.to_dict()), source)
    return examples_of(_arrow(table, source), source)


def like_table(columns: dict[str, list[Any]], table: Any) -> Any:
    """Columns as a table of the library of another one; themselves where that is of none."""
    if isinstance(table, (Mapping, Sequence)) or not hasattr(table, "columns"):
        return columns
    narwhals = importlib.import_module("narwhals")
    frame = narwhals.from_native(table)
    return narwhals.from_dict(columns, backend=frame.implementation).to_native()


def _lent(name: str) -> Any:
    tables = _LENT.get()
    if name in tables:
        return tables[name]
    raise Fault(
        f"{MEMORY}{name}: no table is lent under this name{nearest(name, tables) if tables else ''}: data "
        f"that was in memory is in no file: give it again, as in recurra.evaluate(run, train=table)"
    )


def _examples(columns: dict[str, list[Any]], source: str) -> Examples:
    count = len(next(iter(columns.values()), ()))
    if not count:
        raise Fault(f"{source}: a table of 0 rows: expected at least one example")
    return Examples(columns, [Place(source, n + 1, "row") for n in range(count)], source)


def _listed(entries: Any, what: str) -> list[Any]:
    if isinstance(entries, (str, bytes)) or not hasattr(entries, "__iter__"):
        raise Fault(f"{what} is {quoted(entries)}, expected a list of entries")
    return list(entries.tolist() if hasattr(entries, "tolist") else entries)


def _arrow(table: Any, source: str) -> Any:
    """As a `pyarrow.Table`."""
    try:
        narwhals = importlib.import_module("narwhals")
        importlib.import_module("pyarrow")
    except ModuleNotFoundError as error:
        raise Fault(f"{source}: tables in memory need {error.name}: install 'recurra[data]'") from None
    try:
        frame = narwhals.from_native(table)
    except Exception as error:
        kind = f"{type(table).__module__}.{type(table).__name__}"
        raise Fault(
            f"{source}: a {kind} found ({error}), expected a DataFrame, an Arrow table, a mapping of columns "
            f"or a list of rows"
        ) from None
    if hasattr(frame, "collect"):  # computed when it is asked for
        frame = frame.collect()
    try:
        if frame.implementation.is_pandas_like():
            frame = narwhals.from_native(_with_index(frame.to_native(), source), eager_only=True)
        return frame.to_arrow()
    except Fault:
        raise
    except Exception as error:
        raise Fault(f"{source}: a column can't be read: {error}") from None


def _with_index(frame: Any, source: str) -> Any:
    """A frame like pandas' whose index, where it has a name, is a column."""
    names = [name for name in frame.index.names if name is not None]
    if not names and str(frame.index.dtype).startswith(("datetime", "period")):
        raise Fault(
            f"{source}: its index holds times and has no name: name it, as in frame.rename_axis('time'), to "
            f"have it as a column, or leave it out by frame.reset_index(drop=True)"
        )
    return frame.reset_index(drop=not names)
