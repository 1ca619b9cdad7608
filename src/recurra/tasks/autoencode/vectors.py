"""Auto-encoding rows of measurements."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from recurra.data import Examples, columns
from recurra.models import VectorAutoEncoder
from recurra.ragged import Ragged
from recurra.tasks.autoencode.model import build_vector_model
from recurra.tasks.autoencode.options import AutoencodeDataOptions, AutoencodeModelOptions
from recurra.tasks.autoencode.plot import draw_vectors
from recurra.tasks.base import Score
from recurra.tasks.parts.contexts import device_of
from recurra.tasks.parts.measurement import Figures
from recurra.tasks.parts.metrics import regression_figures
from recurra.tasks.readers.vectors import VectorReader


class VectorCoder:
    """Rows of vectors `[T, F]`."""

    score = Score("mse", larger_is_better=False)

    def __init__(self, data: AutoencodeDataOptions, reader: VectorReader) -> None:
        self.data, self.reader = data, reader

    @classmethod
    def build(cls, data: AutoencodeDataOptions, train: Examples) -> Self:
        assert data.vectors is not None
        return cls(data, VectorReader.build(columns.vectors(train, data.vectors), data.vectors))

    @classmethod
    def load(cls, data: AutoencodeDataOptions, folder: Path) -> Self:
        assert data.vectors is not None
        return cls(data, VectorReader.load(folder, data.vectors))

    def require_model(self, model: VectorAutoEncoder, folder: Path) -> None:
        self.reader.require_input(model.input, folder)

    def save(self, folder: Path) -> None:
        self.reader.save(folder)

    def build_model(self, options: AutoencodeModelOptions) -> VectorAutoEncoder:
        return build_vector_model(options, self.reader)

    def rows(self, examples: Examples) -> list[Tensor]:
        return self.reader.rows(examples)

    def row(self, item: Any) -> Tensor:
        return self.reader.row(item)

    def length(self, row: Tensor) -> int:
        return len(row)

    def json(self, row: Tensor) -> Any:
        return row.tolist()

    def batch(self, rows: Sequence[Tensor], seed: str) -> Ragged:
        return self.reader.batch(rows)

    def loss(self, model: VectorAutoEncoder, batch: Ragged) -> tuple[Tensor, int]:
        return model.loss(batch), batch.data.numel()

    def vectors(self, model: VectorAutoEncoder, rows: Sequence[Tensor]) -> Tensor:
        """`[B, V]`."""
        return model.encode(self.reader.batch(rows).to(device_of(model)))

    def restore(self, model: VectorAutoEncoder, vectors: Tensor, lengths: Sequence[int]) -> list[Any]:
        """As many steps of each vector as asked."""
        return [row.tolist() for row in model.restore(vectors, torch.tensor(lengths))]

    def figures(self, rows: Sequence[Tensor], restored: Sequence[Any]) -> Figures:
        """`mse`, `mae` and `r2` over all numbers, in their own unit."""
        outputs = [torch.tensor(row).reshape(-1, self.reader.size) for row in restored]
        of_steps = regression_figures(torch.cat(list(rows)), torch.cat(outputs))
        lengths = torch.tensor([len(row) for row in rows])
        return lambda weights: of_steps(weights.repeat_interleave(lengths))

    def distance(self, row: Tensor, restored: Any) -> float:
        return float((row - torch.tensor(restored)).abs().mean())

    def drawing(self, rows: Sequence[Tensor], restored: Sequence[Any], dark: bool) -> Any:
        return draw_vectors(
            [(row, torch.tensor(back)) for row, back in zip(rows, restored, strict=True)], dark
        )

    def check(self, train: Sequence[Tensor], validation: Sequence[Tensor]) -> list[str]:
        return self.reader.check(validation)
