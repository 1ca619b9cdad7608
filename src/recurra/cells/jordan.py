"""The network's own output, fed back."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.initializers import nonlinearity_named, uniform_


@cell("jordan")
class Jordan(Cell):
    """`h_t = g(W x_t + U h_{t-1} + V y_{t-1} + b)`, `y_t = o(W_hy h_t + b_y)` (Jordan, 1986).

    Args:
        output_size: width of y; hidden_size unless given.
        memory: whether the internal memory `U h_{t-1}` is there; the classic form has only `V y_{t-1}`.
        nonlinearity, output_nonlinearity: g and o: `tanh`, `relu`, `sigmoid` or `identity`.
    """

    class State(NamedTuple):
        h: Tensor  # [B, H]
        y: Tensor  # [B, O]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int | None = None,
        memory: bool = True,
        nonlinearity: str = "tanh",
        output_nonlinearity: str = "tanh",
    ) -> None:
        self.output_size = hidden_size if output_size is None else output_size
        self.input = nn.Linear(input_size, hidden_size)
        self.fed_back = nn.Linear(self.output_size, hidden_size, bias=False)
        self.hidden = nn.Linear(hidden_size, hidden_size, bias=False) if memory else None
        self.output = nn.Linear(hidden_size, self.output_size)
        self.g = nonlinearity_named(nonlinearity)
        self.o = nonlinearity_named(output_nonlinearity)
        uniform_(self, hidden_size)

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size,), "y": (self.output_size,)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        total = self.input(x) + self.fed_back(state.y)
        if self.hidden is not None:
            total = total + self.hidden(state.h)
        h = self.g(total)
        y = self.o(self.output(h))
        return y, self.State(h, y)
