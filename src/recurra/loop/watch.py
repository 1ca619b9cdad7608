"""Norms of the loss's gradient by every state on the way, recorded while the backward pass goes by.

The gradient by a state is all that comes back to the tensor that a step leaves, wherever it is read: by the
next step, as y, by the step that makes it. What a step only hands on is a new state at each step. No graph
and no gradient is kept: one number a row, step and leaf is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from recurra.state import flat_rows, named_leaves, replace_leaves

_CURRENT = threading.local()


@contextmanager
def watching(outputs: bool = False) -> Iterator[Watch]:
    """Within it, each run over time of this thread records norms in its backward pass, wherever that is
    called; `loss.backward()`, for a pass that seeks the gradients of some tensors alone may end early.

    Runs without gradients are not recorded. A compiled model leaves its layers out of the graph meanwhile.

    Args:
        outputs: see `Watch`.

    Raises:
        Fault: of a run within it: under transforms of torch.func, or while torch.jit records.
    """
    outer, watch = current_watch(), Watch(outputs)
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
        outputs: whether runs keep what they gave, and with it their graphs.
        runs: in the order in which they were run.
    """

    def __init__(self, outputs: bool = False) -> None:
        self.outputs = outputs
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
        output: y of the run `[N, output_size]` in packed order, with its graph; None where it was not asked
            for.
        first_state: by leaf, what the run started from, in packed order: ends of the graph.
    """

    def __init__(self, cell: Cell, rows: Ragged, leaves: dict[str, Tensor], reverse: bool) -> None:
        self.cell, self.reverse, self.lengths = cell, reverse, rows.lengths
        self.leaf_names = tuple(name for name, leaf in leaves.items() if leaf.is_floating_point())
        self.numbers = {k: name for k, name in enumerate(leaves) if name in self.leaf_names}
        count, data = sum(rows.batch_sizes), rows.data
        self.first_state: dict[str, Tensor] = {}
        self.output: Tensor | None = None
        self._entering = _zeros(count, data)
        self._rows = rows.with_data(data.new_zeros(count, 0))
        self._first = {name: _zeros(len(rows), data) for name in self.leaf_names}
        self._next = {name: _zeros(count, data) for name in self.leaf_names}

    @property
    def norms(self) -> dict[str, Tensor]:
        """Leaf -> `[T + 1, B]` in double, rows in the caller's order: after so many steps of the run (0: by
        the state that it started from; with `reverse` a row's steps are counted from its end); 0 where
        nothing came back, NaN where the row has no such step.
        """
        return {
            name: self._table(self._next[name], self._rows.unsort(self._first[name]))
            for name in self.leaf_names
        }

    @property
    def entering(self) -> Tensor:
        """`[T + 1, B]`, as `norms`: of the gradient by y, where the loss enters; after no step none does."""
        return self._table(self._entering, self._entering.new_zeros(len(self._rows)))

    @property
    def ends(self) -> Tensor:
        """Places in packed order that each row's run ends at, int64; a row of no step has none."""
        lengths = self._rows.packed_lengths.to(self._steps.device)[self._rows.row_of]
        return (self._steps == lengths).nonzero()[:, 0]

    @property
    def _steps(self) -> Tensor:
        """`[N]`: how many steps a row has done after each place."""
        rows = self._rows
        if self.reverse:
            return rows.packed_lengths.to(rows.step_of.device)[rows.row_of] - rows.step_of
        return rows.step_of + 1

    def _table(self, packed: Tensor, first: Tensor) -> Tensor:
        rows = self._rows
        table = packed.new_full((rows.steps + 1, len(rows)), float("nan"))
        table[self._steps, rows.row_of if rows.order is None else rows.order[rows.row_of]] = packed
        table[0] = first
        return table

    def watch_output(self, y: Tensor, keep: bool) -> None:
        """Tells where the loss enters y `[N, output_size]`, in packed order, and keeps it if asked to."""
        self.output = y if keep else None
        if y.requires_grad:
            _on_gradient(y, lambda gradient: self.enter(_norm(gradient)))

    def enter(self, norms: Tensor) -> None:
        """Norms `[N]` of the gradient by y."""
        self._entering.copy_(norms)

    def watch_first(self, name: str, leaf: Tensor) -> Tensor:
        """What stands for a leaf of the first state, in packed order, and tells of its gradient."""
        leaf = leaf.view_as(leaf) if leaf.requires_grad else leaf.detach().requires_grad_()

        def tell(gradient: Tensor) -> None:
            self._first[name].copy_(_norm(gradient))

        _on_gradient(leaf, tell)
        self.first_state[name] = leaf
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

                def tell(gradient: Tensor, state: int = state) -> None:
                    self.of_steps(state, _norm(gradient))

                _on_gradient(values, tell)


def _zeros(count: int, like: Tensor) -> Tensor:
    return torch.zeros(count, dtype=torch.float64, device=like.device)


def _on_gradient(t: Tensor, tell: Callable[[Tensor], None]) -> None:
    """Tells of a tensor's gradient, once it is whole; autograd may say that there is none."""

    def hook(gradient: Tensor | None) -> None:
        if gradient is not None:
            tell(gradient)

    t.register_hook(hook)  # type: ignore[no-untyped-call]


def _norm(gradient: Tensor) -> Tensor:
    """Over all numbers of a row, in double: a float can't hold the squares of a gradient that vanishes."""
    gradient = gradient.detach()
    dense = gradient if gradient.layout is torch.strided else gradient.to_dense()
    norms: Tensor = torch.linalg.vector_norm(flat_rows(dense.double()), dim=1)
    return norms
