"""The recurrent entity network."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, cell


class EntityState(NamedTuple):
    """What is known of an entity, and which it is."""

    h: Tensor  # [B, H]
    key: Tensor  # [B, H]: no step changes it


@cell("entity_network")
class EntityNetwork(Cell):
    """`g = s(x.h + x.k)`, `c = phi(U h + V k + W x)`, `h' = (h + g c) / |h + g c|`, `y = h'`, with phi a
    parametric relu (Henaff et al., 2017).

    A row is one slot of one story: the rows of a story see the same sentences x, one a step, and differ by
    the state that they start from, which `entity_state` makes. Without one, a row is an entity without a key.

    Args:
        input_size: width of a sentence; it is that of h and of the key too.
    """

    State = EntityState

    def __init__(self, input_size: int) -> None:
        self.hidden_size = input_size
        self.hidden = nn.Linear(input_size, input_size, bias=False)
        self.key = nn.Linear(input_size, input_size, bias=False)
        self.input = nn.Linear(input_size, input_size, bias=False)
        self.slope = nn.Parameter(torch.ones(1))
        for layer in (self.hidden, self.key, self.input):
            nn.init.normal_(layer.weight, std=0.1)

    def step(self, x: Tensor, state: EntityState) -> tuple[Tensor, EntityState]:
        h, key = state
        gate = ((x * h).sum(-1, keepdim=True) + (x * key).sum(-1, keepdim=True)).sigmoid()
        total = self.hidden(h) + self.key(key) + self.input(x)
        candidate = torch.where(total > 0, total, self.slope * total)
        changed = h + gate * candidate
        h = changed * torch.rsqrt((changed * changed).sum(-1, keepdim=True) + 1e-8)
        return h, EntityState(h, key)


def entity_state(keys: Tensor, stories: int) -> EntityState:
    """The state before the first sentence: every entity of every story is as its key says.

    Args:
        keys: `[slots, H]`, mostly weights of the model.
        stories: how many there are.

    Returns:
        leaves `[stories * slots, H]`: all slots of the first story, then those of the second.
    """
    rows = keys.repeat(stories, 1)
    return EntityState(rows, rows.clone())
