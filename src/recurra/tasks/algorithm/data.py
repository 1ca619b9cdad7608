"""What a recipe says of a problem, and its batches."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Literal, Self

import torch
from pydantic import Field, model_validator

from recurra.errors import Fault
from recurra.tasks.algorithm.problems import PROBLEMS, Problem, Rows, Sizes
from recurra.tasks.base import Options
from recurra.tasks.parts.batches import Epoch

Part = Literal["train", "validation", "test"]


class AlgorithmOptions(Options):
    """The problem, which is drawn by seed: no files are read.

    Attributes:
        problem: what is to be computed.
        lengths: the shortest and the longest of the rows to train on; each batch has one length, drawn
            evenly. In vectors, items (`recall`), bits (`ngrams`) or steps.
        test_lengths: the lengths that `evaluate` measures, one after the other; those of training rows are
            what the best checkpoint is chosen by.
        rows: how many rows are drawn of each length to evaluate.
        bits: of a vector.
        repeats: of `repeat_copy`: the fewest and the most.
        item: vectors of one item of `recall`.
        batch_size: rows of a batch.
        batches: how many batches are one epoch.
    """

    problem: Literal[
        "copy", "repeat_copy", "recall", "ngrams", "priority_sort", "adding", "temporal_order"
    ] = "copy"
    lengths: tuple[int, int] = (1, 20)
    test_lengths: list[int] = Field(default_factory=lambda: [10, 20, 40, 80])
    rows: int = Field(default=100, ge=1)
    bits: int = Field(default=8, ge=1)
    repeats: tuple[int, int] = (1, 10)
    item: int = Field(default=3, ge=1)
    batch_size: int = Field(default=16, ge=1)
    batches: int = Field(default=100, ge=1)

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        least, unit = PROBLEMS[self.problem].shortest, PROBLEMS[self.problem].unit
        for name in ("lengths", "repeats"):
            low, high = getattr(self, name)
            bound = least if name == "lengths" else 1
            if not bound <= low <= high:
                what = f"{unit} of {self.problem!r}" if name == "lengths" else "repeats"
                raise ValueError(
                    f"{name} is [{low}, {high}], expected the fewest and the most {what}, from {bound} on"
                )
        if not self.test_lengths:
            raise ValueError("test_lengths is empty, expected one length at least")
        for length in self.test_lengths:
            if length < least:
                raise ValueError(
                    f"test_lengths has {length}, expected at least {least} {unit} of {self.problem!r}"
                )
        return self

    @property
    def sizes(self) -> Sizes:
        return Sizes(self.bits, self.repeats, self.item)

    @property
    def of_problem(self) -> Problem:
        return PROBLEMS[self.problem]


class AlgorithmData:
    """Rows of a recipe's problem.

    Args:
        seed: of all that is drawn; the parts differ from each other.
    """

    def __init__(self, options: AlgorithmOptions, seed: int) -> None:
        self.options, self.seed = options, seed

    def draw(self, part: Part, number: int, length: int, rows: int) -> Rows:
        """Rows of a length, the same for the same part and number."""
        generator = self._generator(part, number)
        return self.options.of_problem.draw(rows, length, self.options.sizes, generator)

    def batches(self, epoch: int, rank: int, world: int) -> Sequence[Rows]:
        """The batches of an epoch; each process draws its own."""
        options, (low, high) = self.options, self.options.lengths

        def batch(position: int) -> Rows:
            number = (epoch * options.batches + position) * world + rank
            length = int(torch.randint(low, high + 1, (1,), generator=self._generator("train", -1 - number)))
            return self.draw("train", number, length, options.batch_size)

        return Epoch(options.batches, batch)

    def by_length(self, part: Part) -> list[tuple[int, list[Rows]]]:
        """What `evaluate` measures: each length with its rows, in batches."""
        options = self.options
        groups = []
        for length in options.test_lengths:
            sizes = [options.batch_size] * (options.rows // options.batch_size)
            rest = options.rows % options.batch_size
            sizes += [rest] if rest else []
            first = length * 10**6
            batches = [self.draw(part, first + k, length, n) for k, n in enumerate(sizes)]
            groups.append((length, batches))
        return groups

    def _generator(self, part: Part, number: int) -> torch.Generator:
        words = f"{self.options.problem} {part} {self.seed} {number}".encode()
        # two halves: a generator's seed has more bits than one of them
        return torch.Generator().manual_seed(zlib.crc32(words) << 32 | zlib.crc32(words[::-1]))


def require_room(options: AlgorithmOptions, slots: int | None) -> None:
    """Fault where a row has more vectors to remember than a memory has slots: no such row can be right.

    Args:
        slots: of the memory; None: the model has none.
    """
    content = options.of_problem.content
    if slots is None or content is None:
        return
    for key, length in (("lengths", options.lengths[1]), ("test_lengths", max(options.test_lengths))):
        need = content(length, options.sizes)
        if need > slots:
            raise Fault(
                f"data.{key}: {length} {options.of_problem.unit} of {options.problem!r} are {need} vectors "
                f"to remember, and the memory has {slots} slots: take fewer, or set model.cell_options.slots"
            )
