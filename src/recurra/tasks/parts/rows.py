"""Examples that are rows of steps, as a recipe describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from recurra.data import Examples, check_lengths
from recurra.tasks.parts.sources import SourceOptions


class RowOptions(SourceOptions):
    """Rows, and how they are batched.

    Attributes:
        batch_size: rows a batch.
        empty: what to do with a row of length 0: "error" names it, "skip" leaves it out.
        max_length: steps; a longer row is an error.
    """

    batch_size: int = Field(default=32, ge=1)
    empty: Literal["error", "skip"] = "error"
    max_length: int = Field(default=100_000, ge=1)


def usable(examples: Examples, lengths: Sequence[int], options: RowOptions) -> tuple[list[int], list[str]]:
    """The indices of the examples to keep, and notes on the others; see `recurra.data.check_lengths`."""
    indices, notes = check_lengths(lengths, examples.places, empty=options.empty, longest=options.max_length)
    return indices, [str(note) for note in notes]
