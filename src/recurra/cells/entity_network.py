"""Recurrent entity network."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.errors import Fault


class EntityState(NamedTuple):
    """What a slot knows, and what it is about."""

    h: Tensor  # [B, H]
    key: Tensor  # [B, H]


@cell("entity_network")
class EntityNetwork(Cell):
    """One slot of a memory that is written by its content and its key.

    `g = s(x . h + x . k)`, `c = f(U h + V k + W x)`, `h~ = h + g c`, `h' = h~ / |h~|`, `k' = k`, `y = h'`,
    where f is a rectifier with a learnt slope a below zero, `f(v) = max(v, 0) + a min(v, 0)` (Henaff et al.,
    2017). A memory of n slots is n rows of the batch that read the same x and begin with keys of their own,
    `EntityState(h=keys, key=keys)`; slots of zeros, as a state begins without one, all learn the same.

    x is as wide as h, since the gate compares the two.
    """

    State = EntityState

    def __init__(self, input_size: int, hidden_size: int) -> None:
        if input_size != hidden_size:
            raise Fault(
                f"EntityNetwork compares what it reads, {input_size} numbers, with what it knows, "
                f"{hidden_size}: make them equal"
            )
        self.hidden = nn.Linear(hidden_size, hidden_size, bias=False)
        self.key = nn.Linear(hidden_size, hidden_size, bias=False)
        self.input = nn.Linear(input_size, hidden_size, bias=False)
        self.slope = nn.Parameter(torch.ones(hidden_size))
        for part in (self.hidden, self.key, self.input):
            nn.init.normal_(part.weight, std=0.1)

    def step(self, x: Tensor, state: EntityState) -> tuple[Tensor, EntityState]:
        gate = torch.sigmoid((x * (state.h + state.key)).sum(-1, keepdim=True))
        v = self.hidden(state.h) + self.key(state.key) + self.input(x)
        h = state.h + gate * (torch.relu(v) - self.slope * torch.relu(-v))
        # a slot of zeros stays one
        h = h * torch.rsqrt((h * h).sum(-1, keepdim=True) + 1e-8)
        return h, EntityState(h, state.key)
