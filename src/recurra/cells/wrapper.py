"""A cell around another one, and shares of its state's fields that some of them drop or keep."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from recurra.cells.base import Cell
from recurra.errors import Fault, nearest
from recurra.state import named_leaves


class Wrapper(Cell):
    """A cell around another: sizes, states and the step are the inner cell's, unless a subclass writes its
    own.

    Args:
        cell: any cell.
    """

    cell: Cell

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.input_size, self.hidden_size = cell.input_size, getattr(cell, "hidden_size", 0)

    def initial_state(self, batch: int) -> Any:
        return self.cell.initial_state(batch)

    def begin(self, state: Any) -> Any:
        return self.cell.begin(state)

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.cell.step(x, state)


def share(name: str, rate: float) -> float:
    """The rate, if it is from 0 to below 1; else a Fault that calls it by `name`."""
    if not 0 <= rate < 1:
        raise Fault(f"{name} is {rate}, expected a share from 0 to below 1")
    return float(rate)


def shares(cell: Cell, rate: float | dict[str, float], only_first: bool) -> dict[str, float]:
    """Field -> share. A single number means every field, or the first alone (the hidden state by custom)."""
    names = list(named_leaves(cell.initial_state(1)))
    if isinstance(rate, dict):
        for name in rate:
            if name not in names:
                raise Fault(f"{type(cell).__name__} has no state called {name!r}{nearest(name, names)}")
        return {name: share(name, part) for name, part in rate.items()}
    return dict.fromkeys(names[:1] if only_first else names, share("rate", rate))
