"""Any cell with its whole state as output."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.cells.base import Cell, cell
from recurra.state import named_leaves


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
        return torch.cat([y, *(leaf.flatten(1) for leaf in named_leaves(after).values())], -1), after

    def split(self, y: Tensor) -> dict[str, Tensor]:
        """`[..., output_size]` -> `y` and every field of the state by name."""
        sizes = {name: leaf.shape[1:] for name, leaf in named_leaves(self.initial_state(1)).items()}
        widths = [y.shape[-1] - sum(size.numel() for size in sizes.values())]
        widths += [size.numel() for size in sizes.values()]
        whole, *fields = torch.split(y, widths, -1)
        shaped = zip(sizes.items(), fields, strict=True)
        return {"y": whole, **{name: part.reshape(*part.shape[:-1], *size) for (name, size), part in shaped}}
