"""Noise on the state, for any cell: cells around a cell."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.cells.base import Cell, cell
from recurra.errors import Fault
from recurra.registry import nearest
from recurra.state import map_state, named_leaves, replace_leaves


class DroppedState(NamedTuple):
    """The inner cell's state, and the masks held over a whole run, in training and out of it."""

    inner: Any
    masks: dict[str, Tensor]


@cell("variational_dropout")
class VariationalDropout(Cell):
    """One mask a row for all steps of a run, on what the step reads of x and of the state (Gal and
    Ghahramani, 2016).

    Args:
        cell: any cell.
        input: share of x dropped.
        recurrent: share of each field of the state dropped, or name -> share for some of them (`{"h": 0.3}`).

    Dropped numbers are zero for the whole run and the others are divided by what is kept, in training only.
    """

    def __init__(self, cell: Cell, input: float = 0.0, recurrent: float | dict[str, float] = 0.0) -> None:
        self.cell = cell
        self.input_size, self.hidden_size = cell.input_size, getattr(cell, "hidden_size", 0)
        self.rates = {"x": _share("input", input)}
        for name, rate in _shares(cell, recurrent, only_first=True).items():
            self.rates[name] = rate
        self.rates = {name: rate for name, rate in self.rates.items() if rate > 0}

    def initial_state(self, batch: int) -> DroppedState:
        inner = self.cell.initial_state(batch)
        widths = {"x": self.input_size, **{n: leaf.shape[1] for n, leaf in named_leaves(inner).items()}}
        like = self.cell.example()
        return DroppedState(inner, {name: like.new_ones(batch, widths[name]) for name in self.rates})

    def begin(self, state: DroppedState) -> DroppedState:
        if not self.training:
            return DroppedState(self.cell.begin(state.inner), state.masks)
        drawn = {
            name: torch.empty_like(mask).bernoulli_(1 - self.rates[name]).div_(1 - self.rates[name])
            for name, mask in state.masks.items()
        }
        return DroppedState(self.cell.begin(state.inner), drawn)

    def step(self, x: Tensor, state: DroppedState) -> tuple[Tensor, DroppedState]:
        if not self.training:
            y, after = self.cell.step(x, state.inner)
            return y, DroppedState(after, state.masks)
        masks = state.masks
        leaves = named_leaves(state.inner)
        read = {name: leaf * masks[name] if name in masks else leaf for name, leaf in leaves.items()}
        y, after = self.cell.step(x * masks["x"] if "x" in masks else x, replace_leaves(state.inner, read))
        return y, DroppedState(after, masks)


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
        self.rates = _shares(cell, rate, only_first=False)

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
        if rate == 0.0:
            return new
        if not self.training:
            return new + rate * (old - new)
        return torch.where(torch.rand_like(new) < rate, old, new)


@cell("revealed")
class Revealed(Cell):
    """Any cell with its whole state as output: y is `[y, *fields of the next state]` side by side.

    So every step's memory can be had at the speed of any other run.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.input_size, self.hidden_size = cell.input_size, getattr(cell, "hidden_size", 0)

    def initial_state(self, batch: int) -> Any:
        return self.cell.initial_state(batch)

    def begin(self, state: Any) -> Any:
        return self.cell.begin(state)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        y, after = self.cell.step(x, state)
        return torch.cat([y, *named_leaves(after).values()], -1), after

    def split(self, y: Tensor) -> dict[str, Tensor]:
        """`[..., output_size]` -> `y` and every field of the state by name."""
        widths = {name: leaf.shape[1] for name, leaf in named_leaves(self.initial_state(1)).items()}
        widths = {"y": y.shape[-1] - sum(widths.values()), **widths}
        return dict(zip(widths, torch.split(y, list(widths.values()), -1), strict=True))


def _share(what: str, rate: float) -> float:
    if not 0 <= rate < 1:
        raise Fault(f"{what} is {rate}, expected a share from 0 to below 1")
    return float(rate)


def _shares(cell: Cell, rate: float | dict[str, float], only_first: bool) -> dict[str, float]:
    """Field -> share. A single number means every field, or the first alone (the hidden state by custom)."""
    names = list(named_leaves(map_state(lambda leaf: leaf, cell.initial_state(1))))
    if isinstance(rate, dict):
        for name in rate:
            if name not in names:
                raise Fault(f"{type(cell).__name__} has no state called {name!r}{nearest(name, names)}")
        return {name: _share(name, held) for name, held in rate.items()}
    return dict.fromkeys(names[:1] if only_first else names, _share("rate", rate))
