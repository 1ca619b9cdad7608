"""A convolution over time that never touches padding."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("convolution")
class Convolution(Layer):
    """`y_t = W [x_{t-k}, ..., x_t, ..., x_{t+k}] + b` with `width = 2k + 1`; zeros beyond a row's ends.

    Args:
        input_size, output_size: width of x, of y.
        width: steps seen by each output; odd.

    A stream gives y k steps late. The state, `{"x": [B, n, input_size]}`, holds the steps still needed while
    streaming; it starts as the k zeros before a row. With a width of 1 nothing is remembered: None.
    """

    def __init__(self, input_size: int, output_size: int, width: int = 3) -> None:
        if width < 1 or width % 2 == 0:
            raise Fault(f"width is {width}, expected an odd number of steps")
        self.input_size = input_size
        self.width = width
        self.linear = nn.Linear(width * input_size, output_size)

    @property
    def output_size(self) -> int:
        return self.linear.out_features

    @property
    def delay(self) -> int | None:
        return self.width // 2

    def initial_state(self, batch: int) -> Any:
        if self.width == 1:
            return None
        like = self.linear.weight
        return {"x": like.new_zeros(batch, self.width // 2, self.input_size)}

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        reach = self.width // 2
        windows = [_shifted(rows, offset) for offset in range(-reach, reach + 1)]
        return rows.with_data(self.linear(torch.cat(windows, -1))), self.initial_state(len(rows))

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        if not self.causal:
            raise self.refusal()
        return self.linear(x), state

    def feed(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        if state is None:
            return self._over(x), None
        x = torch.cat([state["x"], x], 1)
        ready = max(0, x.shape[1] - self.width + 1)
        return self._over(x[:, : ready + self.width - 1] if ready else x[:, :0]), {"x": x[:, ready:]}

    def finish(self, state: Any) -> Tensor | None:
        if state is None:
            return None
        beyond = state["x"].new_zeros(len(state["x"]), self.width // 2, self.input_size)
        y, _ = self.feed(beyond, state)
        return y if y.shape[1] else None

    def refusal(self) -> Fault:
        return Fault(
            f"Convolution sees {self.width // 2} steps ahead, so it has no step of its own: feed it pieces "
            f"(Stream does), and finish"
        )

    def _over(self, x: Tensor) -> Tensor:
        """`[B, T + width - 1, F]` -> `[B, T, output_size]`; nothing of nothing."""
        count = max(0, x.shape[1] - self.width + 1)
        windows = [x[:, offset : offset + count] for offset in range(self.width)]
        return self.linear(torch.cat(windows, -1))  # type: ignore[no-any-return]


def _shifted(rows: Ragged, offset: int) -> Tensor:
    """`[N, F]`: in each place, what its row holds `offset` steps later, or zeros."""
    if offset == 0:
        return rows.data
    device = rows.data.device
    steps = rows.step_of + offset
    inside = (steps >= 0) & (steps < rows.packed_lengths.to(device)[rows.row_of])
    begins = torch.tensor([*rows.offsets, 0], dtype=torch.int64, device=device)
    places = begins[torch.where(inside, steps, 0)] + rows.row_of
    return rows.data.index_select(0, places) * inside.unsqueeze(1)
