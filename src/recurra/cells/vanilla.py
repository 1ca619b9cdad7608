"""The plain recurrent cell."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.initializers import nonlinearity_named, uniform_


@cell("vanilla", "rnn")
class VanillaRNN(Cell):
    """`h_t = g(W_xh x_t + b_x + W_hh h_{t-1} + b_h)`, `y_t = h_t` (Elman, 1990, without his output layer).

    Weights are those of `torch.nn.RNN`. It answers to `rnn` too.

    Args:
        nonlinearity: g: `tanh`, `relu`, `sigmoid` or `identity`.
        bias: whether there are the biases b_x and b_h.
    """

    class State(NamedTuple):
        h: Tensor  # [B, H]

    def __init__(
        self, input_size: int, hidden_size: int, nonlinearity: str = "tanh", bias: bool = True
    ) -> None:
        self.input = nn.Linear(input_size, hidden_size, bias)
        self.hidden = nn.Linear(hidden_size, hidden_size, bias)
        self.g = nonlinearity_named(nonlinearity)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h = self.g(self.input(x) + self.hidden(state.h))
        return h, self.State(h)
