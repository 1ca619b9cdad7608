"""The layer that remembers nothing."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from recurra.cells.initializers import nonlinearity_named
from recurra.layers.base import Layer
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("feed_forward")
class FeedForward(Layer):
    """`y_t = g(W x_t + b)`: each step alone; the baseline that recurrence is compared with.

    Args:
        input_size, output_size: width of x, of y.
        nonlinearity: g: `relu`, `tanh`, `sigmoid`, or `identity` for a plain projection.
    """

    def __init__(self, input_size: int, output_size: int, nonlinearity: str = "relu") -> None:
        self.input_size = input_size
        self.linear = nn.Linear(input_size, output_size)
        self.g = nonlinearity_named(nonlinearity)

    @property
    def output_size(self) -> int:
        return self.linear.out_features

    @property
    def delay(self) -> int | None:
        return 0

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        return rows.with_data(self.g(self.linear(rows.data))), None

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.g(self.linear(x)), None
