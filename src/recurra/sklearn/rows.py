"""What scikit-learn calls X: rows of words or of numbers, in whatever form they come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from recurra.data.columns import excerpt
from recurra.errors import Fault, quoted

Kind = Literal["text", "tokens", "vectors"]
_NAMES = {"text": "a text", "tokens": "a list of words", "vectors": "an array of numbers, [T] or [T, F]"}


class Rows(NamedTuple):
    """Rows of one kind: texts, lists of words, or lists of steps, each a list of numbers."""

    kind: Kind
    entries: list[Any]


def rows_of(table: Any, owner: str) -> Rows:
    """The rows of X.

    Args:
        table: texts; lists of words; arrays `[T, F]`, or `[T]` of one number a step; an array `[N, T, F]` or
            `[N, T]`; a column of a DataFrame, or a DataFrame of one column, or of numbers as `[N, T]`.
        owner: who asks, for messages.

    Raises:
        Fault: it is none of these, or a row is of another kind than the first.
    """
    entries = [*_entries(table, owner)]
    rows: list[Any] = []
    kind: Kind | None = None
    for number, entry in enumerate(entries, 1):
        one = _row(entry)
        if one is None or (kind is not None and one[0] != kind):
            wish = (
                "texts, lists of words or arrays of numbers"
                if kind is None
                else f"{_NAMES[kind]}, as in row 1"
            )
            raise Fault(f"{owner}: row {number} of X: {excerpt(entry)} found, expected {wish}")
        kind = one[0]
        rows.append(one[1])
    return Rows(kind or "text", rows)


def _entries(table: Any, owner: str) -> Iterable[Any]:
    if hasattr(table, "toarray"):
        raise Fault(f"{owner}: a sparse matrix found as X, expected sequences: it has no order of steps")
    if isinstance(table, (str, bytes, Mapping)) or not hasattr(table, "__iter__"):
        raise Fault(f"{owner}: {quoted(table)} found as X, expected a list of rows")
    if hasattr(table, "columns"):
        table = _frame(table, owner)
    array = np.asarray(table) if hasattr(table, "__array__") else None
    if array is None:
        return list(table)
    if array.dtype.kind in "biuf":
        if array.ndim not in (2, 3):
            raise Fault(
                f"{owner}: an array of {array.ndim} dimensions found as X, expected [N, T, F], or [N, T] of "
                f"one number a step"
            )
        return list(array)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise Fault(
            f"{owner}: an array of {array.ndim} dimensions of {array.dtype} found as X, expected numbers, "
            f"or one column of texts"
        )
    return list(array)


def _frame(table: Any, owner: str) -> Any:
    names = list(table.columns)
    if len(names) == 1:
        return table[names[0]]
    array = np.asarray(table)
    if array.dtype.kind not in "biuf":
        some = ", ".join(map(str, names[:8]))
        raise Fault(
            f"{owner}: a table of {len(names)} columns ({some}) found as X, expected one column of rows, as "
            f"in X[{names[0]!r}], or numbers alone, each column one step"
        )
    return array


def _row(entry: Any) -> tuple[Kind, Any] | None:
    if isinstance(entry, str):
        return "text", str(entry)
    if hasattr(entry, "detach"):  # a tensor, on whatever device
        entry = entry.detach().cpu().numpy()
    if not isinstance(entry, (list, tuple, np.ndarray)):
        return None
    if len(entry) and all(isinstance(word, str) for word in entry):
        return "tokens", [str(word) for word in entry]
    try:
        array = np.asarray(entry, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    return ("vectors", array.tolist()) if array.ndim == 2 else None
