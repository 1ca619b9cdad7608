"""LSTM whose gates see the memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.initializers import uniform_
from recurra.cells.lstm import LSTMState


@cell("peephole_lstm")
class PeepholeLSTM(Cell):
    """Gates that see the memory, each unit its own: p is a vector (Gers et al., 2002).

    `i = s(W_i x + U_i h + p_i * c + b_i)`, `f = s(W_f x + U_f h + p_f * c + b_f)`,
    `g = tanh(W_g x + U_g h + b_g)`, `c' = f * c + i * g`, `o = s(W_o x + U_o h + p_o * c' + b_o)`,
    `h' = o * tanh(c')`, `y = h'`.
    """

    State = LSTMState

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, 4 * hidden_size)
        self.hidden = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.p_i, self.p_f, self.p_o = (nn.Parameter(torch.zeros(hidden_size)) for _ in range(3))
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        i, f, g, o = (self.input(x) + self.hidden(state.h)).chunk(4, -1)
        i = torch.sigmoid(i + self.p_i * state.c)
        f = torch.sigmoid(f + self.p_f * state.c)
        c = f * state.c + i * g.tanh()
        h = torch.sigmoid(o + self.p_o * c) * c.tanh()
        return h, LSTMState(h, c)
