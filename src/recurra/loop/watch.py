"""Norms of the loss's gradient by every state on the way, recorded while the backward pass goes by.

The gradient by a state is all that comes back to the tensor that a step leaves, wherever it is read: by the
next step, as y, by the step that makes it. What a step only hands on is a new state at each step. No graph
and no gradient is kept: one number a row, step and leaf is.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from recurra.cells.base import Cell
from recurra.engines import transformed
from recurra.errors import Fault
from recurra.program import Program
from recurra.ragged import Ragged
from recurra.state import named_leaves, replace_leaves

_CURRENT = threading.local()


@contextmanager
def watching() -> Iterator[Watch]:
    """Within it, each run over time of this thread records norms in its backward pass, wherever that is
    called; `loss.backward()`, for a pass that seeks the gradients of some tensors alone may end early.

    Runs without gradients are not recorded. A compiled model leaves its layers out of the graph meanwhile.

    Raises:
        Fault: of a run within it: under transforms of torch.func, or while torch.jit records.
    """
    outer, watch = current_watch(), Watch()
    _CURRENT.watch = watch
    try:
        yield watch
    finally:
        _CURRENT.watch = outer


def current_watch() -> Watch | None:
    """The innermost one of this thread; None outside of `watching`."""
    return getattr(_CURRENT, "watch", None)


class Watch:
    """What `watching` records.

    Attributes:
        runs: in the order in which they were run.
    """

    def __init__(self) -> None:
        self.runs: list[RunNorms] = []

    def follow(
        self, cell: Cell, rows: Ragged, state: Any, reverse: bool, program: Program | None
    ) -> tuple[Tensor, Any, Recorder]:
        """Begins to record a run.

        Args:
            state: what it starts from, leaves in packed order.
            program: of the step, if it has one.

        Returns:
            x and the state in whose place the run shall take them, and what the run shall tell its norms to.

        Raises:
            Fault: within a transform of torch.func.
        """
        if transformed():
            raise Fault(
                "watching() follows loss.backward() of an ordinary run: leave out transforms of torch.func "
                "and forward-mode gradients"
            )
        run = RunNorms(cell, rows, named_leaves(state), reverse)
        self.runs.append(run)
        x = rows.data
        # the gradient by a state that is made of x alone comes to it only where x has one
        if program is None or any(program.parts[n] == "before" for n in program.next_states.values()):
            x = x if x.requires_grad else x.detach().requires_grad_()
        leaves = {
            name: run.watch_first(name, leaf) if leaf.is_floating_point() else leaf
            for name, leaf in named_leaves(state).items()
        }
        return x, replace_leaves(state, leaves), Recorder(run, 0, rows.batch_sizes)


class RunNorms:
    """One run over time: norms over the units of the loss's gradient by each state.

    Attributes:
        cell: whose run it was.
        leaf_names: of the state's leaves that are real numbers.
        lengths: `[B]` int64 on the CPU: steps of each row.
        reverse: whether it went from each row's last step to its first.
    """

    def __init__(self, cell: Cell, rows: Ragged, leaves: dict[str, Tensor], reverse: bool) -> None:
        self.cell, self.reverse, self.lengths = cell, reverse, rows.lengths
        self.leaf_names = tuple(name for name, leaf in leaves.items() if leaf.is_floating_point())
        self.numbers = {k: name for k, name in enumerate(leaves) if name in self.leaf_names}
        count, data = sum(rows.batch_sizes), rows.data
        self._rows = rows.with_data(data.new_zeros(count, 0))
        self._first = {name: _zeros(len(rows), data) for name in self.leaf_names}
        self._next = {name: _zeros(count, data) for name in self.leaf_names}

    @property
    def norms(self) -> dict[str, Tensor]:
        """Leaf -> `[T + 1, B]` in double, rows in the caller's order: after so many steps of the run (0: by
        the state that it started from; with `reverse` a row's steps are counted from its end); 0 where
        nothing came back, NaN where the row has no such step.
        """
        rows = self._rows
        steps = rows.step_of + 1
        if self.reverse:
            steps = rows.packed_lengths.to(steps.device)[rows.row_of] - rows.step_of
        places = rows.row_of if rows.order is None else rows.order[rows.row_of]
        tables = {}
        for name in self.leaf_names:
            table = self._next[name].new_full((rows.steps + 1, len(rows)), float("nan"))
            table[steps, places] = self._next[name]
            table[0] = rows.unsort(self._first[name])
            tables[name] = table
        return tables

    def watch_first(self, name: str, leaf: Tensor) -> Tensor:
        """What stands for a leaf of the first state, in packed order, and tells of its gradient."""
        leaf = leaf.view_as(leaf) if leaf.requires_grad else leaf.detach().requires_grad_()

        def tell(gradient: Tensor) -> None:
            self._first[name].copy_(_norm(gradient))

        leaf.register_hook(tell)
        return leaf

    def tell(self, state: int, place: int, norms: Tensor) -> None:
        """Norms of some places in packed order, of a leaf by its number among all of the state's."""
        if state in self.numbers:
            self._next[self.numbers[state]][place : place + len(norms)] = norms.detach()


class Recorder:
    """Where some of a run's steps leave their norms; see `recurra.engines.StateNorms`.

    Args:
        first: the place in packed order where these steps begin.
        batch_sizes: how many rows have each of them.
    """

    def __init__(self, run: RunNorms, first: int, batch_sizes: Sequence[int]) -> None:
        self.run, self.first = run, first
        self._places = list(accumulate(batch_sizes, initial=first))

    def part(self, first: int, batch_sizes: Sequence[int]) -> Recorder:
        """Of a segment that begins at this place of the run."""
        return Recorder(self.run, first, batch_sizes)

    def of_step(self, state: int, t: int, gradient: Tensor) -> None:
        self.run.tell(state, self._places[t], _norm(gradient))

    def of_steps(self, state: int, norms: Tensor) -> None:
        self.run.tell(state, self.first, norms)

    def watch_inputs(self, next_states: Iterable[Tensor | None]) -> None:
        """Of each state its next values at all steps `[N, ...]`, where they are made before the loop."""
        for state, values in enumerate(next_states):
            if values is not None and values.requires_grad:
                values.register_hook(lambda g, state=state: self.of_steps(state, _norm(g)))


def _zeros(count: int, like: Tensor) -> Tensor:
    return torch.zeros(count, dtype=torch.float64, device=like.device)


def _norm(gradient: Tensor) -> Tensor:
    """Over all numbers of a row, in double: squares of a gradient that vanishes are below what a float holds."""
    gradient = gradient.detach()
    return torch.linalg.vector_norm(gradient.double().flatten(1), dim=1)
