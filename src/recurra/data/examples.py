"""Examples: columns by name, and for every example the place it came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from recurra.data.notation import PLAIN, Notation
from recurra.errors import Fault, nearest


class Place(NamedTuple):
    """Where an example stands, for messages.

    `number` counts from 1 in `unit`s of the file; `lines` holds the line of every item of an example that is
    spread over several lines, as a sentence in CoNLL columns is.
    """

    file: str
    number: int
    unit: str = "line"
    lines: tuple[int, ...] = ()

    def __str__(self) -> str:
        return (
            f"{self.file}:{self.number}" if self.unit == "line" else f"{self.file}: {self.unit} {self.number}"
        )

    def item(self, index: int) -> str:
        """The place of one item (a token, a step; counted from 0) of this example."""
        if self.lines:
            return f"{self.file}:{self.lines[index]}"
        return f"{self}: item {index + 1}"


class Examples:
    """A table of examples.

    Attributes:
        columns: name -> one entry for each example. An entry is what the format holds: text, a list of texts,
            a number, nested lists, an array, a tree, or None where a value is missing.
        places: where each example came from.
        source: the file or files, for messages about all of them.
        notation: how numbers and dates are written in them, as far as that was said.
    """

    __slots__ = ("columns", "notation", "places", "source")

    def __init__(
        self,
        columns: Mapping[str, list[Any]],
        places: Sequence[Place],
        source: str,
        notation: Notation = PLAIN,
    ) -> None:
        self.columns = dict(columns)
        self.places = list(places)
        self.source = source
        self.notation = notation
        for name, entries in self.columns.items():
            if len(entries) != len(self.places):
                raise Fault(
                    f"{source}: column {name!r} has {len(entries)} entries, expected {len(self.places)}"
                )

    def __len__(self) -> int:
        return len(self.places)

    def __contains__(self, name: object) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> list[Any]:
        """The entries of a column; Fault with the names that exist when there is none of this name."""
        if name not in self.columns:
            names = ", ".join(self.columns)
            hint = nearest(name, self.columns)
            hint = hint if "did you mean" in hint else ""
            raise Fault(f"{self.source}: no column {name!r}; its columns are: {names}{hint}")
        return self.columns[name]

    def __repr__(self) -> str:
        return f"Examples({len(self)} of {self.source}, columns {', '.join(self.columns)})"

    def take(self, indices: Iterable[int]) -> Examples:
        """The examples at these indices, in this order."""
        positions = list(indices)
        columns = {name: [entries[i] for i in positions] for name, entries in self.columns.items()}
        return Examples(columns, [self.places[i] for i in positions], self.source, self.notation)

    def with_column(self, name: str, entries: Sequence[Any]) -> Examples:
        """The same examples with a column added or replaced."""
        return Examples({**self.columns, name: list(entries)}, self.places, self.source, self.notation)

    def with_notation(self, notation: Notation) -> Examples:
        """The same examples, their numbers and dates read so."""
        return Examples(self.columns, self.places, self.source, notation)

    def distinct(self, *names: str) -> Examples:
        """Only the first of all examples that agree in these columns (of texts, or lists of texts)."""
        first: dict[tuple[Any, ...], int] = {}
        columns = [self[name] for name in names]
        for index in range(len(self)):
            key = tuple(tuple(c[index]) if isinstance(c[index], list) else c[index] for c in columns)
            first.setdefault(key, index)
        return self.take(first.values())


def join(parts: Sequence[Examples]) -> Examples:
    """Several tables, one after another; their columns must have the same names."""
    if not parts:
        raise Fault("no data given: expected at least one file")
    head = parts[0]
    for part in parts[1:]:
        if set(part.columns) != set(head.columns):
            raise Fault(
                f"{part.source}: columns {', '.join(part.columns)} differ from those of {head.source}: "
                f"{', '.join(head.columns)}; files read together must agree"
            )
        if part.notation != head.notation:
            raise Fault(
                f"{part.source}: decimal, day_first or missing differ from those of {head.source}: files "
                f"read together must agree"
            )
    columns = {name: [entry for part in parts for entry in part.columns[name]] for name in head.columns}
    places = [place for part in parts for place in part.places]
    return Examples(columns, places, ", ".join(dict.fromkeys(part.source for part in parts)), head.notation)
