"""Dropout that drops the same numbers at every step of a row."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("locked_dropout")
class LockedDropout(Layer):
    """One mask a row, the same at all its steps, in training (Gal and Ghahramani, 2016).

    Args:
        size: width of x and y.
        rate: share of the numbers dropped; the others are divided by the rest, `1 - rate`.

    In training each call of `step` is a row of its own; out of it nothing is dropped, whole or step by step.
    """

    def __init__(self, size: int, rate: float) -> None:
        if not 0 <= rate < 1:
            raise Fault(f"rate is {rate}, expected a share from 0 to below 1")
        self.input_size = size
        self.rate = rate

    @property
    def output_size(self) -> int:
        return self.input_size

    @property
    def delay(self) -> int | None:
        return 0

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        if not self.training or self.rate == 0:
            return rows, None
        return rows.with_data(rows.data * self._mask(rows.data, len(rows))[rows.row_of]), None

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        return (x * self._mask(x, len(x)) if self.training and self.rate else x), None

    def _mask(self, like: Tensor, rows: int) -> Tensor:
        rest = 1 - self.rate
        mask = torch.full((rows, self.input_size), rest, dtype=like.dtype, device=like.device)
        return mask.bernoulli_(rest).div_(rest)
