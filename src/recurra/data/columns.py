"""Entries of a column as text, tokens, labels, numbers or vectors; what does not fit is told by its place."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from recurra.data.examples import Examples, Place
from recurra.data.notation import Notation, decimal_mark, mark_of, number_text, plain
from recurra.errors import Fault

T = TypeVar("T")

CORRECT_ROWS = "correct or remove these rows"
_COLUMNS_TOLD = 8
_PLACES_TOLD = 3
_CORRECT = ": correct or remove this example"
_INFINITE = frozenset(f"{sign}{word}" for sign in ("", "+", "-") for word in ("inf", "infinity"))
_LARGEST = torch.finfo(torch.float32).max
_MARKS = {".": "a decimal point", ",": "a decimal comma"}


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


def numbers(examples: Examples, *columns: str, advice: str = CORRECT_ROWS) -> Tensor:
    """`[N, C]` float32, one column of the result for each column named; all finite.

    Args:
        advice: what to do about several entries that are no numbers.

    Raises:
        Fault: entries that are no finite numbers; where there are several, how many, and where.
    """
    table, wrong = read_numbers(examples, *columns)
    if wrong:
        raise told_together(wrong, advice)
    return table


class Wrong(NamedTuple):
    """An entry that is no finite number.

    Attributes:
        row: its example. place, column: where it stands. message: what is wrong.
        missing: whether it stands for no value at all.
    """

    row: int
    place: Place
    column: str
    message: str
    missing: bool


def read_numbers(examples: Examples, *columns: str) -> tuple[Tensor, list[Wrong]]:
    """`[N, C]` float32 with NaN where there is no finite number, and those entries, row by row.

    Raises:
        Fault: it can't be told whether a comma is a decimal mark.
    """
    marks = decimal_marks(examples, columns)
    wrong: list[Wrong] = []
    values = []
    for name in columns:
        column = []
        for row, (entry, place) in enumerate(zip(examples[name], examples.places, strict=True)):
            value, problem = _number(entry, examples.notation, marks[place.file])
            if problem:
                missing = examples.notation.is_missing(entry)
                wrong.append(Wrong(row, place, name, f"{place}: column {name!r}: {problem}", missing))
            column.append(value)
        values.append(torch.tensor(column, dtype=torch.float64).float())
    return torch.stack(values, 1), sorted(wrong, key=lambda each: each.row)


def told_together(wrong: Sequence[Wrong], advice: str) -> Fault:
    """What is wrong with the first entry, and where the others are."""
    if len(wrong) == 1:
        return Fault(wrong[0].message)
    first = wrong[0].message.removesuffix(_CORRECT)
    return Fault(f"{first}; {len(wrong)} entries are so in all: {_by_column(wrong)}: {advice}")


def count_of(wrong: Sequence[Wrong]) -> str:
    """How many entries, and where they stand: "3 numbers ('a' 2 times (a.csv:3, a.csv:4), ...)"."""
    return f"{len(wrong):,} number{'s' if len(wrong) > 1 else ''} ({_by_column(wrong)})"


def _by_column(wrong: Sequence[Wrong]) -> str:
    columns: dict[str, list[Place]] = {}
    for each in wrong:
        columns.setdefault(each.column, []).append(each.place)
    counts = [
        f"{name!r} {len(places)} time{'s' if len(places) > 1 else ''} ({some(places)})"
        for name, places in list(columns.items())[:_COLUMNS_TOLD]
    ]
    if len(columns) > _COLUMNS_TOLD:
        counts.append(f"and in {len(columns) - _COLUMNS_TOLD} more columns")
    return ", ".join(counts)


def some(places: Sequence[Place]) -> str:
    """The first of several places, for messages."""
    return ", ".join(map(str, places[:_PLACES_TOLD])) + (", ..." if len(places) > _PLACES_TOLD else "")


def decimal_marks(examples: Examples, columns: Sequence[str]) -> dict[str, str]:
    """File -> the decimal mark of its numbers in these columns: as was said, or as they show.

    Raises:
        Fault: they contradict one another, or 1,234 may be 1.234 as well as 1234.
    """
    files = dict.fromkeys(place.file for place in examples.places)
    if examples.notation.decimal is not None:
        return dict.fromkeys(files, examples.notation.decimal)
    return {file: _mark_of(examples, columns, file) for file in files}


def _mark_of(examples: Examples, columns: Sequence[str], file: str) -> str:
    texts = [
        (place, name, entry)
        for name in columns
        for entry, place in zip(examples[name], examples.places, strict=True)
        if isinstance(entry, str) and place.file == file
    ]
    signs = decimal_mark(entry for _, _, entry in texts)
    if signs in ("both", "either"):
        place, name, entry = next(each for each in texts if (mark_of(each[2]) or "").endswith(","))
        meaning = f"may mean {plain(entry, ',')} as well as {plain(entry, '.')}"
        if signs == "both":
            meaning = "has a decimal comma, but other numbers of the file have a decimal point"
        raise Fault(
            f"{place}: column {name!r}: {excerpt(entry)} {meaning}: set decimal = ',' or '.' in the source, "
            f"as {{ path = ..., decimal = ',' }}"
        )
    if signs is None and any(mark_of(entry) == "either." for _, _, entry in texts):
        return "," if _commas_elsewhere(examples, columns, file) else "."
    return signs or "."


def _commas_elsewhere(examples: Examples, columns: Sequence[str], file: str) -> bool:
    """Whether a column of numbers beside these has decimal commas."""
    rows = [row for row, place in enumerate(examples.places) if place.file == file]
    for name, entries in examples.columns.items():
        texts = [entries[row] for row in rows if not examples.notation.is_missing(entries[row])]
        if name in columns or not all(isinstance(entry, str) for entry in texts):
            continue
        if decimal_mark(texts) == "," and all(plain(entry, ",") is not None for entry in texts):
            return True
    return False


def vectors(examples: Examples, column: str) -> list[Tensor]:
    """One `[T, F]` float32 tensor for each example, the same F for all; all finite.

    An entry is an array, a list of lists (or JSON text of one), or a flat list or text of numbers, which
    means F = 1.
    """
    marks = _marks_of_vectors(examples, column)
    rows, wrong = [], []
    for number, (entry, place) in enumerate(zip(examples[column], examples.places, strict=True)):
        where = f"{place}: column {column!r}"
        try:
            rows.append(_vector(entry, where, marks[place.file]))
        except Fault as fault:
            wrong.append(Wrong(number, place, column, str(fault), entry is None))
    if wrong:
        raise told_together(wrong, "correct or remove these examples")
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


def _number(entry: Any, notation: Notation, decimal: str) -> tuple[float, str]:
    """The number, and what is wrong with it."""
    if entry is None:
        return math.nan, "no value found, expected one in every example"
    if notation.is_missing(entry) or (isinstance(entry, str) and entry.strip().lower() in _INFINITE):
        return math.nan, f"{excerpt(entry)} found, expected a finite number{_CORRECT}"
    text = number_text(entry, decimal)
    if text is None:
        hint = f" with {_MARKS[decimal]}" if isinstance(entry, str) and mark_of(entry) else ""
        return math.nan, f"{excerpt(entry)} found, expected a number{hint}"
    value = float(text)
    if not math.isfinite(value) or abs(value) > _LARGEST:
        return math.nan, f"{excerpt(entry)} found, expected a finite number{_CORRECT}"
    return value, ""


def _marks_of_vectors(examples: Examples, column: str) -> dict[str, str]:
    """File -> the decimal mark of texts of numbers with blanks between."""
    tokens = [
        (place, token)
        for entry, place in zip(examples[column], examples.places, strict=True)
        for token in (
            (isinstance(entry, str) and not entry.lstrip().startswith("[") and entry.split()) or [""]
        )
    ]
    table = Examples(
        {column: [token for _, token in tokens]}, [place for place, _ in tokens], examples.source
    )
    return decimal_marks(table.with_notation(examples.notation), [column])


def _vector(entry: Any, where: str, decimal: str) -> Tensor:
    if entry is None:
        raise Fault(f"{where}: no value found, expected one in every example")
    try:
        if isinstance(entry, str) and entry.lstrip().startswith("["):
            entry = json.loads(entry)
        elif isinstance(entry, str):
            entry = [number_text(token, decimal) or token for token in entry.split()]
        array = np.asarray(entry, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise Fault(
            f"{where}: {excerpt(entry)} found, expected numbers: a list of rows of one length"
        ) from None
    array = array.reshape(-1, 1) if array.ndim < 2 else array
    if array.ndim > 2:
        raise Fault(f"{where}: numbers nested {array.ndim} deep found, expected rows of numbers (2 deep)")
    bad = np.argwhere(~(np.abs(array) <= torch.finfo(torch.float32).max))
    if len(bad):
        step, feature = (int(i) for i in bad[0])
        count = f" ({len(bad)} of this example are none)" if len(bad) > 1 else ""
        raise Fault(
            f"{where}: {array[step, feature]} found at step {step + 1}, number {feature + 1}, "
            f"expected finite numbers{count}{_CORRECT}"
        )
    return torch.from_numpy(array).float()


def excerpt(entry: Any) -> str:
    """As Python writes it, cut short, for messages."""
    text = repr(entry)
    return text if len(text) <= 40 else f"{text[:37]}..."
