"""The one door into the loop over the levels of trees."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recurra.cells.base import cell_of
from recurra.cells.tree import TreeCell
from recurra.engines import strict as strict_runs
from recurra.engines import strictly
from recurra.errors import Fault
from recurra.forest import Forest
from recurra.loop.arguments import compatible, foreign_state, require_leaves
from recurra.loop.fold_compiled import call_recorded, recordable
from recurra.loop.fold_run import fold_engine_for, run_fold
from recurra.loop.tree_plan import TreePlan, tree_plan_of
from recurra.loop.weights import Weights
from recurra.recording import refuse_script
from recurra.state import named_leaves, with_leaves


def fold(cell: TreeCell, forest: Forest, state: Any = None, *, strict: bool = False) -> tuple[Forest, Tensor]:
    """Runs a tree cell over a forest, from the leaves to the roots. What it means, for one node:

        def node(x, children):
            if cell.slots is None:
                return cell.step(x, sum(cell.edge(x, child) for child in children))
            empty = [cell.initial_state(1) if state is None else state]
            return cell.step(x, *children, *empty * (cell.slots - len(children)))

    What does not depend on the children is computed before the loop or after it, for all nodes at once; the
    rest runs level by level, and the fastest engine that can runs it: `recurra.explain` says which.

    Args:
        forest: data `[N, input_size]`, of the type and on the device of the cell's weights.
        state: what is in a slot without a child, leaves `[B, ...]`, one row for each tree in the caller's
            order; None: the cell's initial state. A cell of any arity takes none.
        strict: a Fault instead of a slower path; of gradients of gradients too, as they are asked for.

    Returns:
        y of all nodes, the same forest holding `[N, output_size]`, and y at the roots `[B, output_size]`, in
        the caller's order.

    Raises:
        Fault: a node has more children than the cell has slots; data or state of the wrong shape, type or
            device; a step that returns another state than it reads; with strict, a slower path than the
            fastest.
    """
    check_forest(cell, forest)
    if strict or _strictly():
        _require_fast(id(cell))
    recorded = torch.compiler.is_dynamo_compiling()
    way = _fold_recorded if recorded else _fold_strictly if strict else _fold
    result = forest.like(way(cell, forest, state))
    return result, result.root_data()


fold.__prepare_scriptable__ = lambda: refuse_script("fold")  # type: ignore[attr-defined]


def _fold(cell: TreeCell, forest: Forest, state: Any) -> Tensor:
    """y `[N, output_size]` in the order of rows."""
    plan = tree_plan_of(cell)
    return run_fold(
        cell, plan, Weights(cell), forest.data, _missing(cell, plan, forest, state), forest.wiring
    )


def _fold_strictly(cell: TreeCell, forest: Forest, state: Any) -> Tensor:
    with strict_runs():
        return _fold(cell, forest, state)


_fold_outside = torch.compiler.disable(_fold)  # type: ignore[no-untyped-call]


def _fold_recorded(cell: TreeCell, forest: Forest, state: Any) -> Tensor:
    """As `_fold` where torch records a graph: of the plan only names and numbers may be looked at."""
    plan = recordable(id(cell))
    if plan.number < 0:
        torch._dynamo.graph_break(msg=f"{type(cell).__name__} can't be folded within a graph: {plan.reason}")
        return _fold_outside(cell, forest, state)  # type: ignore[no-any-return]
    if state is not None and cell.slots is None:
        raise Fault(_NO_SLOTS.format(type(cell).__name__))
    rows = 1 if state is None else len(forest)
    empty = cell.initial_state(1) if state is None else state
    return call_recorded(cell, plan, forest.data, list(named_leaves(empty).values()), rows, forest.wiring)


_NO_SLOTS = "{}: state is what is in an empty slot, and a cell of any arity has no slots"


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _strictly() -> bool:
    return strictly()


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _require_fast(cell_id: int) -> None:
    cell = cell_of(cell_id)
    plan = tree_plan_of(cell)
    _, refusals = fold_engine_for(plan, cell.example())
    if plan.reason or refusals:
        reasons = (
            [f"program: {plan.reason}"] if plan.reason else [f"{n}: {why}" for n, why in refusals.items()]
        )
        raise Fault(f"{type(cell).__name__} would not run on the fastest path ({'; '.join(reasons)})")


def check_forest(cell: TreeCell, forest: Forest) -> None:
    """Fault unless the cell can run over this forest."""
    who = type(cell).__name__
    if not isinstance(cell, TreeCell):
        raise Fault(f"fold runs a recurra.TreeCell over a forest, found a {who}: scan runs cells over time")
    if not isinstance(forest, Forest):
        raise Fault(f"{who}: found a {type(forest).__name__}, expected a recurra.Forest")
    data, width, like = forest.data, cell.required("input_size"), cell.example()
    if list(data.shape[1:]) != [width]:
        raise Fault(f"{who}: x has {list(data.shape[1:])} numbers a node, expected [{width}] (input_size)")
    if not compatible(data, like):
        raise Fault(f"{who}: x is {data.dtype}, its weights are {like.dtype}: convert one of them")
    if data.device != like.device:
        raise Fault(f"{who}: x is on {data.device}, its weights are on {like.device}: move one of them")
    if cell.slots is not None and forest.slots > cell.slots:
        raise Fault(
            f"{who}: a node of the forest has {forest.slots} children, the cell has slots for {cell.slots}"
        )


def _missing(cell: TreeCell, plan: TreePlan, forest: Forest, state: Any) -> Any:
    """What is in an empty slot: a tree with leaves `[1, ...]`, or `[B, ...]`."""
    who = type(cell).__name__
    if state is None:
        state = cell.initial_state(1)
        rows = 1
    elif cell.slots is None:
        raise Fault(_NO_SLOTS.format(who))
    else:
        rows = len(forest)
    try:
        leaves = named_leaves(state)
    except Fault:
        raise Fault(foreign_state(who, plan.template, type(state).__name__)) from None
    require_leaves(who, plan.template, leaves, rows, forest.data.device)
    return with_leaves(plan.template, leaves.values())
