"""A cell as a layer over time."""

from __future__ import annotations

from typing import Any, TypeVar

from torch import Tensor

from recurra.cells.base import Cell
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured
from recurra.scan import scan

Rows = TypeVar("Rows", Ragged, Tensor)


@MODULES.register("recurrent")
class Recurrent(Configured):
    """Runs a cell over every row of its input.

    Args:
        cell: any cell.
        reverse: from the last step to the first; such a layer needs the whole row and has no `step`.
    """

    def __init__(self, cell: Cell, reverse: bool = False) -> None:
        self.cell = cell
        self.reverse = reverse
        self.input_size = cell.input_size

    @property
    def output_size(self) -> int:
        """Width of y."""
        return self.cell.output_size

    @property
    def causal(self) -> bool:
        """Whether y at a step depends on nothing later."""
        return not self.reverse

    def initial_state(self, batch: int) -> Any:
        """The cell's state before the first step."""
        return self.cell.initial_state(batch)

    def forward(
        self, x: Rows, state: Any = None, *, resets: Ragged | Tensor | None = None
    ) -> tuple[Rows, Any]:
        """See `recurra.scan`: x `[N, input_size]` ragged, or `[B, T, input_size]`."""
        return scan(self.cell, x, state, reverse=self.reverse, resets=resets)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """One step of a causal layer: `x [B, input_size]` -> `y [B, output_size]`, the next state."""
        return self.cell.step(x, state)
