"""One answer a step: what language models and taggers share."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from recurra.layers.base import Layer
from recurra.layers.inputs import Input
from recurra.models.head import LinearHead
from recurra.ragged import Ragged
from recurra.registry import Configured


class Stepwise(Configured):
    """An input, a layer over time, and a head at each step.

    It can run whole rows, and, where its layer can, step by step or piece by piece. A subclass sets `input`,
    `body` and `output`, or writes `head`.
    """

    input: Input
    body: Layer
    output: LinearHead

    def head(self, y: Tensor) -> Tensor:
        """The layer's output `[..., F]` -> scores `[..., K]`."""
        scores: Tensor = self.output(y)
        return scores

    @property
    def delay(self) -> int | None:
        """How many later steps an output can depend on: 0 when causal, None when on the whole row."""
        return self.body.delay

    @property
    def causal(self) -> bool:
        """Whether an output depends on nothing later."""
        return self.body.causal

    def initial_state(self, batch: int) -> Any:
        """The state before the first step of `batch` rows."""
        return self.body.initial_state(batch)

    def forward(self, x: Any, state: Any = None, *, resets: Ragged | Tensor | None = None) -> tuple[Any, Any]:
        """Whole rows: what the input reads, ragged or `[B, T, ...]`.

        Returns:
            scores of x's layout, and the state after each row's last step.
        """
        y, final = self.body(self.input(x), state, resets=resets)
        return (y.map(self.head) if isinstance(y, Ragged) else self.head(y)), final

    def step(self, x: Any, state: Any) -> tuple[Tensor, Any]:
        """One step `[B, ...]` of a causal model -> scores `[B, K]`, the next state."""
        return self.step_features(self.input(x), state)

    def step_features(self, features: Tensor, state: Any) -> tuple[Tensor, Any]:
        """`step`, from what the input makes of x on."""
        y, next_state = self.body.step(features, state)
        return self.head(y), next_state

    def feed(self, x: Any, state: Any) -> tuple[Tensor, Any]:
        """The next steps `[B, T, ...]` -> the scores `[B, T', K]` that are certain by now, and the next
        state; see `Layer.feed`.
        """
        y, next_state = self.body.feed(self.input(x), state)
        return self.head(y), next_state

    def finish(self, state: Any) -> Tensor | None:
        """The scores `[B, T', K]` still held back when the rows end; None: none are."""
        y = self.body.finish(state)
        return None if y is None else self.head(y)
