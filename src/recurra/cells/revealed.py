"""Any cell with its whole state as output."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.cells.base import Cell, cell
from recurra.cells.wrapper import Wrapper
from recurra.state import flat_rows, named_leaves


@cell("revealed")
class Revealed(Wrapper):
    """Any cell with its whole state as output: y is `[y, *fields of the next state]` side by side.

    So every step's memory can be had at the speed of any other run.

    Args:
        cell: any cell.
    """

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        y, next_state = self.cell.step(x, state)
        fields = (flat_rows(leaf) for leaf in named_leaves(next_state).values())
        return torch.cat([y, *fields], -1), next_state

    def split(self, y: Tensor) -> dict[str, Tensor]:
        """`[..., output_size]` -> `y` and every field of the state by name, `[..., *shape of a row]`."""
        sizes = {name: leaf.shape[1:] for name, leaf in named_leaves(self.initial_state(1)).items()}
        widths = [y.shape[-1] - sum(size.numel() for size in sizes.values())]
        widths += [size.numel() for size in sizes.values()]
        whole, *fields = torch.split(y, widths, -1)
        shaped = zip(sizes.items(), fields, strict=True)
        return {"y": whole, **{name: part.reshape(*part.shape[:-1], *size) for (name, size), part in shaped}}
