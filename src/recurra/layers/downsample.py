"""Fewer, wider steps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("downsample")
class Downsample(Layer):
    """`factor` steps side by side make one: a row of T steps becomes one of `T // factor`, the rest of a row
    left out (Chan et al., 2016, the pyramid of Listen, Attend and Spell).

    Its output is no longer step by step with its input, so it has no `step`. The state,
    `{"x": [B, n, input_size]}`, holds the n < factor steps of a stream that wait for more; none around whole
    rows.

    Args:
        input_size: width of x; the output's is `factor` times that.
        factor: steps that become one.
    """

    def __init__(self, input_size: int, factor: int) -> None:
        if factor < 1:
            raise Fault(f"factor is {factor}, expected at least 1 step")
        self.input_size = input_size
        self.factor = factor
        self.register_buffer("like", torch.zeros(()), persistent=False)
        self.like: Tensor

    @property
    def output_size(self) -> int:
        return self.factor * self.input_size

    @property
    def delay(self) -> int | None:
        return self.factor - 1

    def initial_state(self, batch: int) -> Any:
        return {"x": self.like.new_zeros(batch, 0, self.input_size)}

    def run(self, rows: Ragged, state: Any, resets: Ragged | None) -> tuple[Ragged, Any]:
        lengths = rows.lengths
        counts = lengths // self.factor
        starts = torch.cumsum(lengths, 0) - lengths
        ends = torch.cumsum(counts, 0)
        within = torch.arange(int(counts.sum())) - torch.repeat_interleave(ends - counts, counts)
        firsts = torch.repeat_interleave(starts, counts) + self.factor * within
        places = (firsts.unsqueeze(1) + torch.arange(self.factor)).flatten().to(rows.data.device)
        joined = rows.to_joined().index_select(0, places).reshape(len(firsts), self.output_size)
        return Ragged.from_joined(joined, ends - counts, counts), self.initial_state(len(rows))

    def step(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        if self.factor == 1:
            return x, state
        raise self.refusal()

    def feed(self, x: Tensor, state: Any) -> tuple[Tensor, Any]:
        x = torch.cat([state["x"], x], 1)
        count = x.shape[1] // self.factor
        ready = x[:, : count * self.factor].reshape(len(x), count, self.output_size)
        return ready, {"x": x[:, count * self.factor :]}

    def refusal(self) -> Fault:
        return Fault(
            f"Downsample makes one step of {self.factor}, so it can't run step by step: feed it pieces "
            f"(Stream does)"
        )
