"""A state that keeps part of its old self, for any cell."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.cells.base import Cell, cell
from recurra.cells.wrapper import Wrapper, shares
from recurra.state import named_leaves, replace_leaves


@cell("zoneout")
class Zoneout(Wrapper):
    """Each number of the state keeps its old value with a given probability at each step:
    `s' = m * s + (1 - m) * s_new`, m being 1 with that probability and 0 otherwise (Krueger et al., 2017).

    Out of training m is the probability itself. y is the inner cell's own.

    Args:
        cell: any cell.
        rate: the probability for every field, or name -> probability (`{"h": 0.05, "c": 0.5}`).
    """

    def __init__(self, cell: Cell, rate: float | dict[str, float] = 0.1) -> None:
        super().__init__(cell)
        self.rates = shares(cell, rate, only_first=False)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        y, next_state = self.cell.step(x, state)
        old, new = named_leaves(state), named_leaves(next_state)
        return y, replace_leaves(next_state, {name: self._mix(name, old[name], new[name]) for name in new})

    def _mix(self, name: str, old: Tensor, new: Tensor) -> Tensor:
        rate = self.rates.get(name, 0.0)
        if rate == 0.0 or new is old:
            return new
        if not self.training:
            return new + rate * (old - new)
        return torch.where(torch.rand_like(new) < rate, old, new)
