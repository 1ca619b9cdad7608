"""A plan's programs over a forest: tensors in, tensors out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from recurra.cells.tree import TreeCell, require_node, require_sums
from recurra.engines import choose_fold, is_wrapper, run_edges, run_slots
from recurra.loop.tree_plan import TreePlan
from recurra.program import Program
from recurra.program.interpret import full_rows, run_fixed, run_rows
from recurra.program.ops import SOURCES
from recurra.state import map_state, named_leaves, with_leaves
from recurra.timing import AFTER, BEFORE, LOOP, part
from recurra.tracing.parametrized import once_a_run
from recurra.wiring import Wiring


def fold_engine_for(plan: TreePlan, like: Tensor) -> tuple[str, dict[str, str]]:
    """The engine that would run a plan on tensors of `like`'s type and device (`step`: the plain loop around
    the step), and for each faster one, why it would not.
    """
    if plan.node is None:
        return "step", {}
    choice = choose_fold(plan, like)
    return choice.engine.name, choice.refusals


def run_fold(
    cell: TreeCell | None,
    plan: TreePlan,
    weights: Mapping[str, Tensor],
    x: Tensor,
    missing: Any,
    wiring: Wiring,
) -> Tensor:
    """y `[N, output_size]` in the order of rows.

    Args:
        cell: needed where the plan has no program.
        missing: a tree, leaves `[1, ...]` for all trees, or `[B, ...]`.
    """
    if plan.node is None:
        assert cell is not None
        with once_a_run(cell):
            return _run_opaque(cell, x, missing, wiring)
    leaves = list(named_leaves(missing).values())
    engine, loop, _ = choose_fold(plan, next((t for t in (x, *leaves) if is_wrapper(t)), x))
    product = engine.product
    node = _Part(plan.node, weights, product)
    with part(BEFORE):
        inputs = node.inputs(loop.node, x, x.shape[0])
        edge_inputs, edge_fixed = list[Tensor](), list[Tensor]()
        if plan.edge is not None and loop.edge is not None:
            parent, edge = wiring.on(x.device, "parent"), _Part(plan.edge, weights, product)
            if any(value.op in SOURCES for value in plan.edge.values):  # drawn for each edge
                edge_inputs = edge.inputs(loop.edge, x.index_select(0, parent), parent.shape[0])
            else:
                edge_inputs = [t.index_select(0, parent) for t in edge.inputs(loop.edge, x, x.shape[0])]
            edge_fixed = edge.fixed(loop.edge)
    with part(LOOP):
        fixed = node.fixed(loop.node)
        outputs = engine.fold(loop, inputs, fixed, edge_inputs, edge_fixed, leaves, wiring)
    with part(AFTER):
        return node.output(loop.node, outputs)


class _Part:
    """One program over all rows: what comes before its loop, and after it."""

    def __init__(
        self, program: Program, weights: Mapping[str, Tensor], product: Callable[..., Tensor]
    ) -> None:
        self.program, self.product = program, product
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
        run_rows(values, program.prelude(loop), self.tensors, rows, x, self.product)
        return [full_rows(self.tensors[n], rows, values[n].width) for n in loop.inputs]

    def fixed(self, loop: Any) -> list[Tensor]:
        """The loop's fixed values."""
        return [self.tensors[n] for n in loop.fixed]

    def output(self, loop: Any, outputs: list[Tensor]) -> Tensor:
        """y."""
        program, values = self.program, self.program.values
        self.tensors.update(zip(loop.outputs, outputs, strict=True))
        run_rows(values, program.of_part("after"), self.tensors, self.rows, self.like, self.product)
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
