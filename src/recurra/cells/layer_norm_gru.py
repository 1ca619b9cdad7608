"""Gated recurrent unit with normalised products."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.gru import HiddenState
from recurra.cells.initializers import uniform_


@cell("layer_norm_gru")
class LayerNormGRU(Cell):
    """The reset-after form with each product normalised before it is used (Ba et al., 2016, section 3.1).

    `a = N(W x)` and `d = N(U h)`, each cut into the parts r, z and n; `r = s(a_r + d_r)`, `z = s(a_z + d_z)`,
    `n = tanh(a_n + r * d_n)`, `h' = (1 - z) * n + z * h`, `y = h'`. N is a layer normalisation over all parts
    together, with a gain and a bias a number.
    """

    State = HiddenState

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, 3 * hidden_size, bias=False)
        self.hidden = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.input_norm = nn.LayerNorm(3 * hidden_size)
        self.hidden_norm = nn.LayerNorm(3 * hidden_size)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        x_r, x_z, x_n = self.input_norm(self.input(x)).chunk(3, -1)
        h_r, h_z, h_n = self.hidden_norm(self.hidden(state.h)).chunk(3, -1)
        r = torch.sigmoid(x_r + h_r)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        h = n + z * (state.h - n)
        return h, HiddenState(h)
