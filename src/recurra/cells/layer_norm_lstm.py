"""LSTM with normalised products."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.initializers import uniform_
from recurra.cells.lstm import LSTMState


@cell("layer_norm_lstm")
class LayerNormLSTM(Cell):
    """Each product normalised, and the memory where it is read (Ba et al., 2016, section 3.1).

    `i, f, o = s(N(W x) + N(U h))`, `g = tanh(N(W x) + N(U h))`, `c' = f * c + i * g`, `h' = o * tanh(N(c'))`,
    `y = h'`. N is a layer normalisation, of the products over all gates together, with a gain and a bias a
    number.

    Args:
        memory: whether `tanh` reads a normalised c; without it only the products are normalised.
    """

    State = LSTMState

    def __init__(self, input_size: int, hidden_size: int, memory: bool = True) -> None:
        self.input = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.hidden = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.input_norm = nn.LayerNorm(4 * hidden_size)
        self.hidden_norm = nn.LayerNorm(4 * hidden_size)
        self.memory_norm = nn.LayerNorm(hidden_size) if memory else nn.Identity()
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        i, f, g, o = (self.input_norm(self.input(x)) + self.hidden_norm(self.hidden(state.h))).chunk(4, -1)
        c = f.sigmoid() * state.c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * torch.tanh(self.memory_norm(c))
        return h, LSTMState(h, c)
