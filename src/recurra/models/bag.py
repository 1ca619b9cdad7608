"""The feed-forward baseline: the same question without order or memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.layers.inputs import Input
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


class BagState(NamedTuple):
    """What was read so far."""

    total: Tensor  # [B, F]: the sum of what was read
    steps: Tensor  # [B, 1]: how many there were


@MODULES.register("bag")
class Bag(Configured):
    """The mean of a row's features through a feed-forward network (Iyyer et al., 2015, deep averaging).

    What recurrence adds is what a recurrent model does better than this one on the same data.

    Args:
        input: reads the rows.
        hidden: widths of the hidden layers; none leaves a linear model.
        outputs: width of the answer.
        dropout: share dropped before each layer, in training.
    """

    State = BagState
    delay = 0
    causal = True

    def __init__(self, input: Input, hidden: Sequence[int], outputs: int, dropout: float = 0.0) -> None:
        if any(width < 1 for width in hidden):
            raise Fault(f"hidden = {list(hidden)}: expected widths of at least 1")
        self.input = input
        widths = [input.output_size, *hidden]
        parts: list[nn.Module] = []
        for below, above in pairwise(widths):
            parts += [nn.Dropout(dropout), nn.Linear(below, above), nn.ReLU()]
        self.network = nn.Sequential(*parts, nn.Dropout(dropout), nn.Linear(widths[-1], outputs))

    def initial_state(self, batch: int) -> BagState:
        """Nothing read yet."""
        like = next(self.network.parameters())
        return BagState(like.new_zeros(batch, self.input.output_size), like.new_zeros(batch, 1))

    def forward(self, x: Any, state: BagState | None = None) -> tuple[Tensor, BagState]:
        """Ragged rows -> answers `[B, outputs]` and states, in the caller's order. A row of length 0 gives
        the answer to zeros.
        """
        rows: Ragged = self.input(x)
        state = self.initial_state(len(rows)) if state is None else state
        sums = rows.data.new_zeros(len(rows), rows.data.shape[1]).index_add(0, rows.row_of, rows.data)
        counts = rows.lengths.to(sums).unsqueeze(-1)
        final = BagState(state.total + rows.unsort(sums), state.steps + counts)
        return self._answer(final), final

    def step(self, x: Any, state: BagState) -> tuple[Tensor, BagState]:
        """One step `[B, ...]` -> the answer by now `[B, outputs]`, the next state."""
        return self.step_features(self.input(x), state)

    def step_features(self, features: Tensor, state: BagState) -> tuple[Tensor, BagState]:
        """`step`, from what the input makes of x on."""
        next_state = BagState(state.total + features, state.steps + 1)
        return self._answer(next_state), next_state

    def each_step(self, x: Any) -> Ragged:
        """The answer `[N, outputs]` after each prefix of each row."""
        rows: Ragged = self.input(x)
        total = rows.data[:0]
        means = [total]
        for step, (offset, size) in enumerate(zip(rows.offsets, rows.batch_sizes, strict=True)):
            here = rows.data[offset : offset + size]
            total = here if step == 0 else total[:size] + here
            means.append(total / (step + 1))
        return rows.with_data(self.network(torch.cat(means)))

    def _answer(self, state: BagState) -> Tensor:
        answer: Tensor = self.network(state.total / state.steps.clamp_min(1))
        return answer
