"""What a cell's step comes to before it runs: its program, or why it has none. Traced once, kept by cell."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any

import torch

from recurra.cells.base import Cell
from recurra.program import Program, Untraceable
from recurra.program.errors import LeavesMarks
from recurra.program.resets import with_resets
from recurra.state import map_state
from recurra.tracing import trace
from recurra.tracing.fingerprint import settings_of
from recurra.tracing.isolation import plain_torch, stand_in
from recurra.tracing.side_effects import Attribute
from recurra.tracing.trace import fixed_leaves

_MOST = 16
"""Plans kept for one cell; one whose settings change at every run shall not fill the memory."""

_NUMBERS = count()


@dataclass(frozen=True)
class Plan:
    """A traced step, or the reason why there is none.

    Attributes:
        program: None when the step can't be traced.
        reason: why not, in words; empty when it can.
        template: a state of no rows: its names, types and the shape of one row.
        weights: names of the cell's parameters and buffers.
        marks: whether the step changes attributes of its module.
        number: its own, of all plans that this process makes.
    """

    program: Program | None
    reason: str
    template: Any
    weights: tuple[str, ...]
    marks: bool = False
    number: int = field(default_factory=_NUMBERS.__next__, compare=False)

    @cached_property
    def resetting(self) -> tuple[Program, int, dict[str, int]]:
        """The program with resets: see `with_resets`."""
        assert self.program is not None
        return with_resets(self.program)


@dataclass
class _Plans:
    """The plans of one cell.

    Attributes:
        plain: by the cell's settings.
        marks: attributes that its step was seen to change.
        marked: plans of settings under which it changes them, by all other settings.
    """

    plain: dict[Hashable, Plan] = field(default_factory=dict)
    marks: frozenset[Attribute] = frozenset()
    marked: dict[Hashable, Plan] = field(default_factory=dict)

    def find(self, settings: dict[Attribute, Hashable]) -> Plan | None:
        plan = self.plain.get(_key(settings))
        if plan is None and self.marked:
            plan = self.marked.get(_key(settings, self.marks))
        return plan

    def add(self, settings: dict[Attribute, Hashable], plan: Plan, marks: frozenset[Attribute]) -> None:
        """Keeps a plan; `marks` are the attributes that this one's step changes."""
        if not marks <= self.marks:
            self.marks |= marks
            self.marked.clear()
        plans = self.marked if plan.marks else self.plain
        while len(plans) >= _MOST:
            del plans[next(iter(plans))]
        plans[_key(settings, self.marks) if plan.marks else _key(settings)] = plan


_KNOWN: weakref.WeakKeyDictionary[Cell, _Plans] = weakref.WeakKeyDictionary()
# tracing puts stand-ins in place of a cell's weights, so no other thread may read them meanwhile
_TRACING = threading.RLock()


def plan_of(cell: Cell) -> Plan:
    """The plan for the cell as it is now: another mode, type, device or setting has its own."""
    plans = _KNOWN.get(cell)
    plan = plans.find(settings_of(cell)) if plans else None
    if plan is not None:
        return plan
    with _TRACING:
        plans = _KNOWN.setdefault(cell, _Plans())
        settings = settings_of(cell)
        plan = plans.find(settings)
        if plan is None:
            plan, marks = _make(cell)
            plans.add(settings, plan, marks)
        return plan


def _make(cell: Cell) -> tuple[Plan, frozenset[Attribute]]:
    """The plan, and the attributes that the step was seen to change."""
    with torch.no_grad():
        state = cell.initial_state(1)
    with torch.no_grad(), plain_torch(cell.example().device):
        state = map_state(lambda leaf: stand_in(leaf).clone(), state)
        template = map_state(lambda leaf: leaf[:0].clone(), state)
    names = tuple(fixed_leaves(cell))
    try:
        return Plan(trace(cell, cell.input_size, state), "", template, names), frozenset()
    except LeavesMarks as error:
        return Plan(None, str(error), template, names, marks=True), error.attributes
    except Untraceable as error:
        return Plan(None, str(error), template, names), frozenset()


def _key(settings: dict[Attribute, Hashable], without: frozenset[Attribute] = frozenset()) -> Hashable:
    return tuple(pair for pair in settings.items() if pair[0] not in without)
