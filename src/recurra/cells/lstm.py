"""Long short-term memory."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.initializers import forget_bias_, uniform_


class LSTMState(NamedTuple):
    """The state of cells with a memory behind what they show."""

    h: Tensor  # [B, H]
    c: Tensor  # [B, H]: the memory cell


@cell("lstm")
class LSTM(Cell):
    """`i, f, o = s(W x + U h + b)`, `g = tanh(W_g x + U_g h + b_g)`, `c' = f * c + i * g`,
    `h' = o * tanh(c')`, `y = h'`.

    Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000). Weights are those of
    `torch.nn.LSTM` (gates i, f, g, o).

    Args:
        bias: whether there are the biases b, one beside W and one beside U.
        forget_bias: the forget gate's bias at the start; None leaves it random, as torch does.
    """

    State = LSTMState

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, forget_bias: float | None = None
    ) -> None:
        self.input = nn.Linear(input_size, 4 * hidden_size, bias)
        self.hidden = nn.Linear(hidden_size, 4 * hidden_size, bias)
        uniform_(self, hidden_size)
        if bias and forget_bias is not None:
            forget_bias_(self.input.bias, 1, 4, forget_bias)
            forget_bias_(self.hidden.bias, 1, 4, 0.0)

    def step(self, x: Tensor, state: LSTMState) -> tuple[Tensor, LSTMState]:
        i, f, g, o = (self.input(x) + self.hidden(state.h)).chunk(4, -1)
        c = f.sigmoid() * state.c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        return h, LSTMState(h, c)
