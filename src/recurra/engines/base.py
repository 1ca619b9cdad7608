"""What an engine is: it runs the inside of a program over ragged rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from recurra.engines.levels import FoldLoop
from recurra.program import Loop
from recurra.wiring import Wiring


class LoopResult(NamedTuple):
    """What a loop leaves.

    Attributes:
        outputs: one `[N, width]` for each of the loop's outputs, in the packed order of its inputs.
        states: one `[B, width]` for each state, in packed order: every row's after its own last step, its
            initial one where a row has no step.
    """

    outputs: list[Tensor]
    states: list[Tensor]


class StateNorms(Protocol):
    """Where a watched run leaves, in its backward pass, the norms of the loss's gradient by its states.

    A state is told by its number in the loop, the tensor that a step leaves by that step. What comes back to
    it is counted wherever it is read, in the step that makes it too; what a step only hands on is a new
    state at each step. Steps at which nothing comes back need not be told.
    """

    def of_step(self, state: int, t: int, gradient: Tensor) -> None:
        """The gradient `[rows, ...]` by what step t left."""
        ...

    def of_steps(self, state: int, norms: Tensor) -> None:
        """The norms `[N]` of all steps, in packed order."""
        ...


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
        norms: StateNorms | None = None,
    ) -> LoopResult:
        """Runs the loop.

        Args:
            inputs: `[N, width]` for each of `loop.inputs`, packed step by step, longest row first.
            fixed: for each of `loop.fixed`: a matrix `[in, out]`, or a vector `[width]`.
            states: `[B, width]` for each of `loop.states`, in packed order.
            batch_sizes: rows at each step; their sum is N; never growing; all at most B.
            reverse: run from the last step to the first; a row joins at its own last step.
            norms: told, in the backward pass, of states that the loop makes or hands on, not of those that
                are its inputs.
        """
        ...

    def fold_refusal(self, loop: FoldLoop, like: Tensor) -> str | None:
        """As `refusal`, of a loop over the levels of trees."""
        ...

    def fold(
        self,
        loop: FoldLoop,
        inputs: Sequence[Tensor],
        fixed: Sequence[Tensor],
        edge_inputs: Sequence[Tensor],
        edge_fixed: Sequence[Tensor],
        missing: Sequence[Tensor],
        wiring: Wiring,
    ) -> list[Tensor]:
        """Runs a loop over the levels of trees.

        Args:
            inputs: `[N, width]` for each of the node loop's inputs, level by level.
            fixed: for each of its fixed values.
            edge_inputs, edge_fixed: as these, of the edge loop; `[E, width]`, sorted by parent.
            missing: leaf by leaf what is in an empty slot: `[1, width]`, or `[B, width]` one for each tree;
                of a cell of any arity only the widths count.

        Returns:
            the node loop's outputs `[N, width]`.
        """
        ...

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """`[rows, in] @ [in, out] + [out]`, differentiable: for what comes before or after a loop."""
        ...
