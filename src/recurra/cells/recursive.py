"""The plain recursive network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.cells.initializers import nonlinearity_named, uniform_
from recurra.cells.tree import NodeState, TreeCell, tree_cell
from recurra.cells.wrapper import share


@tree_cell("recursive")
class Recursive(TreeCell):
    """`h = tanh(W x + U [h_1; h_2] + b)`, `y = h`.

    Socher et al. (2011), where only the leaves have an x and inner nodes have W x = 0.

    Args:
        slots: how many children a node has at most.
        nonlinearity: `tanh`, `relu`, `sigmoid` or `identity`.
        dropout: share of each child's state that a node does not see, in training.
    """

    State = NodeState

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        slots: int = 2,
        nonlinearity: str = "tanh",
        dropout: float = 0.0,
    ) -> None:
        self.slots, self.dropout = slots, share("dropout", dropout)
        self.input = nn.Linear(input_size, hidden_size)
        self.hidden = nn.Linear(slots * hidden_size, hidden_size, bias=False)
        self.nonlinearity = nonlinearity_named(nonlinearity)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, *children: NodeState) -> tuple[Tensor, NodeState]:
        joined = torch.cat([child.h for child in children], -1)
        if self.dropout:
            joined = nn.functional.dropout(joined, self.dropout, self.training)
        h = self.nonlinearity(self.input(x) + self.hidden(joined))
        return h, NodeState(h)
