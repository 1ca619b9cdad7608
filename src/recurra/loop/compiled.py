"""A run over time inside `torch.compile(fullgraph=True)`.

Dynamo records one call for the whole run; tracing the step, choosing an engine and the loop itself stay out
of its sight, so that what it records does not grow with the number of steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, cell_of
from recurra.loop.plan import Plan, plan_of
from recurra.loop.run import Resets, prepare, run_ready
from recurra.tracing.trace import fixed_leaves

_PLANS: dict[int, Plan] = {}
"""By number: a recorded graph names its plan so, and outlives the cell."""


class Recordable(NamedTuple):
    """What a recorded graph holds of a plan.

    Attributes:
        number: the plan's; -1 where the step has no program.
        reason: why it has none.
        weights: names of parameters and buffers, in the order in which they are passed.
        read: plain attributes that the plan was made under: path of the module, name, value.
    """

    number: int
    reason: str
    weights: tuple[str, ...]
    read: tuple[tuple[str, str, bool | int | float | str], ...]


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def recordable(number: int) -> Recordable:
    """The plan of a cell (by its `id`) as it is while a graph is recorded."""
    cell = cell_of(number)
    plan = plan_of(cell)
    if plan.program is None:
        return Recordable(-1, plan.reason, (), ())
    place = next((n for n, held in _PLANS.items() if held is plan), len(_PLANS))
    _PLANS[place] = plan
    return Recordable(place, "", tuple(fixed_leaves(cell)), tuple(_plain(cell)))


def guard(cell: Cell, known: Recordable) -> None:
    """Reads what the plan depends on, so that a change of it records the graph anew."""
    for path, name, value in known.read:
        assert getattr(at(cell, path), name) == value


def run_recorded(
    cell: Cell,
    known: Recordable,
    x: Tensor,
    states: Sequence[Tensor],
    batch_sizes: tuple[int, ...],
    reverse: bool,
    resets: Resets | None,
) -> tuple[Tensor, list[Tensor]]:
    """As `run_ready`, recorded as one call."""
    guard(cell, known)
    weights = [getattr(at(cell, path), name) for path, _, name in map(_parted, known.weights)]
    names = [] if resets is None else list(resets.starts)
    flags = [] if resets is None else [resets.flags, *resets.starts.values()]
    y, *final = _call(known.number, x, weights, list(states), batch_sizes, reverse, names, flags)
    return y, final


@torch.compiler.allow_in_graph  # type: ignore[untyped-decorator]
def _call(
    number: int,
    x: Tensor,
    weights: list[Tensor],
    states: list[Tensor],
    batch_sizes: tuple[int, ...],
    reverse: bool,
    names: list[str],
    fresh: list[Tensor],
) -> list[Tensor]:
    plan = _PLANS[number]
    resets = Resets(fresh[0], dict(zip(names, fresh[1:], strict=True))) if fresh else None
    named: Mapping[str, Tensor] = dict(zip(plan.weights, weights, strict=True))
    y, final = run_ready(
        prepare(plan, named, resets), x, fresh[0] if fresh else None, states, batch_sizes, reverse
    )
    return [y, *final]


def at(module: nn.Module, path: str) -> Any:
    """The part of a module at a dotted path."""
    held: Any = module
    for name in path.split(".") if path else ():
        held = getattr(held, name)
    return held


def _parted(name: str) -> tuple[str, str, str]:
    return name.rpartition(".")


def _plain(cell: Cell) -> list[tuple[str, str, bool | int | float | str]]:
    return [
        (path, name, value)
        for path, part in cell.named_modules()
        for name, value in part.__dict__.items()
        if isinstance(value, (bool, int, float, str)) and (name == "training" or not name.startswith("_"))
    ]
