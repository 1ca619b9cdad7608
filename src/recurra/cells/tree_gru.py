"""The GRU over trees whose children have places."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.cells.initializers import uniform_
from recurra.cells.tree import NodeState, TreeCell, tree_cell
from recurra.cells.wrapper import share


@tree_cell("tree_gru")
class TreeGRU(TreeCell):
    """`r_k, z_k = s(W x + sum_l U_kl h_l + b)`, `n = tanh(W_n x + sum_k U_nk (r_k * h_k) + b_n)`,
    `h = n + sum_k z_k * (h_k - n) / K`, `y = h`.

    The N-ary Tree-GRU after Tsakalos and Henriques (2018): a reset and an update gate for each of the K
    children. Here the new state is a mean of the candidate and of the children, so that it stays between -1
    and 1; with one child it is the GRU of Cho et al. (2014).

    Args:
        slots: how many children a node has at most: K.
        dropout: share of the candidate n dropped in training (Semeniuta et al., 2016).
    """

    State = NodeState

    def __init__(self, input_size: int, hidden_size: int, slots: int = 2, dropout: float = 0.0) -> None:
        self.slots, self.dropout = slots, share("dropout", dropout)
        self.input = nn.Linear(input_size, 3 * hidden_size)  # r, z, n
        self.gates = nn.Linear(slots * hidden_size, 2 * slots * hidden_size, bias=False)
        self.hidden = nn.Linear(slots * hidden_size, hidden_size, bias=False)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, *children: NodeState) -> tuple[Tensor, NodeState]:
        count = len(children)
        of_r, of_z, of_n = self.input(x).chunk(3, -1)
        h = torch.cat([child.h for child in children], -1)
        reset, update = self.gates(h).chunk(2, -1)
        reset = (of_r.repeat(1, count) + reset).sigmoid()
        update = (of_z.repeat(1, count) + update).sigmoid()
        candidate = (of_n + self.hidden(reset * h)).tanh()
        if self.dropout:
            candidate = nn.functional.dropout(candidate, self.dropout, self.training)
        new = candidate
        for child, z in zip(children, update.chunk(count, -1), strict=True):
            new = new + z * (child.h - candidate) / count
        return new, NodeState(new)
