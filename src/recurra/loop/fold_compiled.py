"""A fold inside `torch.compile(fullgraph=True)`: one call, whatever trees it is given. See `compiled`."""

from __future__ import annotations

import weakref

import torch
from torch import Tensor

from recurra.cells.base import cell_of
from recurra.cells.tree import TreeCell
from recurra.errors import Fault
from recurra.loop.arguments import require_leaves
from recurra.loop.compiled import Recordable, guard, weight_at
from recurra.loop.fold_run import fold_engine_for, run_fold
from recurra.loop.tree_plan import TreePlan, still, tree_plan_of
from recurra.state import with_leaves
from recurra.tracing.trace import fixed_leaves
from recurra.wiring import Wiring

_PLANS: dict[int, TreePlan] = {}
"""By number: a recorded graph can hold no plan, and names it so. Each stays for as long as its cell lives."""


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def recordable(cell_id: int) -> Recordable:
    """The plan of a cell (by its `id`) as it is while a graph is recorded, good for that plan alone.

    It has no number where another engine than the native one runs it: the plain loop's graph would be that of
    these trees alone.
    """
    cell = cell_of(cell_id)
    plan = tree_plan_of(cell)
    reference = weakref.ref(cell)

    def holds() -> bool:
        alive = reference()
        return alive is not None and still(alive, plan)

    guard(f"{type(cell).__name__} is as it was when its step was traced", holds)
    if plan.node is None:
        return Recordable(-1, plan.reason, ())
    engine, refusals = fold_engine_for(plan, cell.example())
    if engine != "native":
        return Recordable(-1, refusals.get("native", f"RECURRA_ENGINE is {engine}"), ())
    if plan.number not in _PLANS:
        _PLANS[plan.number] = plan
        weakref.finalize(cell, _PLANS.pop, plan.number, None).atexit = False
    return Recordable(plan.number, "", tuple(fixed_leaves(cell)))


def call_recorded(
    cell: TreeCell, plan: Recordable, x: Tensor, leaves: list[Tensor], rows: int, wiring: Wiring
) -> Tensor:
    """y, recorded as one call.

    Args:
        leaves: what is in an empty slot, `[rows, ...]` each.
    """
    weights = [weight_at(cell, name) for name in plan.weights]
    return _call(plan.number, x, leaves, weights, wiring.tensors, wiring.slots, rows)  # type: ignore[no-any-return]


@torch.compiler.allow_in_graph  # type: ignore[untyped-decorator]
def _call(
    number: int,
    x: Tensor,
    leaves: list[Tensor],
    weights: list[Tensor],
    wiring: list[Tensor],
    slots: int,
    rows: int,
) -> Tensor:
    plan = _PLANS.get(number)
    if plan is None:
        raise Fault("a recorded graph outlived the cell that it was recorded with: compile the model anew")
    names = dict(zip(plan.names, leaves, strict=True))
    require_leaves(plan.who, plan.template, names, rows, x.device)
    missing = with_leaves(plan.template, leaves)
    named = dict(zip(plan.weights, weights, strict=True))
    return run_fold(None, plan, named, x, missing, Wiring.of(wiring, slots))
