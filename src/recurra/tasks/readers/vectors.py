"""Rows of measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from recurra.data import Examples, Place, columns
from recurra.data.sentinels import sentinel_notes
from recurra.errors import Fault
from recurra.layers.inputs import Input
from recurra.models import Vectors
from recurra.ragged import Ragged
from recurra.storage.fields import Fields
from recurra.storage.files import check_format, read_json, write_json
from recurra.tasks.parts.counts import require_count
from recurra.tasks.parts.sizes import lengths_line

VECTORS = "vectors.json"
FORMAT = 1


class VectorReader:
    """Rows of vectors `[T, size]`, float32; read at the scale that the training part had."""

    def __init__(self, column: str, size: int) -> None:
        self.column, self.size = column, size
        self._train: list[Tensor] = []

    @classmethod
    def build(cls, rows: Sequence[Tensor], column: str) -> Self:
        """From the training rows."""
        reader = cls(column, rows[0].shape[1])
        reader._train = list(rows)
        return reader

    def rows(self, examples: Examples) -> list[Tensor]:
        rows = columns.vectors(examples, self.column)
        if rows and rows[0].shape[1] != self.size:
            raise Fault(
                f"{examples.places[0]}: column {self.column!r}: vectors of {rows[0].shape[1]} numbers found, "
                f"expected {self.size} as in training"
            )
        return rows

    def row(self, item: Any) -> Tensor:
        entry = item.get("vectors", item.get(self.column)) if isinstance(item, Mapping) else item
        return self.rows(Examples({self.column: [entry]}, [Place("input", 1, "item")], "input"))[0]

    def step_names(self, row: Tensor) -> list[str]:
        return [str(step + 1) for step in range(len(row))]

    def batch(self, rows: Sequence[Tensor]) -> Ragged:
        return Ragged.from_list(rows)

    def batch_names(self, batch: Ragged) -> None:
        return None

    def input(self) -> Vectors:
        """At the scale of the training rows."""
        vectors = Vectors(self.size)
        vectors.learn(torch.cat(self._train))
        return vectors

    def check(self, held_out: Sequence[Tensor]) -> list[str]:
        steps = torch.cat(self._train)
        constant = [k for k in range(self.size) if bool((steps[:, k] == steps[0, k]).all())]
        return [
            lengths_line("train", [len(row) for row in self._train], f"steps of {self.size} numbers"),
            lengths_line("validation", [len(row) for row in held_out], f"steps of {self.size} numbers"),
            *(f"number {k + 1} of each step never changes in training" for k in constant),
            *sentinel_notes([f"number {k + 1} of each step" for k in range(self.size)], steps, listed=False),
        ]

    def require_input(self, features: Input, folder: Path) -> None:
        require_count(self.size, features.output_size, "numbers a step", folder / VECTORS)

    def save(self, folder: Path) -> None:
        write_json(folder / VECTORS, {"format": FORMAT, "size": self.size})

    @classmethod
    def load(cls, folder: Path, column: str) -> Self:
        """Reads what `save` wrote."""
        description = read_json(folder / VECTORS)
        check_format(description, FORMAT, str(folder / VECTORS))
        return cls(column, Fields(description, str(folder / VECTORS)).whole("size", 1))
