"""Dropout held over a whole run, for any cell."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.cells.base import Cell, cell
from recurra.cells.wrapper import share, shares
from recurra.state import named_leaves, replace_leaves


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
        self.rates = {"x": share("input", input)}
        for name, rate in shares(cell, recurrent, only_first=True).items():
            self.rates[name] = rate
        self.rates = {name: rate for name, rate in self.rates.items() if rate > 0}

    def initial_state(self, batch: int) -> DroppedState:
        inner = self.cell.initial_state(batch)
        sizes = {"x": (self.input_size,), **{n: leaf.shape[1:] for n, leaf in named_leaves(inner).items()}}
        like = self.cell.example()
        return DroppedState(inner, {name: like.new_ones(batch, *sizes[name]) for name in self.rates})

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
