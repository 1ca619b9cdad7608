"""What is known of a cell's step before it runs: its program, or why it has none. Traced once, kept by
cell.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
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


@dataclass(frozen=True)
class Plan:
    """A traced step, or the reason why there is none.

    Attributes:
        program: None when the step can't be traced.
        reason: why not, in words; empty when it can.
        template: a state of no rows: its names, types and the shape of one row.
        weights: names of the cell's parameters and buffers.
        marks: whether the step changes attributes of its module.
    """

    program: Program | None
    reason: str
    template: Any
    weights: tuple[str, ...]
    marks: bool = False

    @cached_property
    def resetting(self) -> tuple[Program, int, dict[str, int]]:
        """The program with resets: see `with_resets`."""
        assert self.program is not None
        return with_resets(self.program)


@dataclass
class _Known:
    """What has been found of one cell.

    Attributes:
        plans: by the cell's settings.
        marks: attributes that its step was seen to change.
        marked: plans of settings under which it changes them, by all other settings.
    """

    plans: dict[Hashable, Plan] = field(default_factory=dict)
    marks: frozenset[Attribute] = frozenset()
    marked: dict[Hashable, Plan] = field(default_factory=dict)

    def find(self, settings: dict[Attribute, Hashable]) -> Plan | None:
        found = self.plans.get(_key(settings))
        if found is None and self.marked:
            found = self.marked.get(_key(settings, self.marks))
        return found


_KNOWN: weakref.WeakKeyDictionary[Cell, _Known] = weakref.WeakKeyDictionary()
# tracing puts stand-ins in place of a cell's weights, so no other thread may read them meanwhile
_TRACING = threading.RLock()


def plan_of(cell: Cell) -> Plan:
    """The plan for the cell as it is now: another mode, type, device or setting has its own."""
    known = _KNOWN.get(cell)
    found = known.find(settings_of(cell)) if known else None
    if found is not None:
        return found
    with _TRACING:
        known = _KNOWN.setdefault(cell, _Known())
        settings = settings_of(cell)
        return known.find(settings) or _make(cell, known, settings)


def _make(cell: Cell, known: _Known, settings: dict[Attribute, Hashable]) -> Plan:
    with torch.no_grad():
        start = cell.initial_state(1)
    with torch.no_grad(), plain_torch(cell.example().device):
        start = map_state(lambda leaf: stand_in(leaf).clone(), start)
        template = map_state(lambda leaf: leaf[:0].clone(), start)
    names = tuple(fixed_leaves(cell))
    try:
        plan = Plan(trace(cell, cell.input_size, start), "", template, names)
    except LeavesMarks as error:
        plan = Plan(None, str(error), template, names, marks=True)
        if not error.attributes <= known.marks:
            known.marks |= error.attributes
            known.marked.clear()
        _drop_oldest(known.marked)
        known.marked[_key(settings, known.marks)] = plan
        return plan
    except Untraceable as error:
        plan = Plan(None, str(error), template, names)
    _drop_oldest(known.plans)
    known.plans[_key(settings)] = plan
    return plan


def _key(settings: dict[Attribute, Hashable], without: frozenset[Attribute] = frozenset()) -> Hashable:
    return tuple(pair for pair in settings.items() if pair[0] not in without)


def _drop_oldest(plans: dict[Hashable, Plan]) -> None:
    while len(plans) >= _MOST:
        del plans[next(iter(plans))]
