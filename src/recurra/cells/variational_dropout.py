"""Dropout that stays the same over a whole run, for any cell."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.cells.base import Cell, cell
from recurra.cells.wrapper import Wrapper, share, shares
from recurra.state import named_leaves, replace_leaves


class DroppedState(NamedTuple):
    """The inner cell's state, and the masks of a whole run, in training and out of it."""

    inner: Any
    masks: dict[str, Tensor]  # `x` or a field -> `[B, ...]`, 0 where it is dropped; ones out of training


@cell("variational_dropout")
class VariationalDropout(Wrapper):
    """One mask a row for all steps of a run, on what the step reads of x and of the state (Gal and
    Ghahramani, 2016).

    Args:
        cell: any cell.
        input: share of x dropped.
        recurrent: share of the first field of the state dropped (h by custom), or name -> share
            (`{"h": 0.3}`).

    Dropped numbers are zero for the whole run and the others are divided by what is kept, in training only.
    """

    def __init__(self, cell: Cell, input: float = 0.0, recurrent: float | dict[str, float] = 0.0) -> None:
        super().__init__(cell)
        rates = {"x": share("input", input), **shares(cell, recurrent, only_first=True)}
        self.rates = {name: rate for name, rate in rates.items() if rate > 0}

    def initial_state(self, batch: int) -> DroppedState:
        inner = self.cell.initial_state(batch)
        sizes = {"x": (self.input_size,), **{n: leaf.shape[1:] for n, leaf in named_leaves(inner).items()}}
        like = self.cell.example()
        return DroppedState(inner, {name: like.new_ones(batch, *sizes[name]) for name in self.rates})

    def begin(self, state: DroppedState) -> DroppedState:
        if not self.training:
            return DroppedState(self.cell.begin(state.inner), state.masks)
        masks = {
            name: torch.empty_like(mask).bernoulli_(1 - self.rates[name]).div_(1 - self.rates[name])
            for name, mask in state.masks.items()
        }
        return DroppedState(self.cell.begin(state.inner), masks)

    def step(self, x: Tensor, state: DroppedState) -> tuple[Tensor, DroppedState]:
        if not self.training:
            y, next_state = self.cell.step(x, state.inner)
            return y, DroppedState(next_state, state.masks)
        masks, leaves = state.masks, named_leaves(state.inner)
        x = x * masks["x"] if "x" in masks else x
        masked = {name: leaf * masks[name] if name in masks else leaf for name, leaf in leaves.items()}
        y, next_state = self.cell.step(x, replace_leaves(state.inner, masked))
        return y, DroppedState(next_state, masks)
