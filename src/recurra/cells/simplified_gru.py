"""A gated unit with the update gate alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.gru import HiddenState
from recurra.cells.initializers import uniform_


@cell("simplified_gru")
class SimplifiedGRU(Cell):
    """The update gate alone, the form in which a gate is first taught; compare the minimal gated unit (Zhou
    et al., 2016).

    `n = tanh(W_n x + U_n h + b_n)`, `u = s(W_u x + U_u h + b_u)`, `h' = u * n + (1 - u) * h`, `y = h'`.
    """

    State = HiddenState

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, 2 * hidden_size)
        self.hidden = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        u, n = (self.input(x) + self.hidden(state.h)).chunk(2, -1)
        u, n = torch.sigmoid(u), torch.tanh(n)
        h = state.h + u * (n - state.h)
        return h, HiddenState(h)
