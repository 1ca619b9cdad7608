"""Tables that a program has in memory, lent to recipes by name: `train = "memory:train"`.

A table is a DataFrame of pandas, polars, Modin or cuDF, a table of pyarrow, a relation of DuckDB, a dataset
of the library `datasets`, a mapping of column names to lists, or a list of mappings, one a row. An index of
pandas that has a name is a column too.
"""

from __future__ import annotations

import datetime
import hashlib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from decimal import Decimal
from numbers import Number
from typing import Any

from recurra.data.arrow import examples_of
from recurra.data.examples import Examples, Place
from recurra.errors import Fault, nearest, quoted

MEMORY = "memory:"
"""What the name of a lent table begins with, where a recipe says what to read."""

_KINDS = (str, bytes, Number, Decimal, datetime.date, datetime.time, datetime.timedelta, list, tuple, dict)
"""What an entry of a column of Python's objects may be."""

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
    return _of_frame(table, source)


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


def _of_frame(table: Any, source: str) -> Examples:
    try:
        narwhals = importlib.import_module("narwhals")
        importlib.import_module("pyarrow")
    except ModuleNotFoundError as error:
        raise Fault(f"{source}: tables in memory need {error.name}: install 'recurra[data]'") from None
    if narwhals.dependencies.is_pandas_like_dataframe(table):
        return _of_pandas(table, source)
    try:
        frame = narwhals.from_native(table)
    except Exception as error:
        kind = f"{type(table).__module__}.{type(table).__name__}"
        raise Fault(
            f"{source}: a {kind} found ({error}), expected a DataFrame, an Arrow table, a mapping of columns "
            f"or a list of rows"
        ) from None
    return examples_of(_to_arrow(frame, source), source)


def _to_arrow(frame: Any, source: str) -> Any:
    """As a `pyarrow.Table`."""
    narwhals = importlib.import_module("narwhals")
    try:
        frame = narwhals.from_native(frame, pass_through=True)
        if not hasattr(frame, "implementation"):
            raise TypeError("no table")
        if hasattr(frame, "collect"):  # computed when it is asked for
            frame = frame.collect()
        return frame.to_arrow()
    except Exception as error:
        raise Fault(f"{source}: a column can't be read: {error}") from None


def _with_index(frame: Any, source: str) -> Any:
    """A frame like pandas' whose index is columns, as far as its levels have names; columns are texts.

    Raises:
        Fault: two columns of one name, columns of several levels, or an index of times without a name.
    """
    if frame.columns.nlevels > 1:
        raise Fault(
            f"{source}: columns of {frame.columns.nlevels} levels found, expected one name each, as from "
            f"frame.columns = ['_'.join(name) for name in frame.columns]"
        )
    names = [name for name in frame.index.names if name is not None]
    if not names and str(frame.index.dtype).startswith(("datetime", "period")):
        raise Fault(
            f"{source}: its index holds times and has no name: name it, as in frame.rename_axis('time'), to "
            f"have it as a column, or leave it out by frame.reset_index(drop=True)"
        )
    listed = [str(name) for name in (*names, *frame.columns)]
    twice = next((name for k, name in enumerate(listed) if name in listed[:k]), None)
    if twice is not None:
        what = ", one of them the index" if twice in map(str, names) else ""
        raise Fault(f"{source}: two columns are called {twice!r}{what}: expected one of each name")
    unnamed = [k for k, name in enumerate(frame.index.names) if name is None]
    if names and unnamed:
        frame = frame.reset_index(level=unnamed, drop=True)
    frame = frame.reset_index(drop=not names)
    frame.columns = listed
    return frame


def _of_pandas(frame: Any, source: str) -> Examples:
    """A frame like pandas'. What Arrow has no type for, or turns into another, is taken as it stands: times
    of several zones, periods, and entries of several kinds.
    """
    frame = _with_index(frame, source)
    plain = [name for name in frame.columns if _is_plain(frame[name].dtype)]
    table = _to_arrow(frame[plain], source) if plain else None
    columns = {} if table is None else examples_of(table, source).columns
    columns |= {name: _cells(frame[name], source) for name in frame.columns if name not in columns}
    return _examples({name: columns[name] for name in frame.columns}, source)


def _is_plain(dtype: Any) -> bool:
    return str(dtype) != "object" and not str(dtype).startswith(("period", "Sparse"))


def _cells(column: Any, source: str) -> list[Any]:
    """The entries of a column of Python's objects, periods as what they are called, missing ones None."""
    if str(column.dtype).startswith("Sparse"):
        column = column.sparse.to_dense()
    weeks = str(column.dtype).startswith("period[W")
    cells: list[Any] = []
    for row, (entry, missing) in enumerate(zip(column.tolist(), column.isna().tolist(), strict=True), 1):
        if missing is True:
            cells.append(None)
        elif type(entry).__name__ == "Period":
            cells.append(str(entry.start_time.date()) if weeks else str(entry))
        elif isinstance(entry, _KINDS) or hasattr(entry, "tolist"):
            cells.append(entry.tolist() if hasattr(entry, "tolist") else entry)
        else:
            raise Fault(
                f"{source}: a column can't be read: row {row}: column {column.name!r}: {quoted(entry)} "
                f"found, expected text, numbers, times, lists or tables"
            )
    return cells
