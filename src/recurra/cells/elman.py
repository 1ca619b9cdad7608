"""Context units that hold the last memory, or the last two."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.initializers import nonlinearity_named, uniform_
from recurra.errors import Fault


@cell("elman")
class Elman(Cell):
    """Context units (Elman, 1990).

    `order=1`: `h_t = g(W x_t + b + U_1 h_{t-1})`. `order=2`: `+ U_2 h_{t-2}` within g, so that the cell sees
    the trend which the newest input brought. `y_t = h_t`.

    Args:
        order: how many of the last h are read, 1 or 2.
        nonlinearity: g: `tanh`, `relu`, `sigmoid` or `identity`.
    """

    class State(NamedTuple):
        h: Tensor  # [B, H]
        earlier: Tensor  # [B, H]: h one step before; carried unread by order 1

    def __init__(self, input_size: int, hidden_size: int, order: int = 1, nonlinearity: str = "tanh") -> None:
        if order not in (1, 2):
            raise Fault(f"elman: order is {order}, expected 1 or 2")
        self.input = nn.Linear(input_size, hidden_size)
        self.contexts = nn.ModuleList(nn.Linear(hidden_size, hidden_size, bias=False) for _ in range(order))
        self.g = nonlinearity_named(nonlinearity)
        uniform_(self, hidden_size)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        memories = zip(self.contexts, (state.h, state.earlier), strict=False)
        h = self.g(self.input(x) + sum(context(memory) for context, memory in memories))
        return h, self.State(h, state.h)
