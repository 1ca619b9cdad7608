"""A gated unit without reset gate."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.gru import HiddenState
from recurra.cells.initializers import uniform_


@cell("light_gru")
class LightGRU(Cell):
    """No reset gate and a ReLU candidate (Ravanelli et al., 2018).

    `z = s(W_z x + U_z h + b_z)`, `n = relu(W_n x + U_n h + b_n)`, `h' = z * h + (1 - z) * n`, `y = h'`.

    The source normalises the input's part over the batch; here it is left plain, as a step sees one row.
    """

    State = HiddenState

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, 2 * hidden_size)
        self.hidden = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: HiddenState) -> tuple[Tensor, HiddenState]:
        z, n = (self.input(x) + self.hidden(state.h)).chunk(2, -1)
        z, n = torch.sigmoid(z), torch.relu(n)
        h = z * state.h + (1 - z) * n
        return h, HiddenState(h)
