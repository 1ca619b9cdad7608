"""The one door into the loop over the levels of trees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from recurra.cells.tree import TreeCell, require_node, require_sums
from recurra.engines import run_edges, run_loops, run_slots, strictly
from recurra.errors import Fault
from recurra.forest import Forest
from recurra.loop.arguments import compatible, foreign_state, require_leaves
from recurra.loop.tree_plan import TreePlan, tree_plan_of
from recurra.loop.weights import Weights
from recurra.program import Program
from recurra.program.interpret import full_rows, run_fixed, run_rows
from recurra.program.ops import SOURCES
from recurra.state import map_state, named_leaves, with_leaves
from recurra.timing import AFTER, BEFORE, LOOP, part
from recurra.tracing.parametrized import once_a_run
from recurra.wiring import Wiring


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
    plan = tree_plan_of(cell)
    if strict or strictly():
        _require_fast(cell, plan)
    missing = _missing(cell, plan, forest, state)
    y = run_fold(cell, plan, Weights(cell), forest.data, missing, forest.wiring)
    result = forest.like(y)
    return result, result.root_data()


def fold_engine_for(plan: TreePlan, like: Tensor) -> tuple[str, dict[str, str]]:
    """The engine that would run a plan on tensors of `like`'s type and device (`step`: the plain loop around
    the step), and for each faster one, why it would not.
    """
    if plan.node is None:
        return "step", {}
    return "eager", {"native": "it has no loop over the levels of trees yet"}


def _require_fast(cell: TreeCell, plan: TreePlan) -> None:
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
        raise Fault(f"{who}: state is what is in an empty slot, and a cell of any arity has no slots")
    else:
        rows = len(forest)
    try:
        leaves = named_leaves(state)
    except Fault:
        raise Fault(foreign_state(who, plan.template, type(state).__name__)) from None
    require_leaves(who, plan.template, leaves, rows, forest.data.device)
    return with_leaves(plan.template, leaves.values())


def run_fold(
    cell: TreeCell,
    plan: TreePlan,
    weights: Mapping[str, Tensor],
    x: Tensor,
    missing: Any,
    wiring: Wiring,
) -> Tensor:
    """y `[N, output_size]` in the order of rows.

    Args:
        missing: a tree, see `_missing`.
    """
    if plan.node is None:
        with once_a_run(cell):
            return _run_opaque(cell, x, missing, wiring)
    node, loop = _Part(plan.node, weights), plan.loop
    with part(BEFORE):
        inputs = node.inputs(loop.node, x, len(x))
        edge_inputs, edge_fixed = list[Tensor](), list[Tensor]()
        if plan.edge is not None and loop.edge is not None:
            parent, edge = wiring.on(x.device, "parent"), _Part(plan.edge, weights)
            if any(value.op in SOURCES for value in plan.edge.values):  # drawn for each edge
                edge_inputs = edge.inputs(loop.edge, x.index_select(0, parent), len(parent))
            else:
                edge_inputs = [t.index_select(0, parent) for t in edge.inputs(loop.edge, x, len(x))]
            edge_fixed = edge.fixed(loop.edge)
    with part(LOOP):
        leaves = list(named_leaves(missing).values())
        outputs = run_loops(loop, inputs, node.fixed(loop.node), edge_inputs, edge_fixed, leaves, wiring)
    with part(AFTER):
        return node.output(loop.node, outputs)


class _Part:
    """One program over all rows: what comes before its loop, and after it."""

    def __init__(self, program: Program, weights: Mapping[str, Tensor]) -> None:
        self.program = program
        self.tensors: dict[int, Any] = {}
        for number, value in enumerate(program.values):
            if value.op == "fixed":
                self.tensors[number] = weights[value.attrs[0]]
        run_fixed(program.values, program.of_part("once"), self.tensors)

    def inputs(self, loop: Any, x: Tensor, rows: int) -> list[Tensor]:
        """The loop's inputs `[rows, width]`."""
        program, values = self.program, self.program.values
        self.tensors[program.x] = x
        self.rows, self.like = rows, x
        run_rows(values, program.prelude(loop), self.tensors, rows, x)
        return [full_rows(self.tensors[n], rows, values[n].width) for n in loop.inputs]

    def fixed(self, loop: Any) -> list[Tensor]:
        """The loop's fixed values."""
        return [self.tensors[n] for n in loop.fixed]

    def output(self, loop: Any, outputs: list[Tensor]) -> Tensor:
        """y."""
        program, values = self.program, self.program.values
        self.tensors.update(zip(loop.outputs, outputs, strict=True))
        run_rows(values, program.of_part("after"), self.tensors, self.rows, self.like)
        return full_rows(self.tensors[program.y], self.rows, values[program.y].width)


def _run_opaque(cell: TreeCell, x: Tensor, missing: Any, wiring: Wiring) -> Tensor:
    """As `run_fold`, of a step that has no program: nothing leaves the loop, which calls it as it is."""
    pieces = torch.split(x, list(wiring.level_sizes) or [0])
    leaves = list(named_leaves(missing).values())
    count = len(leaves)

    def step(level: int, values: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        if cell.slots is None:
            reads = [with_leaves(sums[0], values)]
        else:
            reads = [with_leaves(missing, values[k : k + count]) for k in range(0, len(values), count)]
        like = missing if cell.slots is None else reads[0]
        if cell.slots is None:
            like = map_state(lambda leaf: leaf.expand(len(pieces[level]), *leaf.shape[1:]), missing)
        y, new = require_node(cell, cell.step(pieces[level], *reads), pieces[level], like)
        return [y], list(named_leaves(new).values())

    sums: list[Any] = []
    if cell.slots is not None:
        results = run_slots(step, wiring, cell.slots, leaves)
    else:
        parents = torch.split(x.index_select(0, wiring.on(x.device, "parent")), wiring.edge_sizes or [0])

        def edge(level: int, values: list[Tensor]) -> list[Tensor]:
            tree = require_sums(cell, cell.edge(parents[level], with_leaves(missing, values)), parents[level])
            sums[:] = [tree]
            return list(named_leaves(tree).values())

        results = run_edges(edge, step, wiring, [leaf[:0] for leaf in leaves])
    return torch.cat([y for (y,) in results])
