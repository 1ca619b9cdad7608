"""The .ts files of the UEA and UCR archives: one series a line, its dimensions between colons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from recurra.data.examples import Examples, Place
from recurra.data.filling import Filling, fill
from recurra.errors import Fault, quoted
from recurra.storage.files import read_text
from recurra.storage.text import split_lines, whole_number

_MISSING = ("?", "nan", "")
_WAYS = ("error", "previous", "linear", "mean", "zero")
Numbers = NDArray[np.float64]


def read_ts(
    path: str | Path,
    *,
    incomplete: Literal["error"] | Filling = "error",
    encoding: str = "utf-8",
) -> Examples:
    """Column `vectors`: `[T, D]` of each case, a T of its own; `label` where the file has labels of classes,
    `target` where it has numbers.

    Args:
        path: a .ts file: lines of settings that begin with `@`, the last of them `@data`, then the cases.
        incomplete: a number that is missing (`?`) is an error, or is made up from those of its dimension, as
            in the series of a forecast: "previous", "linear", "mean" or "zero".
        encoding: the encoding of the file.
    """
    if incomplete not in _WAYS:
        raise Fault(f"{path}: incomplete = {quoted(incomplete)} found, expected one of {', '.join(_WAYS)}")
    lines = split_lines(read_text(path, encoding))
    settings, start = _settings(path, lines)
    labels = _flagged(settings, "classlabel")
    goal = labels is not None or _flagged(settings, "targetlabel") is not None
    columns: dict[str, list[Any]] = {"vectors": []}
    if goal:
        columns["label" if labels is not None else "target"] = []
    places = []
    width = 0
    for number, line in enumerate(lines[start:], start + 1):
        if not line.strip() or line.startswith(("#", "%")):
            continue
        where = f"{path}:{number}"
        parts = line.strip().split(":")
        if goal:
            answer = parts.pop().strip()
            columns["label" if labels is not None else "target"].append(_answer(where, answer, labels))
        rows = _case(where, parts, incomplete)
        width = width or _width(where, rows, settings)
        if rows.shape[1] != width:
            raise Fault(f"{where}: {rows.shape[1]} dimensions found, expected {width}, with colons between")
        columns["vectors"].append(rows.astype(np.float32))
        places.append(Place(str(path), number))
    if not places:
        raise Fault(f"{path}: no case found after @data: expected at least one example")
    _check_lengths(path, settings, columns["vectors"], places)
    return Examples(columns, places, str(path))


def _settings(path: str | Path, lines: Sequence[str]) -> tuple[dict[str, list[str]], int]:
    """Settings by name in small letters, and how many lines they take."""
    settings: dict[str, list[str]] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith(("#", "%")):
            continue
        if not text.startswith("@"):
            raise Fault(
                f"{path}:{number}: {quoted(text[:40])} found, expected a line as @data before the cases"
            )
        name, *values = text[1:].split() or [""]
        if name.lower() == "data":
            break
        settings[name.lower()] = values or [""]
    else:
        raise Fault(f"{path}: no line @data found, expected a .ts file of the UEA and UCR archives")
    if settings.get("timestamps", ["false"])[0].lower() == "true":
        raise Fault(f"{path}: @timeStamps true found, expected numbers alone: write them without time stamps")
    return settings, number


def _flagged(settings: dict[str, list[str]], name: str) -> list[str] | None:
    """What follows a setting that is true; None where it is false or not there."""
    values = settings.get(name, ["false"])
    return values[1:] if values[0].lower() == "true" else None


def _answer(where: str, text: str, labels: Sequence[str] | None) -> str | float:
    if labels is not None:
        if labels and text not in labels:
            listed = ", ".join(labels[:8]) + (", ..." if len(labels) > 8 else "")
            raise Fault(f"{where}: the label {quoted(text)} is none of @classLabel: {listed}")
        return text
    try:
        return float(text)
    except ValueError:
        raise Fault(f"{where}: {quoted(text)} found behind the last colon, expected a number") from None


def _case(where: str, parts: Sequence[str], incomplete: Literal["error"] | Filling) -> Numbers:
    """`[T, D]` of a line's dimensions."""
    rows = [_dimension(where, k, part, incomplete == "error") for k, part in enumerate(parts, 1)]
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        raise Fault(f"{where}: dimensions of {sorted(lengths)[:8]} numbers found, expected as many in each")
    if not rows or not len(rows[0]):
        raise Fault(f"{where}: no numbers found, expected a series and what it is, with colons between")
    table = np.stack(rows, 1)
    if incomplete == "error" or not np.isnan(table).any():
        return table
    start, values, _ = fill(torch.from_numpy(table), incomplete)
    if start == len(table):
        raise Fault(f"{where}: a dimension has no number at all: set incomplete = 'zero', or remove the case")
    return values.numpy()


def _dimension(where: str, number: int, text: str, complete: bool) -> Numbers:
    entries = text.split(",")
    try:
        row = np.array(entries, dtype=np.float64)
    except ValueError:
        row = np.array([_number(where, number, entry) for entry in entries])
    if complete and np.isnan(row).any():
        step = int(np.isnan(row).argmax()) + 1
        raise Fault(
            f"{where}: dimension {number}: number {step} is missing, expected all: set incomplete = "
            f"'previous', 'linear', 'mean' or 'zero' in the source to have it made up"
        )
    if np.isinf(row).any():
        raise Fault(f"{where}: dimension {number}: an infinite number found, expected finite ones")
    return row


def _number(where: str, dimension: int, entry: str) -> float:
    if entry.strip().lower() in _MISSING:
        return float("nan")
    try:
        return float(entry)
    except ValueError:
        raise Fault(
            f"{where}: dimension {dimension}: {quoted(entry.strip()[:40])} found, expected a number"
        ) from None


def _width(where: str, rows: Numbers, settings: dict[str, list[str]]) -> int:
    """Dimensions as they are set, where they are."""
    stated = settings.get("dimensions", settings.get("dimension", [""]))
    if settings.get("univariate", [""])[0].lower() == "true":
        stated = ["1"]
    return _whole(stated) or rows.shape[1]


def _whole(values: Sequence[str]) -> int:
    """The whole number that a setting has; 0 where it has none."""
    return whole_number(values[0], digits=9) or 0


def _check_lengths(
    path: str | Path, settings: dict[str, list[str]], rows: Sequence[Numbers], places: Sequence[Place]
) -> None:
    if settings.get("equallength", ["false"])[0].lower() != "true":
        return
    stated = settings.get("serieslength", [""])
    length = _whole(stated) or len(rows[0])
    for row, place in zip(rows, places, strict=True):
        if len(row) != length:
            raise Fault(
                f"{place}: a series of {len(row)} steps found, expected {length}: the file says "
                f"@equalLength true; correct the line, or write @equalLength false"
            )
