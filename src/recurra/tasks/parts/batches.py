"""Examples that are rows of steps: what tagging, classification and regression share about their data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import Field

from recurra.data import Batches, Examples, check_lengths
from recurra.layers.inputs import Input
from recurra.tasks.parts.sources import SourceOptions


class RowOptions(SourceOptions):
    """Rows, and how they are batched.

    Attributes:
        batch_size: rows a batch.
        empty: what to do with a row of length 0: "fault" names it, "drop" leaves it out.
        longest: a longer row is a fault.
    """

    batch_size: int = Field(default=32, ge=1)
    empty: Literal["fault", "drop"] = "fault"
    longest: int = Field(default=100_000, ge=1)


class RowReader(Protocol):
    """Examples to rows, and rows to what a model's input reads; fixed once built from the training data."""

    def rows(self, examples: Examples) -> list[Any]:
        """The row of each example."""

    def row(self, item: Any) -> Any:
        """The row of one thing to predict."""

    def batch(self, rows: Sequence[Any]) -> Any:
        """What the input reads; has `to(device)`."""

    def step_names(self, row: Any) -> list[str]:
        """How each step of a row is shown."""

    def input(self) -> Input:
        """A fresh input for this reader."""

    def check(self, held_out: Sequence[Any]) -> list[str]:
        """What is worth knowing."""

    def save(self, folder: Path) -> None:
        """Writes what reading needs."""


def usable(examples: Examples, lengths: Sequence[int], options: RowOptions) -> tuple[list[int], list[str]]:
    """The indices of the examples to keep, and notes on the others; see `check_lengths`."""
    kept, notes = check_lengths(lengths, examples.places, empty=options.empty, longest=options.longest)
    return kept, [str(note) for note in notes]


def shuffled_batches(
    lengths: Sequence[int], options: RowOptions, seed: int, epoch: int, rank: int, world: int, make: Any
) -> Epoch:
    """An epoch of training: `make` turns the indices of a batch into it."""
    batches = Batches(lengths, batch_size=options.batch_size, seed=seed, rank=rank, world=world)
    return Epoch(batches.count(epoch), lambda position: make(batches.item(epoch, position)))


def ordered_batches(lengths: Sequence[int], size: int) -> list[list[int]]:
    """The indices of examples, longest first, for answering them all."""
    if not lengths:
        return []
    batches = Batches(lengths, batch_size=size, shuffle=False)
    return [batches.item(0, position) for position in range(batches.count(0))]


class Epoch(Sequence[Any]):
    """`make(position)` for positions below `count`."""

    def __init__(self, count: int, make: Callable[[int], Any]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, position: Any) -> Any:
        if not isinstance(position, int):
            raise TypeError(f"a batch is had by its number, not by {position!r}")
        if not -self._count <= position < self._count:
            raise IndexError(f"batch {position} of {self._count}")
        return self._make(position % self._count)
