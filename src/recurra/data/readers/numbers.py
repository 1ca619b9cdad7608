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
    features: int = 1,
    label: Literal["last", "first", "none"] = "last",
    delimiter: str | None = None,
    decimal: Literal[".", ","] = ".",
    encoding: str = "utf-8",
) -> Examples:
    """Column `vectors`: steps of `features` numbers each, from one line; column `label`, as text, if any.

    Args:
        path: the file; empty lines are left out.
        features: numbers a step.
        label: which entry of a line it is.
        delimiter: between entries; None: commas, or blanks where a line has none.
        decimal: the mark before decimals.
        encoding: the encoding of the file.
    """
    if features < 1 or label not in ("last", "first", "none"):
        raise Fault(
            f"{path}: features = {features}, label = {label!r}: expected at least 1; last, first or none"
        )
    vectors: list[object] = []
    labels: list[object] = []
    places = []
    for number, line in enumerate(split_lines(read_text(path, encoding)), 1):
        if not line.strip():
            continue
        entries = [entry.strip() for entry in line.split(delimiter or ("," if "," in line else None))]
        if label != "none":
            labels.append(entries.pop(-1 if label == "last" else 0))
        if len(entries) % features or not entries:
            raise Fault(f"{path}:{number}: {len(entries)} numbers found, expected steps of {features} each")
        vectors.append(
            [
                _numbers(entries[k : k + features], decimal, f"{path}:{number}")
                for k in range(0, len(entries), features)
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
