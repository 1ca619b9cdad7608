"""A run over time inside `torch.compile(fullgraph=True)`.

Dynamo records one call for the whole run; tracing the step, choosing an engine and the loop itself stay out
of its sight, so that what it records does not grow with the number of steps.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._guards import Guard, TracingContext

from recurra.cells.base import Cell, cell_of
from recurra.errors import Fault
from recurra.loop.plan import Plan, plan_of, still
from recurra.loop.run import Run, prepare, run_ready
from recurra.loop.watch import current_watch
from recurra.tracing.trace import fixed_leaves

_PLANS: dict[int, Plan] = {}
"""By number: a recorded graph can hold no plan, and names it so. Each stays for as long as its cell lives."""


class Recordable(NamedTuple):
    """What a graph that is being recorded may know of a plan.

    Attributes:
        number: the plan's; -1 where the step has no program.
        reason: why it has none.
        weights: names of parameters and buffers, in the order in which they are passed.
    """

    number: int
    reason: str
    weights: tuple[str, ...]


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def recordable(cell_id: int) -> Recordable:
    """The plan of a cell (by its `id`) as it is while a graph is recorded, good for that plan alone."""
    cell = cell_of(cell_id)
    plan = plan_of(cell)
    reference = weakref.ref(cell)

    def holds() -> bool:
        alive = reference()
        return alive is not None and still(alive, plan) and current_watch() is None

    guard(f"{type(cell).__name__} is as it was when its step was traced", holds)
    if plan.program is None:
        return Recordable(-1, plan.reason, ())
    if plan.number not in _PLANS:
        _PLANS[plan.number] = plan
        weakref.finalize(cell, _PLANS.pop, plan.number, None).atexit = False
    return Recordable(plan.number, "", tuple(fixed_leaves(cell)))


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def watched_while_recorded() -> bool:
    """Whether runs are watched; what is recorded then is good for watched calls alone."""
    if current_watch() is None:
        return False
    guard("runs are watched", lambda: current_watch() is not None)
    return True


def guard(words: str, holds: Callable[[], bool]) -> None:
    """Has the graph that is being recorded ask at every call whether something still holds, the cell's plan
    above all: where it does not, the graph is recorded anew.

    Dynamo itself guards what Python it has seen, and the step's it never sees.
    """
    from torch._dynamo.source import (
        GlobalStateSource,  # takes seconds, and is there where a graph is recorded
    )

    context = TracingContext.try_get()
    if context is None:
        return

    def create(builder: Any, guard: Guard) -> None:
        builder.guard_manager.root.add_lambda_guard(lambda _: holds(), [words], None)

    context.guards_context.dynamo_guards.add(Guard(GlobalStateSource(), create))


def run_recorded(
    cell: Cell, plan: Recordable, run: Run, states: Sequence[Tensor], starts: Mapping[str, Tensor] | None
) -> tuple[Tensor, list[Tensor]]:
    """As `prepare` and `run_ready`, recorded as one call."""
    weights = [weight_at(cell, name) for name in plan.weights]
    names, rows = ([], []) if starts is None else (list(starts), list(starts.values()))
    y, *final = _call(plan.number, run, list(states), weights, names, rows)
    return y, final


@torch.compiler.allow_in_graph  # type: ignore[untyped-decorator]
def _call(
    number: int,
    run: Run,
    states: list[Tensor],
    weights: list[Tensor],
    names: list[str],
    rows: list[Tensor],
) -> list[Tensor]:
    """y and the final states. `rows` are what the states called `names` start afresh from."""
    plan = plan_numbered(number)
    starts = None if run.flags is None else dict(zip(names, rows, strict=True))
    y, final = run_ready(prepare(plan, dict(zip(plan.weights, weights, strict=True)), starts), run, states)
    return [y, *final]


def plan_numbered(number: int) -> Plan:
    """The plan that a recorded graph names; a Fault where its cell is gone."""
    plan = _PLANS.get(number)
    if plan is None:
        raise Fault("a recorded graph outlived the cell that it was recorded with: compile the model anew")
    return plan


def weight_at(module: nn.Module, path: str) -> Any:
    """What a module has at a dotted path."""
    part: Any = module
    for name in path.split("."):
        part = getattr(part, name)
    return part
