"""What is known of a cell's step before it runs: its program, or why it has none. Traced once, kept by
cell.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import nn

from recurra.cells.base import Cell
from recurra.program import Program, Untraceable, trace
from recurra.program.resets import with_resets
from recurra.state import named_leaves

_PLANS: weakref.WeakKeyDictionary[Cell, dict[Hashable, Plan]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Plan:
    """A traced step, or the reason why there is none.

    Attributes:
        program: None when the step can't be traced.
        reason: why not, in words; empty when it can.
        sizes: name of each leaf of the state -> the shape of one row.
    """

    program: Program | None
    reason: str
    sizes: dict[str, tuple[int, ...]]

    @cached_property
    def resetting(self) -> tuple[Program, int, dict[str, int]]:
        """The program with resets: see `with_resets`."""
        assert self.program is not None
        return with_resets(self.program)


def plan_of(cell: Cell) -> Plan:
    """The plan for the cell as it is now: another mode, type, device or setting has its own."""
    plans = _PLANS.setdefault(cell, {})
    key = tuple(_settings(cell))
    if key not in plans:
        plans[key] = _make(cell)
    return plans[key]


def _make(cell: Cell) -> Plan:
    with torch.no_grad():
        state = cell.initial_state(1)
    sizes = {name: tuple(leaf.shape[1:]) for name, leaf in named_leaves(state).items()}
    try:
        return Plan(trace(cell, cell.input_size, state), "", sizes)
    except Untraceable as error:
        return Plan(None, str(error), sizes)


def _settings(module: nn.Module) -> Iterator[Hashable]:
    """Everything plain that a step could read: a change of it must not meet an old program."""
    for part in module.modules():
        yield type(part)
        for name, value in part.__dict__.items():
            if name not in _NOT_SETTINGS:
                yield name
                yield _plain(value)
        for name, held in (*part._parameters.items(), *part._buffers.items()):
            if held is not None:
                yield (name, held.shape, held.dtype, held.device)


def _plain(value: object) -> Hashable:
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


_NOT_SETTINGS = frozenset(nn.Module().__dict__) - {"training"} | {"config"}
