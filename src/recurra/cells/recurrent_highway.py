"""Several layers within one step of time."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.initializers import uniform_


@cell("recurrent_highway")
class RecurrentHighway(Cell):
    """`s_l = h_l * t_l + s_{l-1} * (1 - t_l)` for l = 1 to depth; only the first layer sees x (Zilly et al.,
    2017).

    `h_l = tanh(W_h x + R_hl s_{l-1} + b_hl)`, `t_l = s(W_t x + R_tl s_{l-1} + b_tl)`, W x in the first alone;
    `s_0 = s`, `s' = s_depth`, `y = s'`.

    Args:
        depth: layers within one step of time.
    """

    class State(NamedTuple):
        s: Tensor  # [B, H]

    def __init__(self, input_size: int, hidden_size: int, depth: int = 2) -> None:
        self.input = nn.Linear(input_size, 2 * hidden_size, bias=False)
        self.layers = nn.ModuleList(nn.Linear(hidden_size, 2 * hidden_size) for _ in range(depth))
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        s = state.s
        for number, layer in enumerate(self.layers):
            both = layer(s) + self.input(x) if number == 0 else layer(s)
            h, t = both.chunk(2, -1)
            s = s + torch.sigmoid(t) * (torch.tanh(h) - s)
        return s, self.State(s)
