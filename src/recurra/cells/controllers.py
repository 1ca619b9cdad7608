"""What stands between the input of a memory cell and its heads: any cell, or one layer without a state."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recurra.cells.base import CELLS, Cell
from recurra.errors import Fault, quoted
from recurra.state import named_leaves

FEED_FORWARD = "feed_forward"
OUTMOST = 20.0
"""A controller's output is clipped to this on both sides (Graves et al., 2014, their experiments)."""


class Controller(nn.Module):
    """A cell, or the layer `tanh(W x + b)`, which has no state (None).

    Args:
        controller: a registered cell's name, or `feed_forward`, made for these sizes; or a cell of that
            input size.
        input_size: width of the input and of all that is read from the memory.
        hidden_size: of a controller that is made here.
    """

    def __init__(self, controller: str | Cell, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell: Cell | None = None
        self.layer: nn.Linear | None = None
        if isinstance(controller, Cell):
            if controller.input_size != input_size:
                raise Fault(
                    f"the controller reads {controller.input_size} numbers, expected {input_size}: "
                    f"the input and what is read from the memory"
                )
            self.cell = controller
        elif controller == FEED_FORWARD:
            self.layer = nn.Linear(input_size, hidden_size)
        elif isinstance(controller, str):
            self.cell = CELLS[controller](input_size, hidden_size)
        else:
            raise Fault(
                f"controller is {quoted(controller)}, expected a cell, a cell's name or {FEED_FORWARD!r}"
            )
        self.output_size = hidden_size if self.cell is None else self.cell.output_size

    def initial_state(self, batch: int) -> Any:
        return None if self.cell is None else self.cell.initial_state(batch)

    def begin(self, state: Any) -> Any:
        return None if self.cell is None else self.cell.begin(state)

    def forward(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Its output, clipped to what heads can bear, and the next state."""
        if self.cell is None:
            assert self.layer is not None
            return torch.tanh(self.layer(x)), None
        y, state = self.cell.step(x, state)
        return y.clamp(-OUTMOST, OUTMOST), state


def leaf_sizes(state: Any) -> dict[str, tuple[int, ...]]:
    """Dotted name of each leaf of a state -> the shape of one row."""
    return {name: tuple(leaf.shape[1:]) for name, leaf in named_leaves(state).items()}
