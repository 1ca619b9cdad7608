"""Noise on recurrent weights, for any cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from recurra.cells.base import Cell, cell
from recurra.errors import Fault, nearest


@cell("weight_drop")
class WeightDrop(Cell):
    """Weights of a cell dropped out: one mask for a whole run, another for the next (DropConnect, Wan et al.,
    2013; on recurrent weights Merity et al., 2018).

    Dropped weights are zero and the others divided by what is kept, in training only. The cell given is
    changed: each named weight becomes a torch parametrization, so that optimisers see the undropped one.

    Args:
        cell: any cell.
        rate: share of each named weight's numbers dropped.
        names: weights of the cell's parts, such as `hidden.weight`.
    """

    def __init__(self, cell: Cell, rate: float = 0.5, names: Sequence[str] = ("hidden.weight",)) -> None:
        if not 0 <= rate < 1:
            raise Fault(f"rate is {rate}, expected a share from 0 to below 1")
        known = [name for name, _ in cell.named_parameters() if "." in name]
        for name in names:
            if name not in known:
                raise Fault(
                    f"{type(cell).__name__} has no part's weight called {name!r}{nearest(name, known)}"
                )
        self.cell = cell
        self.input_size, self.hidden_size = cell.input_size, getattr(cell, "hidden_size", 0)
        for name in names:
            owner, _, weight = name.rpartition(".")
            parametrize.register_parametrization(cell.get_submodule(owner), weight, _Dropped(rate))

    def initial_state(self, batch: int) -> Any:
        return self.cell.initial_state(batch)

    def begin(self, state: Any) -> Any:
        return self.cell.begin(state)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.cell.step(x, state)


class _Dropped(nn.Module):
    """A weight as training sees it."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, weight: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return weight
        return weight * (torch.rand_like(weight) >= self.rate) / (1 - self.rate)
