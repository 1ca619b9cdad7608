"""What a cell's step comes to before it runs: its program, or why it has none. Traced once, kept by cell."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import count
from typing import Any

import torch

from recurra.cells.base import Cell
from recurra.program import Program, Untraceable
from recurra.program.errors import LeavesMarks, Volatile
from recurra.program.resets import with_resets
from recurra.recording import unrecorded
from recurra.state import map_state
from recurra.tracing import trace
from recurra.tracing.isolation import plain_torch, stand_in
from recurra.tracing.memory import Memory
from recurra.tracing.side_effects import Attribute
from recurra.tracing.trace import fixed_leaves

NUMBERS = count()
"""Of plans, each its own."""


@dataclass(frozen=True)
class Plan:
    """A traced step, or the reason why there is none.

    Attributes:
        program: None when the step can't be traced.
        reason: why not, in words; empty when it can.
        template: a state of no rows: its names, types and the shape of one row.
        weights: names of the cell's parameters and buffers.
        marks: whether the step changes attributes of its module.
        volatile: whether the cell changes at nearly every run, and the shape of its state with it, perhaps.
        number: its own, of all plans that this process makes.
    """

    program: Program | None
    reason: str
    template: Any
    weights: tuple[str, ...]
    marks: bool = False
    volatile: bool = False
    number: int = field(default_factory=NUMBERS.__next__, compare=False)

    @cached_property
    def resetting(self) -> tuple[Program, int, dict[str, int]]:
        """The program with resets: see `with_resets`."""
        assert self.program is not None
        return with_resets(self.program)


def plan_of(cell: Cell) -> Plan:
    """The plan for the cell as it is now: another mode, type, device or setting has its own."""
    plan = _PLANS.get(cell)
    return replace(plan, template=_template(cell)[0]) if plan.volatile else plan


def still(cell: Cell, plan: Plan) -> bool:
    """Whether this is the plan for the cell as it is now; nothing is traced to say so."""
    present = _PLANS.find(cell)
    return present is not None and present.number == plan.number


def _make(cell: Cell) -> tuple[Plan, frozenset[Attribute]]:
    """The plan, and the attributes that the step was seen to change."""
    template, state = _template(cell)
    names = tuple(fixed_leaves(cell))
    try:
        return Plan(trace(cell, cell.input_size, state), "", template, names), frozenset()
    except LeavesMarks as error:
        return Plan(None, str(error), template, names, marks=True), error.attributes
    except Untraceable as error:
        return Plan(None, str(error), template, names), frozenset()


def _give_up(cell: Cell, volatile: frozenset[Attribute]) -> Plan:
    template, _ = _template(cell)
    return Plan(None, str(Volatile(volatile)), template, tuple(fixed_leaves(cell)), volatile=True)


def _template(cell: Cell) -> tuple[Any, Any]:
    """A state of no rows, and one of one row."""
    with unrecorded():
        state = cell.initial_state(1)
    with plain_torch(cell.example().device), torch.no_grad():
        state = map_state(lambda leaf: stand_in(leaf).clone(), state)
        return map_state(lambda leaf: leaf[:0].clone(), state), state


_PLANS: Memory[Plan] = Memory(_make, _give_up)
