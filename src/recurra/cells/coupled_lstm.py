"""LSTM that forgets as much as it takes in."""

from __future__ import annotations

from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.initializers import uniform_
from recurra.cells.lstm import LSTMState


@cell("coupled_lstm")
class CoupledLSTM(Cell):
    """What is forgotten makes room for what comes: `c' = f * c + (1 - f) * g` (CIFG in Greff et al., 2017).

    `f, o = s(W x + U h + b)`, `g = tanh(W_g x + U_g h + b_g)`, `h' = o * tanh(c')`, `y = h'`.
    """

    State = LSTMState

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, 3 * hidden_size)
        self.hidden = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        f, g, o = (self.input(x) + self.hidden(state.h)).chunk(3, -1)
        f, g = f.sigmoid(), g.tanh()
        c = g + f * (state.c - g)
        h = o.sigmoid() * c.tanh()
        return h, LSTMState(h, c)
