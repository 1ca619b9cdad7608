"""The LSTM over trees whose children have no order."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from recurra.cells.initializers import forget_bias_, uniform_
from recurra.cells.lstm import LSTMState
from recurra.cells.tree import TreeCell, tree_cell
from recurra.cells.wrapper import share


class ChildSums(NamedTuple):
    """Sums over the children of a node."""

    h: Tensor  # [B, H]
    c: Tensor  # [B, H], each after its forget gate


@tree_cell("child_sum_lstm")
class ChildSumLSTM(TreeCell):
    """`f_k = s(W_f x + U_f h_k + b_f)` for each child k, `i, o = s(W x + U sum_k h_k + b)`,
    `g = tanh(W_g x + U_g sum_k h_k + b_g)`, `c = i * g + sum_k f_k * c_k`, `h = o * tanh(c)`, `y = h`.

    The child-sum Tree-LSTM of Tai et al. (2015), for any number of children: dependency trees.

    Args:
        dropout: share of the candidate g dropped in training, which leaves the memory c whole (Semeniuta et
            al., 2016).
        forget_bias: the forget gate's bias at the start; None leaves it random.
    """

    State = LSTMState

    def __init__(
        self, input_size: int, hidden_size: int, dropout: float = 0.0, forget_bias: float | None = None
    ) -> None:
        self.dropout = share("dropout", dropout)
        self.input = nn.Linear(input_size, 3 * hidden_size)  # i, o, g
        self.hidden = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.input_forget = nn.Linear(input_size, hidden_size)
        self.hidden_forget = nn.Linear(hidden_size, hidden_size, bias=False)
        uniform_(self, hidden_size)
        if forget_bias is not None:
            forget_bias_(self.input_forget.bias, 0, 1, forget_bias)

    def edge(self, x: Tensor, child: LSTMState) -> ChildSums:
        forget = (self.input_forget(x) + self.hidden_forget(child.h)).sigmoid()
        return ChildSums(child.h, forget * child.c)

    def step(self, x: Tensor, sums: ChildSums) -> tuple[Tensor, LSTMState]:
        i, o, g = (self.input(x) + self.hidden(sums.h)).chunk(3, -1)
        candidate = g.tanh()
        if self.dropout:
            candidate = nn.functional.dropout(candidate, self.dropout, self.training)
        c = i.sigmoid() * candidate + sums.c
        h = o.sigmoid() * c.tanh()
        return h, LSTMState(h, c)
