"""A cell some of whose units are held at zero."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from recurra.cells.base import Cell
from recurra.cells.wrapper import Wrapper
from recurra.errors import Fault
from recurra.state import named_leaves, replace_leaves


class Clamped(Wrapper):
    """Any cell with some numbers of its state at zero after every step, and before the first one.

    y is zero there too where it is a leaf of the state, as an LSTM's is h.

    Args:
        cell: any cell.
        units: name of a leaf -> which of its numbers, flat.

    Raises:
        Fault: there is no such leaf or unit.
    """

    def __init__(self, cell: Cell, units: dict[str, list[int]]) -> None:
        super().__init__(cell)
        leaves = named_leaves(cell.initial_state(1))
        for name, numbers in units.items():
            if name not in leaves:
                raise Fault(f"{type(cell).__name__} has no state called {name!r}: it has {', '.join(leaves)}")
            width = leaves[name][0].numel()
            if any(not 0 <= unit < width for unit in numbers):
                raise Fault(f"state {name} has units 0 to {width - 1}, found {sorted(numbers)}")
        self.units = units

    def begin(self, state: Any) -> Any:
        return self.clamp(self.cell.begin(state))

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        y, next_state = self.cell.step(x, state)
        clamped = self.clamp(next_state)
        same = [name for name, leaf in named_leaves(next_state).items() if leaf is y]
        return (named_leaves(clamped)[same[0]] if same else y), clamped

    def clamp(self, state: Any) -> Any:
        """The state with the units at zero."""
        leaves = named_leaves(state)
        for name, numbers in self.units.items():
            mask = leaves[name].new_ones(leaves[name][0].numel())
            mask[numbers] = 0
            leaves[name] = leaves[name] * mask.reshape(leaves[name].shape[1:])
        return replace_leaves(state, leaves)
