"""Pairs of formulas and how they relate, in the layout of Bowman, Manning and Potts (2015)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recurra.data.archive import archive_files
from recurra.data.examples import Examples, Place
from recurra.errors import Fault, quoted
from recurra.storage.text import decode_text, split_lines


def read_prop_logic(
    path: str | Path, *, part: str = "train", operators: Sequence[int] = tuple(range(13))
) -> Examples:
    """Columns `relation`, `first` and `second` (formulas as text), and `operators` (the larger count).

    The file is a tar archive, gzipped or not, of `PARTn` for every count n of operators, lines of
    `relation TAB formula TAB formula`.

    Args:
        path: the archive. part: "train" or "test". operators: the counts to read.
    """
    if not isinstance(operators, Sequence) or not all(type(count) is int for count in operators):
        raise Fault(f"{path}: operators = {quoted(operators)} found, expected a list of counts, as [0, 1, 2]")
    contents = archive_files(path)
    columns: dict[str, list[Any]] = {"relation": [], "first": [], "second": [], "operators": []}
    places = []
    for count in operators:
        name = f"{part}{count}"
        if name not in contents:
            raise Fault(f"{path}: no {name} in the archive: it holds {', '.join(sorted(contents))[:200]}")
        where = f"{path}: {name}"
        for number, line in enumerate(split_lines(decode_text(contents[name], where)), 1):
            if not line.strip():
                continue
            entries = line.split("\t")
            if len(entries) != 3:
                raise Fault(
                    f"{where}:{number}: {len(entries)} columns found, expected relation, formula and formula"
                )
            for column, entry in zip(columns, [*entries, str(count)], strict=True):
                columns[column].append(entry.strip())
            places.append(Place(where, number))
    if not places:
        raise Fault(f"{path}: no pair of formulas in {part} {list(operators)}")
    return Examples(columns, places, f"{path} ({part})")
