"""The LSTM over trees whose children have places."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.cells.initializers import forget_bias_, uniform_
from recurra.cells.lstm import LSTMState
from recurra.cells.tree import TreeCell, tree_cell
from recurra.cells.wrapper import share


@tree_cell("tree_lstm")
class TreeLSTM(TreeCell):
    """`i, o = s(W x + sum_k U_k h_k + b)`, `f_k = s(W_f x + sum_l U_kl h_l + b_f)`,
    `g = tanh(W_g x + sum_k U_gk h_k + b_g)`, `c = i * g + sum_k f_k * c_k`, `h = o * tanh(c)`, `y = h`.

    The N-ary Tree-LSTM of Tai et al. (2015): a forget gate for each child, which sees all of
    them.

    Args:
        slots: how many children a node has at most.
        dropout: share of the candidate g dropped in training, which leaves the memory c whole (Semeniuta et
            al., 2016).
        forget_bias: the forget gates' bias at the start; None leaves it random.
    """

    State = LSTMState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        slots: int = 2,
        dropout: float = 0.0,
        forget_bias: float | None = None,
    ) -> None:
        self.slots, self.dropout = slots, share("dropout", dropout)
        self.input = nn.Linear(input_size, 4 * hidden_size)  # i, o, g, f
        self.hidden = nn.Linear(slots * hidden_size, (3 + slots) * hidden_size, bias=False)  # and f of each
        uniform_(self, hidden_size)
        if forget_bias is not None:
            forget_bias_(self.input.bias, 3, 4, forget_bias)

    def step(self, x: Tensor, *children: LSTMState) -> tuple[Tensor, LSTMState]:
        i, o, g, forget = self.input(x).chunk(4, -1)
        hidden = self.hidden(torch.cat([child.h for child in children], -1))
        of_i, of_o, of_g, *of_f = hidden.chunk(3 + len(children), -1)
        candidate = (g + of_g).tanh()
        if self.dropout:
            candidate = nn.functional.dropout(candidate, self.dropout, self.training)
        c = (i + of_i).sigmoid() * candidate
        for child, of_child in zip(children, of_f, strict=True):
            c = c + (forget + of_child).sigmoid() * child.c
        h = (o + of_o).sigmoid() * c.tanh()
        return h, LSTMState(h, c)
