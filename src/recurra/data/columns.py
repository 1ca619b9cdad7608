"""Entries of a column as text, tokens, labels, numbers or vectors; what does not fit is told by its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from recurra.data.examples import Examples, Place
from recurra.errors import Fault

T = TypeVar("T")


def text(examples: Examples, column: str) -> list[str]:
    """One text for each example."""
    return _each(examples, column, _text)


def tokens(examples: Examples, column: str) -> list[list[str]]:
    """One list of tokens for each example: a list as it stands, a text cut at white space."""
    return _each(examples, column, lambda entry, where: _list(entry, where, "tokens"))


def labels(examples: Examples, column: str) -> list[str]:
    """One label for each example; whole numbers become text, an empty label is a Fault."""
    return _each(examples, column, _label)


def tags(examples: Examples, column: str, like: str | None = None) -> list[list[str]]:
    """One list of labels for each example; as many as the tokens of the column `like`, if given."""
    rows = _each(examples, column, lambda entry, where: _list(entry, where, "tags"))
    if like is not None:
        for place, row, words in zip(examples.places, rows, tokens(examples, like), strict=True):
            if len(row) != len(words):
                raise Fault(
                    f"{place}: column {column!r} has {len(row)} tags, expected {len(words)}, "
                    f"one for each token of {like!r}"
                )
    return rows


def numbers(examples: Examples, *columns: str) -> Tensor:
    """`[N, C]` float32, one column of the result for each column named; all finite."""
    return torch.stack(
        [torch.tensor(_each(examples, c, _number), dtype=torch.float64).float() for c in columns], 1
    )


def vectors(examples: Examples, column: str) -> list[Tensor]:
    """One `[T, F]` float32 tensor for each example, the same F for all; all finite.

    An entry is an array, a list of lists (or JSON text of one), or a flat list or text of numbers, which
    means F = 1.
    """
    rows = _each(examples, column, _vector)
    size = next((row.shape[1] for row in rows if len(row)), 1)
    for index, (place, row) in enumerate(zip(examples.places, rows, strict=True)):
        if not len(row):
            rows[index] = row.new_zeros(0, size)
        elif row.shape[1] != size:
            raise Fault(
                f"{place}: column {column!r}: vectors of {row.shape[1]} numbers found, "
                f"expected {size} as in the examples before"
            )
    return rows


def _each(examples: Examples, column: str, convert: Callable[[Any, Callable[[], str]], T]) -> list[T]:
    def convert_one(entry: Any, place: Place) -> T:
        def where() -> str:
            return f"{place}: column {column!r}"

        if entry is None:
            raise Fault(f"{where()}: no value found, expected one in every example")
        return convert(entry, where)

    return [convert_one(entry, place) for entry, place in zip(examples[column], examples.places, strict=True)]


def _text(entry: Any, where: Callable[[], str]) -> str:
    if isinstance(entry, str):
        return entry
    raise Fault(f"{where()}: {excerpt(entry)} found, expected text")


def _label(entry: Any, where: Callable[[], str]) -> str:
    if isinstance(entry, (int, np.integer)) and not isinstance(entry, bool):
        return str(int(entry))
    if isinstance(entry, bool):
        return "true" if entry else "false"
    if isinstance(entry, str) and entry.strip():
        return entry.strip()
    raise Fault(f"{where()}: {excerpt(entry)} found, expected a label (text or a whole number)")


def _list(entry: Any, where: Callable[[], str], what: str) -> list[str]:
    if isinstance(entry, str):
        return entry.split()
    if isinstance(entry, Sequence) and all(isinstance(item, str) for item in entry):
        return list(entry)
    raise Fault(
        f"{where()}: {excerpt(entry)} found, expected {what}: a list of texts, or text with blanks between"
    )


def _number(entry: Any, where: Callable[[], str]) -> float:
    try:
        if isinstance(entry, (bool, np.bool_)):
            raise TypeError
        value = float(entry)
    except (TypeError, ValueError, OverflowError):
        raise Fault(f"{where()}: {excerpt(entry)} found, expected a number") from None
    if not np.isfinite(value) or abs(value) > torch.finfo(torch.float32).max:
        raise Fault(
            f"{where()}: {excerpt(entry)} found, expected a finite number: correct or remove this example"
        )
    return value


def _vector(entry: Any, where: Callable[[], str]) -> Tensor:
    try:
        if isinstance(entry, str):
            entry = json.loads(entry) if entry.lstrip().startswith("[") else entry.split()
        array = np.asarray(entry, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise Fault(
            f"{where()}: {excerpt(entry)} found, expected numbers: a list of rows of one length"
        ) from None
    array = array.reshape(-1, 1) if array.ndim < 2 else array
    if array.ndim > 2:
        raise Fault(f"{where()}: numbers nested {array.ndim} deep found, expected rows of numbers (2 deep)")
    bad = np.argwhere(~(np.abs(array) <= torch.finfo(torch.float32).max))
    if len(bad):
        step, feature = (int(i) for i in bad[0])
        raise Fault(
            f"{where()}: {array[step, feature]} found at step {step + 1}, number {feature + 1}, "
            f"expected finite numbers: correct or remove this example"
        )
    return torch.from_numpy(array).float()


def excerpt(entry: Any) -> str:
    """As Python writes it, cut short, for messages."""
    text = repr(entry)
    return text if len(text) <= 40 else f"{text[:37]}..."
