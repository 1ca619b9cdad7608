"""Gated recurrent unit, the reset gate before the product."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.gru import HiddenState
from recurra.cells.initializers import uniform_


@cell("cho_gru")
class ChoGRU(Cell):
    """The reset-before form (Cho et al., 2014).

    `r = s(W_r x + U_r h + b_r)`, `z = s(W_z x + U_z h + b_z)`, `n = tanh(W_n x + U_n (r * h) + b_n)`,
    `h' = z * h + (1 - z) * n`, `y = h'`.
    """

    State = HiddenState

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, 3 * hidden_size)
        self.gates = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        self.candidate = nn.Linear(hidden_size, hidden_size, bias=False)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        x_r, x_z, x_n = self.input(x).chunk(3, -1)
        h_r, h_z = self.gates(state.h).chunk(2, -1)
        r = torch.sigmoid(x_r + h_r)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + self.candidate(r * state.h))
        h = n + z * (state.h - n)
        return h, HiddenState(h)
