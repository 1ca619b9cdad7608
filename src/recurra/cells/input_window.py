"""A memory of the last inputs and nothing else."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.initializers import nonlinearity_named, uniform_
from recurra.errors import Fault


@cell("input_window")
class InputWindow(Cell):
    """`y_t = g(W [x_t, x_{t-1}, ..., x_{t-n+1}] + b)`: a feed-forward network over the last n inputs (Bengio
    et al., 2003), zeros where a row has not begun.

    Nothing that it computes comes back, so that it stands for what recurrence is compared with; written as a
    cell it takes the place of any other.

    Args:
        steps: n, how many inputs are read.
        nonlinearity: g: `tanh`, `relu`, `sigmoid` or `identity`.
    """

    class State(NamedTuple):
        inputs: Tensor  # [B, max(n - 1, 1) * D], the newest first; carried unread where n is 1

    def __init__(self, input_size: int, hidden_size: int, steps: int = 2, nonlinearity: str = "tanh") -> None:
        if steps < 1:
            raise Fault(f"input_window: steps is {steps}, expected at least 1")
        self.steps = steps
        self.input = nn.Linear(steps * input_size, hidden_size)
        self.g = nonlinearity_named(nonlinearity)
        uniform_(self, hidden_size)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"inputs": (max(self.steps - 1, 1) * self.input_size,)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        if self.steps == 1:
            return self.g(self.input(x)), self.State(x)
        inputs = torch.cat([x, state.inputs], -1)
        width = (self.steps - 1) * self.input_size
        return self.g(self.input(inputs)), self.State(inputs[:, :width])
