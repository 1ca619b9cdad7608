"""Tables of Arrow as examples."""

from __future__ import annotations

from typing import Any

from recurra.data.examples import Examples, Place
from recurra.errors import Fault


def examples_of(table: Any, source: str) -> Examples:
    """One example a row; the columns are the table's (a `pyarrow.Table`), missing values None.

    Raises:
        Fault: no row, or two columns of one name.
    """
    names = [str(name) for name in table.column_names]
    twice = next((name for k, name in enumerate(names) if name in names[:k]), None)
    if twice is not None:
        raise Fault(f"{source}: two columns are called {twice!r}: expected one of each name")
    if not table.num_rows:
        raise Fault(f"{source}: a table of 0 rows: expected at least one example")
    columns = {name: _entries(table.column(k)) for k, name in enumerate(names)}
    return Examples(columns, [Place(source, n + 1, "row") for n in range(table.num_rows)], source)


def _entries(column: Any) -> list[Any]:
    """The entries of a column; times to the nanosecond, which Python has no type for, as text."""
    kind = str(column.type)
    return list((column.cast("string") if kind.startswith("timestamp[ns") else column).to_pylist())
