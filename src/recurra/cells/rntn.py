"""The recursive network whose children are multiplied with each other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.cells.initializers import uniform_
from recurra.cells.tree import NodeState, TreeCell, tree_cell
from recurra.cells.wrapper import share


@tree_cell("rntn")
class RNTN(TreeCell):
    """`v = [h_1; h_2]`, `h_k = tanh(W x + U v + b + v' V_k v / (2 H))`, `y = h`.

    The recursive neural tensor network of Socher et al. (2013): each of the H numbers has a matrix V_k of its
    own, `[2 H, 2 H]`. Theirs is `V_k / (2 H)`: kept so, an update whose size is that of the rate (AdaGrad's
    first ones, Adam's) moves the products, sums over all pairs of numbers, no further than it moves U v.

    Args:
        slots: how many children a node has at most.
        dropout: share of each child's state that a node does not see, in training.
    """

    State = NodeState

    def __init__(self, input_size: int, hidden_size: int, slots: int = 2, dropout: float = 0.0) -> None:
        self.slots, self.dropout = slots, share("dropout", dropout)
        self.input = nn.Linear(input_size, hidden_size)
        self.hidden = nn.Linear(slots * hidden_size, hidden_size, bias=False)
        self.tensor = nn.Linear(slots * hidden_size, hidden_size * slots * hidden_size, bias=False)
        uniform_(self, hidden_size)
        nn.init.uniform_(self.tensor.weight, -1.0, 1.0)

    def step(self, x: Tensor, *children: NodeState) -> tuple[Tensor, NodeState]:
        v = torch.cat([child.h for child in children], -1)
        if self.dropout:
            v = nn.functional.dropout(v, self.dropout, self.training)
        products = self.tensor(v).unflatten(-1, (self.hidden_size, -1))  # [B, H, slots H]
        pairs = (products * v.unsqueeze(1)).mean(-1)
        h = (self.input(x) + self.hidden(v) + pairs).tanh()
        return h, NodeState(h)
