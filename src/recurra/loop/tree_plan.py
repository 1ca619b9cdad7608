"""What a tree cell's step comes to before it runs: its programs, or why it has none. Traced once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import nn

from recurra.cells.tree import EdgeStep, TreeCell, node_states, node_step
from recurra.engines import FoldLoop
from recurra.errors import Fault
from recurra.loop.plan import NUMBERS
from recurra.program import Program, Untraceable
from recurra.program.errors import LeavesMarks, Volatile
from recurra.recording import unrecorded
from recurra.state import map_state, named_leaves
from recurra.tracing import trace
from recurra.tracing.isolation import plain_torch, stand_in
from recurra.tracing.memory import Memory
from recurra.tracing.side_effects import Attribute
from recurra.tracing.trace import fixed_leaves


@dataclass(frozen=True)
class TreePlan:
    """A traced step at a node, or the reason why there is none.

    Attributes:
        node: program of `step`; None when it can't be traced.
        edge: program of `edge`; None for a cell with slots too.
        reason: why there are no programs, in words; empty when there are.
        template: a child's state of no rows.
        sums: how many sums `edge` gives.
        slots: the cell's; 0: any arity.
        weights: names of the cell's parameters and buffers.
        who: class of the cell, for messages.
        number: its own, of all plans that this process makes.
    """

    node: Program | None
    edge: Program | None
    reason: str
    template: Any
    sums: int
    slots: int
    weights: tuple[str, ...]
    who: str
    number: int = field(default_factory=NUMBERS.__next__, compare=False)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the leaves of a state."""
        return tuple(named_leaves(self.template))

    @cached_property
    def loop(self) -> FoldLoop:
        """What runs inside, level by level."""
        return self._loop(False)

    @cached_property
    def merged(self) -> FoldLoop:
        """As `loop`, with what is made of the input for it alone."""
        return self._loop(True)

    def _loop(self, merged: bool) -> FoldLoop:
        node, edge = self.node, self.edge
        assert node is not None
        leaves = len(named_leaves(self.template))
        inside = node.merged if merged else node.loop
        if edge is None:
            return FoldLoop(inside, range(self.slots * leaves), range(leaves), self.slots)
        sums, rest = range(self.sums), range(self.sums, self.sums + leaves)
        return FoldLoop(inside, sums, rest, 0, edge.merged if merged else edge.loop, rest, sums)


def tree_plan_of(cell: TreeCell) -> TreePlan:
    """The plan for the cell as it is now: another mode, type, device or setting has its own."""
    return _PLANS.get(cell)


def still(cell: TreeCell, plan: TreePlan) -> bool:
    """Whether this is the plan for the cell as it is now; nothing is traced to say so."""
    return _PLANS.find(cell) is plan


def _make(cell: TreeCell) -> tuple[TreePlan, frozenset[Attribute]]:
    """The plan, and the attributes that the step was seen to change."""
    states, empty, counts = _templates(cell)
    names = tuple(fixed_leaves(cell))
    try:
        node = _traced(node_step(cell), cell.input_size, states)
        edge = _traced(EdgeStep(cell), cell.input_size, states) if cell.slots is None else None
        return TreePlan(node, edge, "", empty, *counts, names, type(cell).__name__), frozenset()
    except LeavesMarks as error:
        marks = frozenset(
            (path.removeprefix("cell").removeprefix("."), name) for path, name in error.attributes
        )
        return TreePlan(None, None, str(error), empty, *counts, names, type(cell).__name__), marks
    except Untraceable as error:
        return TreePlan(None, None, str(error), empty, *counts, names, type(cell).__name__), frozenset()


def _give_up(cell: TreeCell, volatile: frozenset[Attribute]) -> TreePlan:
    _, empty, counts = _templates(cell)
    return TreePlan(
        None, None, str(Volatile(volatile)), empty, *counts, tuple(fixed_leaves(cell)), type(cell).__name__
    )


def _traced(step: nn.Module, input_size: int, states: Any) -> Program:
    """The program, its weights under the cell's own names for them."""
    program = trace(step, input_size, states)
    values = tuple(
        replace(value, attrs=(value.attrs[0].removeprefix("cell."),)) if value.op == "fixed" else value
        for value in program.values
    )
    return replace(program, values=values)


def _templates(cell: TreeCell) -> tuple[Any, Any, tuple[int, int]]:
    """The states that the cell's steps take, of one row; a child's of no rows; how many sums there are, and
    slots.
    """
    if cell.slots is not None and not (isinstance(cell.slots, int) and cell.slots > 0):
        raise Fault(f"{type(cell).__name__}: slots is {cell.slots!r}, expected a number of children, or None")
    with unrecorded():
        state = cell.initial_state(1)
        states = node_states(cell, state)
    with plain_torch(cell.example().device), torch.no_grad():
        states = map_state(lambda leaf: stand_in(leaf).clone(), states)
        empty = map_state(lambda leaf: leaf.detach()[:0].clone(), state)
    sums = len(named_leaves(states["sums"])) if cell.slots is None else 0
    return states, empty, (sums, cell.slots or 0)


_PLANS: Memory[TreePlan] = Memory(_make, _give_up)
