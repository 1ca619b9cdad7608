"""A small example of every cell of trees, as `table` has of every cell, and cells of users."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from recurra import TreeCell, cells
from recurra.cells.tree import NodeState

IN, HIDDEN = 3, 4

TREES: dict[str, Callable[[], TreeCell]] = {
    "recursive": lambda: cells.Recursive(IN, HIDDEN),
    "recursive of three": lambda: cells.Recursive(IN, HIDDEN, slots=3, nonlinearity="sigmoid", dropout=0.3),
    "rntn": lambda: cells.RNTN(IN, HIDDEN, dropout=0.3),
    "tree_lstm": lambda: cells.TreeLSTM(IN, HIDDEN, dropout=0.3),
    "tree_lstm of one": lambda: cells.TreeLSTM(IN, HIDDEN, slots=1, forget_bias=1.0),
    "tree_lstm of four": lambda: cells.TreeLSTM(IN, HIDDEN, slots=4),
    "child_sum_lstm": lambda: cells.ChildSumLSTM(IN, HIDDEN, dropout=0.3, forget_bias=1.0),
    "tree_gru": lambda: cells.TreeGRU(IN, HIDDEN, dropout=0.3),
    "tree_gru of three": lambda: cells.TreeGRU(IN, HIDDEN, slots=3),
}
"""Name -> example; the first word is the registered name."""


class TenLines(TreeCell):
    """A gate for each child, that may look at x; what it shows is not what it remembers."""

    State = NodeState
    slots = 2

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.gate = nn.Linear(input_size + 2 * hidden_size, 2 * hidden_size)
        self.shown = nn.Linear(hidden_size, 3)

    def step(self, x: Tensor, left: NodeState, right: NodeState) -> tuple[Tensor, NodeState]:
        a, b = self.gate(torch.cat([x, left.h, right.h], -1)).sigmoid().chunk(2, -1)
        h = a * left.h + b * right.h + (1 - a) * (1 - b)
        return self.shown(h).relu(), NodeState(h)


class LearntLeaf(TreeCell):
    """What is in an empty slot is a parameter; y is made before the state."""

    State = NodeState
    slots = 2

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.leaf = nn.Parameter(torch.randn(hidden_size))
        self.input = nn.Linear(input_size, hidden_size)
        self.norm = nn.LayerNorm(hidden_size)

    def initial_state(self, batch: int) -> NodeState:
        return NodeState(self.leaf.expand(batch, -1))

    def step(self, x: Tensor, left: NodeState, right: NodeState) -> tuple[Tensor, NodeState]:
        h = self.norm(self.input(x) + left.h - 0.5 * right.h).tanh()
        return left.h * right.h, NodeState(h)


class Depths(NamedTuple):
    h: Tensor  # [B, H]
    size: Tensor  # [B, 1]: how many nodes there are below, this one included


class Counted(TreeCell):
    """Sums of two widths, one of which no x has a part in; a state of two widths."""

    State = Depths

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, hidden_size)
        self.hidden = nn.Linear(hidden_size, hidden_size)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size,), "size": (1,)}

    def edge(self, x: Tensor, child: Depths) -> dict[str, Tensor]:
        return {"h": child.h * self.input(x).sigmoid(), "size": child.size}

    def step(self, x: Tensor, sums: dict[str, Tensor]) -> tuple[Tensor, Depths]:
        size = sums["size"] + 1
        h = (self.input(x) + self.hidden(sums["h"]) / size).tanh()
        return torch.cat([h, size.log()], -1), Depths(h, size)


class Untraced(TreeCell):
    """A step whose Python depends on numbers."""

    State = NodeState
    slots = 2

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, hidden_size)

    def step(self, x: Tensor, left: NodeState, right: NodeState) -> tuple[Tensor, NodeState]:
        h = self.input(x) + left.h.sin() - right.h
        return h, NodeState(h if float(h.detach().sum()) < 1e9 else -h)


class UntracedSums(TreeCell):
    """As `Untraced`, of any arity."""

    State = NodeState

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, hidden_size)

    def edge(self, x: Tensor, child: NodeState) -> Tensor:
        return child.h * (1.0 if float(child.h.detach().sum()) < 1e9 else 0.0)

    def step(self, x: Tensor, sums: Tensor) -> tuple[Tensor, NodeState]:
        h = (self.input(x) + sums).tanh()
        return h, NodeState(h)


TRACED: dict[str, Callable[[], TreeCell]] = {
    "ten lines": lambda: TenLines(IN, HIDDEN),
    "learnt leaf": lambda: LearntLeaf(IN, HIDDEN),
    "counted": lambda: Counted(IN, HIDDEN),
}
UNTRACED: dict[str, Callable[[], TreeCell]] = {
    "untraced": lambda: Untraced(IN, HIDDEN),
    "untraced sums": lambda: UntracedSums(IN, HIDDEN),
}
EVERY = {**TREES, **TRACED, **UNTRACED}
