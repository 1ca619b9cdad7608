"""Gated recurrent unit."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.initializers import uniform_


class HiddenState(NamedTuple):
    """The state of cells that remember h alone."""

    h: Tensor  # [B, H]


@cell("gru")
class GRU(Cell):
    """The reset-after form, with the weights of `torch.nn.GRU` (gates r, z, n).

    `r = s(W_r x + U_r h + b_r)`, `z = s(W_z x + U_z h + b_z)`, `n = tanh(W_n x + b_n + r * (U_n h + c_n))`,
    `h' = (1 - z) * n + z * h`, `y = h'` (Cho et al., 2014, with the reset gate moved behind the product).

    Args:
        bias: whether there are the biases b and c.
    """

    State = HiddenState

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        self.input = nn.Linear(input_size, 3 * hidden_size, bias)
        self.hidden = nn.Linear(hidden_size, 3 * hidden_size, bias)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        x_r, x_z, x_n = self.input(x).chunk(3, -1)
        h_r, h_z, h_n = self.hidden(state.h).chunk(3, -1)
        r = torch.sigmoid(x_r + h_r)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        h = n + z * (state.h - n)
        return h, HiddenState(h)
