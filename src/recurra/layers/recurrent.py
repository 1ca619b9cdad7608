"""A cell as a layer over time."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from recurra.cells.base import Cell
from recurra.layers.base import Layer
from recurra.loop.checkpoint import require_every
from recurra.loop.scan import scan
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("recurrent")
class Recurrent(Layer):
    """Runs a cell over every row of its input.

    Args:
        cell: any cell.
        reverse: from the last step to the first; such a layer needs the whole row and has no `step`.
        checkpoint_every: the backward pass keeps the state every so many steps and computes the rest again
            (see `scan`).

    The state is the cell's.
    """

    def __init__(self, cell: Cell, reverse: bool = False, checkpoint_every: int | None = None) -> None:
        require_every(checkpoint_every)
        self.cell = cell
        self.reverse = reverse
        self.checkpoint_every = checkpoint_every
        self.input_size = cell.input_size

    @property
    def output_size(self) -> int:
        return self.cell.output_size

    @property
    def delay(self) -> int | None:
        return None if self.reverse else 0

    def initial_state(self, batch: int) -> Any:
        return self.cell.initial_state(batch)

    def begin(self, state: Any) -> Any:
        return self.cell.begin(state)

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        every = self.checkpoint_every
        return scan(self.cell, rows, state, reverse=self.reverse, resets=resets, checkpoint_every=every)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        if self.reverse:
            raise self.refusal()
        return self.cell.step(x, state)

    def explain_lines(self) -> list[str]:
        """For `recurra.explain`."""
        every = self.checkpoint_every
        if every is None:
            return []
        return [f"training keeps the state every {every} steps and computes the steps between again"]
