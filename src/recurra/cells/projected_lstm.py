"""LSTM with a narrow state before a wide memory."""

from __future__ import annotations

from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.initializers import uniform_
from recurra.cells.lstm import LSTMState


@cell("projected_lstm")
class ProjectedLSTM(Cell):
    """A wide memory behind a narrow state: `h' = P (o * tanh(c'))` (Sak et al., 2014).

    `i, f, o = s(W x + U h + b)`, `g = tanh(W_g x + U_g h + b_g)`, `c' = f * c + i * g`, `y = h'`. Weights are
    those of `torch.nn.LSTM` with `proj_size`.

    Args:
        hidden_size: width of the memory c.
        projection_size: width of h and y.
        bias: whether there are the biases b, one beside W and one beside U.
    """

    State = LSTMState

    def __init__(self, input_size: int, hidden_size: int, projection_size: int, bias: bool = True) -> None:
        self.projection_size = projection_size
        self.input = nn.Linear(input_size, 4 * hidden_size, bias)
        self.hidden = nn.Linear(projection_size, 4 * hidden_size, bias)
        self.projection = nn.Linear(hidden_size, projection_size, bias=False)
        uniform_(self, hidden_size)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.projection_size,), "c": (self.hidden_size,)}

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        i, f, g, o = (self.input(x) + self.hidden(state.h)).chunk(4, -1)
        c = f.sigmoid() * state.c + i.sigmoid() * g.tanh()
        h = self.projection(o.sigmoid() * c.tanh())
        return h, LSTMState(h, c)
