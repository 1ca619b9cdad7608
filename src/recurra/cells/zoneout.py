"""A state that keeps part of its old self, for any cell."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.cells.base import Cell, cell
from recurra.cells.wrapper import shares
from recurra.state import named_leaves, replace_leaves


@cell("zoneout")
class Zoneout(Cell):
    """Each number of the state keeps its old value with a given probability at each step (Krueger et al.,
    2017).

    Out of training the old and the new value are mixed in that proportion. y is the inner cell's own.

    Args:
        cell: any cell.
        rate: the probability for every field, or name -> probability (`{"h": 0.05, "c": 0.5}`).
    """

    def __init__(self, cell: Cell, rate: float | dict[str, float] = 0.1) -> None:
        self.cell = cell
        self.input_size, self.hidden_size = cell.input_size, getattr(cell, "hidden_size", 0)
        self.rates = shares(cell, rate, only_first=False)

    def initial_state(self, batch: int) -> Any:
        return self.cell.initial_state(batch)

    def begin(self, state: Any) -> Any:
        return self.cell.begin(state)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        y, after = self.cell.step(x, state)
        old, new = named_leaves(state), named_leaves(after)
        return y, replace_leaves(after, {name: self._mixed(name, old[name], new[name]) for name in new})

    def _mixed(self, name: str, old: Tensor, new: Tensor) -> Tensor:
        rate = self.rates.get(name, 0.0)
        if rate == 0.0 or new is old:
            return new
        if not self.training:
            return new + rate * (old - new)
        return torch.where(torch.rand_like(new) < rate, old, new)
