"""One answer a row, or one after each prefix of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.layers.inputs import Input
from recurra.layers.pooling import LastPool, Pool
from recurra.models.head import LinearHead
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured

_STEPS_AT_ONCE = 20_000


@MODULES.register("many_to_one")
class ManyToOne(Configured):
    """An input, a layer over time, its outputs pooled, and a linear head.

    Args:
        input: reads the rows.
        body: any layer.
        pool: many steps to one vector.
        outputs: width of the answer.
        dropout: share of the pooled numbers dropped, in training.
    """

    def __init__(self, input: Input, body: Layer, pool: Pool, outputs: int, dropout: float = 0.0) -> None:
        self.input, self.body, self.pool = input, body, pool
        self.output = LinearHead(pool.output_size, outputs, dropout)

    @property
    def causal(self) -> bool:
        """Whether the answer by now can be had step by step."""
        return self.body.causal and isinstance(self.pool, LastPool)

    @property
    def delay(self) -> int | None:
        """0 when causal, None otherwise."""
        return 0 if self.causal else None

    def initial_state(self, batch: int) -> Any:
        """The state before the first step of `batch` rows."""
        return self.body.initial_state(batch)

    def forward(self, x: Any, state: Any = None) -> tuple[Tensor, Any]:
        """Ragged rows -> answers `[B, outputs]` in the caller's order, and the state after each row."""
        y, final = self.body(self.input(x), state)
        return self.output(self.pool(y)), final

    def step(self, x: Any, state: Any) -> tuple[Tensor, Any]:
        """One step `[B, ...]` -> the answer by now `[B, outputs]`, the next state.

        Raises:
            Fault: the model is not causal.
        """
        if not self.causal:
            raise Fault(
                "the answer can't be had step by step: that needs layers that read forward alone, and the "
                "pool 'last'"
            )
        return self.step_features(self.input(x), state)

    def step_features(self, features: Tensor, state: Any) -> tuple[Tensor, Any]:
        """`step`, from what the input makes of x on."""
        y, next_state = self.body.step(features, state)
        return self.output(y), next_state

    def each_step(self, x: Any) -> Ragged:
        """The answer `[N, outputs]` after each prefix of each row, as if the row ended there.

        A causal layer runs once; another one runs over every prefix.
        """
        rows: Ragged = self.input(x)
        if self.body.causal:
            rows, _ = self.body(rows)
            if isinstance(self.pool, LastPool):
                return rows.map(self.output)
        answers = [rows.data.new_zeros(0, self.output.out_features)]
        for part in prefixes(rows, _STEPS_AT_ONCE):
            y = part if self.body.causal else self.body(part)[0]
            answers.append(self.output(self.pool(y)))
        return rows.with_data(torch.cat(answers))


def prefixes(rows: Ragged, steps: int) -> Iterator[Ragged]:
    """For each place of `rows`, in order, the row up to and with it: some at a time, of about `steps` steps
    together.
    """
    lengths = (rows.step_of + 1).cpu()
    order = torch.arange(len(rows)) if rows.order is None else rows.order.cpu()
    row_lengths = rows.lengths
    starts = (torch.cumsum(row_lengths, 0) - row_lengths)[order[rows.row_of.cpu()]]
    joined = rows.to_joined()
    part = torch.cumsum(lengths, 0) // max(1, steps)
    counts = torch.unique_consecutive(part, return_counts=True)[1]
    for places in torch.split(torch.arange(len(lengths)), counts.tolist()):
        yield Ragged.from_joined(joined, starts[places], lengths[places])
