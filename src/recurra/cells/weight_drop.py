"""Noise on recurrent weights, for any cell."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from recurra.cells.base import Cell, cell
from recurra.cells.wrapper import Wrapper, share
from recurra.errors import Fault, nearest


@cell("weight_drop")
class WeightDrop(Wrapper):
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
        rate = share("rate", rate)
        weights = [name for name, _ in cell.named_parameters() if "." in name]
        for name in names:
            if name not in weights:
                raise Fault(
                    f"{type(cell).__name__} has no part's weight called {name!r}{nearest(name, weights)}"
                )
        super().__init__(cell)
        for name in names:
            owner, _, weight = name.rpartition(".")
            parametrize.register_parametrization(cell.get_submodule(owner), weight, _Dropped(rate))


class _Dropped(nn.Module):
    """A weight as training sees it."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, weight: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return weight
        return weight * (torch.rand_like(weight) >= self.rate) / (1 - self.rate)
