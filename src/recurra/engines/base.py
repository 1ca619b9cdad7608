"""What an engine is: it runs the inside of a program over ragged rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from recurra.program import Loop


class LoopResult(NamedTuple):
    """What a loop leaves.

    Attributes:
        outputs: one `[N, width]` for each of the loop's outputs, in the packed order of its inputs.
        states: one `[B, width]` for each state, in packed order: every row's after its own last step, its
            initial one where a row has no step.
    """

    outputs: list[Tensor]
    states: list[Tensor]


class Engine(Protocol):
    """Runs loops, forward and backward (its result is differentiable with respect to every tensor given)."""

    name: str
    merges: bool
    """Whether it wants a program's `merged` loop, not its `loop`."""

    def refusal(self, loop: Loop, like: Tensor) -> str | None:
        """Why it can't run this loop on tensors of `like`'s type and device; None when it can."""
        ...

    def run(
        self,
        loop: Loop,
        inputs: Sequence[Tensor],
        fixed: Sequence[Tensor],
        states: Sequence[Tensor],
        batch_sizes: Sequence[int],
        reverse: bool,
    ) -> LoopResult:
        """Runs the loop.

        Args:
            inputs: `[N, width]` for each of `loop.inputs`, packed step by step, longest row first.
            fixed: for each of `loop.fixed`: a matrix `[in, out]`, or a vector `[width]`.
            states: `[B, width]` for each of `loop.states`, in packed order.
            batch_sizes: rows at each step; their sum is N; never growing; all at most B.
            reverse: run from the last step to the first; a row joins at its own last step.
        """
        ...

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """`[rows, in] @ [in, out] + [out]`, differentiable: for what comes before or after a loop."""
        ...
