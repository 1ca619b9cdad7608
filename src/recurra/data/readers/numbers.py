"""Lines of numbers, each a short sequence and its label, as the UCI archive keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from recurra.data.examples import Examples, Place
from recurra.data.notation import number_text, plain
from recurra.errors import Fault
from recurra.storage.files import read_text
from recurra.storage.text import split_lines


def read_numbers(
    path: str | Path,
    *,
    size: int = 1,
    label: Literal["last", "first", "none"] = "last",
    delimiter: str | None = None,
    decimal: Literal[".", ","] = ".",
    encoding: str = "utf-8",
) -> Examples:
    """Column `vectors`: a list of steps of `size` numbers a line; column `label`, as text, if there is one.

    Args:
        path: the file; empty lines are left out.
        size: numbers a step.
        label: which entry of a line it is.
        delimiter: between entries; None: commas, or blanks where a line has none.
        decimal: the mark before decimals.
        encoding: of the file.
    """
    if size < 1 or label not in ("last", "first", "none"):
        raise Fault(f"{path}: size = {size}, label = {label!r}: expected at least 1; last, first or none")
    vectors: list[object] = []
    labels: list[object] = []
    places = []
    for number, line in enumerate(split_lines(read_text(path, encoding)), 1):
        if not line.strip():
            continue
        entries = [entry.strip() for entry in line.split(delimiter or ("," if "," in line else None))]
        if label != "none":
            labels.append(entries.pop(-1 if label == "last" else 0))
        if len(entries) % size or not entries:
            raise Fault(f"{path}:{number}: {len(entries)} numbers found, expected steps of {size} each")
        vectors.append(
            [
                _numbers(entries[k : k + size], decimal, f"{path}:{number}")
                for k in range(0, len(entries), size)
            ]
        )
        places.append(Place(str(path), number))
    columns = {"vectors": vectors} if label == "none" else {"vectors": vectors, "label": labels}
    return Examples(columns, places, str(path))


def _numbers(entries: list[str], decimal: str, where: str) -> list[float]:
    texts = [number_text(entry, decimal) for entry in entries]
    if None in texts:
        wrong = entries[texts.index(None)]
        hint = " with a decimal point: set decimal = ','" if decimal == "." and plain(wrong, ",") else ""
        raise Fault(f"{where}: {wrong!r} found, expected a number{hint}")
    return [float(text) for text in texts if text is not None]
