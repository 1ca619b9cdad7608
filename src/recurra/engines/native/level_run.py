"""A planned fold's runs, tensors in and out, each one call of the library."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from recurra.engines.native._engine import ForestPlan, Trees
from recurra.engines.native.border import NOWHERE, Border, dense
from recurra.engines.native.level_plan import LevelPlan, NativeFold
from recurra.engines.native.library import column_sums, empty_as
from recurra.engines.native.memory import empty_rows
from recurra.engines.native.plan import Needs
from recurra.engines.native.run import finish_gradient, gradients_of_vectors, start_gradient
from recurra.timing import BACK_LOOP, BACK_PRODUCTS, BEFORE, LOOP, spent
from recurra.wiring import Wiring

_NO_ARGUMENTS: Any = ([], [], [], [], [], [], [])


@dataclass
class Side:
    """What a run leaves for the backward run, of the nodes or of the edges.

    Attributes:
        inputs: the loop's, then what was filled level by level.
        fixed: the loop's.
        outputs: the step's.
        tape: what else was kept, if anything was.
    """

    inputs: Sequence[Tensor]
    fixed: Sequence[Tensor]
    outputs: Sequence[Tensor]
    tape: Sequence[Tensor]

    def fresh(self, plan: LevelPlan) -> list[Tensor]:
        """What the run made: outputs, what was filled, and the tape."""
        return [*self.outputs, *self.inputs[plan.reads.start :], *self.tape]

    @classmethod
    def of(
        cls, plan: LevelPlan, inputs: Sequence[Tensor], fixed: Sequence[Tensor], fresh: Sequence[Tensor]
    ) -> Side:
        """From the loop's arguments and `fresh`."""
        count = plan.outputs + len(plan.reads)
        filled = fresh[plan.outputs : count]
        return cls([*inputs, *filled], fixed, fresh[: plan.outputs], fresh[count:])


def parts_of(values: Sequence[Any], counts: Sequence[int]) -> list[Sequence[Any]]:
    """What there is for each of the fold's arguments, in one row -> by kind, what is missing the last."""
    groups, start = [], 0
    for count in counts:
        groups.append(values[start : start + count])
        start += count
    return [*groups, values[start:]]


def fresh_of(fold: NativeFold, side: Side, edges: Side | None) -> list[Tensor]:
    """All that a forward run made."""
    of_edges = [] if edges is None or fold.edge is None else edges.fresh(fold.edge)
    return [*side.fresh(fold.node), *of_edges]


def sides_of(
    fold: NativeFold, groups: Sequence[Sequence[Tensor]], count: int, fresh: Sequence[Tensor]
) -> tuple[Side, Side | None]:
    """From the fold's arguments by kind and `fresh_of`, of which `count` are the node's."""
    side = Side.of(fold.node, groups[0], groups[1], fresh[:count])
    if fold.edge is None:
        return side, None
    return side, Side.of(fold.edge, groups[2], groups[3], fresh[count:])


class _Forward:
    """One side of a forward run on its way into the library."""

    def __init__(
        self,
        plan: LevelPlan,
        needs: Needs | None,
        count: int,
        inputs: Sequence[Tensor],
        fixed: Sequence[Tensor],
        like: Tensor,
    ) -> None:
        self.call = call = plan.forward(needs)
        self.border = border = Border(like.dtype)
        filled = [empty_rows(like, count, plan.inputs[k]) for k in plan.reads]
        inputs = [*inputs, *filled]
        arrays = border.rows("input", inputs, count, plan.inputs)
        weights = border.matrices("weight", [fixed[k] for k in plan.matrices], plan.step.weights)
        vectors = border.whole("vector", [fixed[k] for k in plan.vectors], plan.vector_shapes)
        outputs = [like.new_empty(count, width) for width in call.outputs]
        buffers = [empty_rows(like, count, call.width), empty_rows(like, count, call.scratch)]
        self.scratch = buffers[1]  # it lives as long as the call
        self.arguments: Any = (
            [*arrays, *border.fresh_rows(outputs)],
            border.fresh(buffers),
            weights,
            vectors,
            [],
            [],
            [],
        )
        self.side = Side(inputs, fixed, outputs, buffers[:1] if call.width else [])


def forward(
    fold: NativeFold,
    needs: tuple[Needs, Needs | None] | None,
    wiring: Wiring,
    inputs: Sequence[Tensor],
    fixed: Sequence[Tensor],
    edge_inputs: Sequence[Tensor],
    edge_fixed: Sequence[Tensor],
    missing: Sequence[Tensor],
) -> tuple[Side, Side | None]:
    """What the node's step makes, and what the backward run needs.

    Args:
        needs: of the node's and of the edge's arguments; None: no gradients.
        missing: leaves `[1, width]` for all trees, or `[B, width]`.

    Raises:
        Fault: a tensor of another type, shape or kind than the plan says.
    """
    like, of_node, of_edge = missing[0], fold.node, fold.edge
    node = _Forward(of_node, needs and needs[0], wiring.nodes, inputs, fixed, like)
    edge = None
    if of_edge is not None:
        edge = _Forward(of_edge, needs and needs[1], len(wiring.child), edge_inputs, edge_fixed, like)
    empty = [like.new_zeros(0, leaf.shape[1]) for leaf in missing] if fold.slots == 0 else missing
    rows = [leaf.contiguous() for leaf in empty]
    plan = ForestPlan(
        backward=False,
        states=[len(of_node.inputs) + k for k in of_node.own],
        reads=list(of_node.reads),
        edge_states=[] if of_edge is None else list(of_edge.reads),
        edge_sums=[] if of_edge is None else [len(of_edge.inputs) + k for k in of_edge.own],
        same_lines=of_node.same_lines(node.call.calls.encoded) if all_zero(fold, missing) else [],
        idle_lines=[],
    )
    seconds = node.call.calls.of(like.dtype).run_forest(
        trees=_trees(fold, wiring),
        plan=plan,
        arguments=node.arguments,
        first_rows=[],
        edge=None if edge is None else edge.call.calls.of(like.dtype),
        edge_arguments=_NO_ARGUMENTS if edge is None else edge.arguments,
        edge_first_rows=[],
        missing=[(leaf.data_ptr(), 0 if len(leaf) == 1 else leaf.shape[1]) for leaf in rows],
        threads=torch.get_num_threads(),
    )
    spent((BEFORE, LOOP, LOOP), seconds, node.call.calls.multiplied, wiring.nodes)
    return node.side, None if edge is None else edge.side


class _Backward:
    """One side of a backward run on its way into the library."""

    def __init__(
        self,
        plan: LevelPlan,
        needs: Needs,
        count: int,
        saved: Side,
        gradients: Sequence[Tensor | None],
        like: Tensor,
    ) -> None:
        self.plan, self.needs, self.saved = plan, needs, saved
        self.incoming = frozenset(k for k, g in enumerate(gradients) if g is not None)
        self.call = call = plan.backward(needs, self.incoming)
        step, run = plan.step, plan.forward(needs)
        self.border = border = Border(like.dtype)
        matrices = [saved.fixed[k] for k in plan.matrices]
        widths = [run.outputs[k] for k in sorted(self.incoming)]
        arrays = [
            *border.rows("input", saved.inputs, count, plan.inputs),
            *border.rows("output", saved.outputs, count, run.outputs),
            *border.rows("gradient of output", [g for g in gradients if g is not None], count, widths),
        ]
        weights = border.matrices("weight", matrices, step.weights)
        vectors = border.whole("vector", [saved.fixed[k] for k in plan.vectors], plan.vector_shapes)
        tape = border.whole("tape", saved.tape, [(count, run.width)] if run.width else [])
        self.direct = [like.new_empty(count, width) for width in call.direct]
        self.of_inputs = [start_gradient(g, self.direct, like, count) for g in call.inputs]
        own = [
            t for g, t in zip(call.inputs, self.of_inputs, strict=True) if t is not None and not g.in_place
        ]
        self.scratch = empty_rows(like, count, call.scratch)
        self.totals = [like.new_empty(width) for width in call.totals]
        self.of_matrices = [empty_as(t) if m in call.weights else None for m, t in enumerate(matrices)]
        self.sums = [like.new_empty(width) for width in call.sums]
        self.first_direct = len(arrays)
        self.first_gradient = len(saved.inputs) + len(saved.outputs)
        self.arguments = (
            [*arrays, *border.fresh_rows(self.direct), *border.fresh_rows(own)],
            [*(tape or [NOWHERE]), *border.fresh([self.scratch])],
            weights,
            vectors,
            border.fresh(self.totals),
            border.fresh_matrices(self.of_matrices),
            border.fresh(self.sums),
        )

    def gradient_array(self, output: int) -> int:
        """The array of the gradient that comes in at an output."""
        return self.first_gradient + sorted(self.incoming).index(output)

    @property
    def read_places(self) -> list[int | None]:
        """Of what was filled level by level, which of `direct` is its gradient."""
        places = {g.input: g.direct for g in self.call.inputs}
        return [places.get(k) for k in self.plan.reads]

    @property
    def read_arrays(self) -> list[int]:
        """The arrays of these; -1: there is none."""
        return [-1 if place is None else self.first_direct + place for place in self.read_places]

    def shares(self) -> list[Tensor | None]:
        """Gradients of the loop's inputs and fixed values, when the run is over."""
        plan, call = self.plan, self.call
        of_fixed: list[Tensor | None] = [None] * len(self.saved.fixed)
        for k, gradient in zip(plan.matrices, self.of_matrices, strict=True):
            of_fixed[k] = gradient
        vectors = gradients_of_vectors(call, self.sums, self.totals)
        for k, gradient in zip(plan.vectors, vectors, strict=True):
            of_fixed[k] = gradient
        of_inputs: list[Tensor | None] = [None] * plan.reads.start
        for g, t in zip(call.inputs, self.of_inputs, strict=True):
            if g.input not in plan.reads:
                of_inputs[g.input] = finish_gradient(g, t, self.direct)
        return [*of_inputs, *of_fixed]


def backward(
    fold: NativeFold,
    needs: tuple[Needs, Needs | None],
    wiring: Wiring,
    saved: Side,
    saved_edges: Side | None,
    missing: Sequence[Tensor],
    missing_needs: Sequence[bool],
    gradients: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Gradients of all that `forward` took, in one row; None where none is needed.

    Args:
        gradients: of the outputs of the node's loop.

    Raises:
        Fault: a tensor of another type, shape or kind than the plan says.
    """
    like, of_node, of_edge, count = missing[0], fold.node, fold.edge, wiring.nodes
    # parents add to the gradients of states, which may be those of outputs
    whole: list[Tensor | None] = [None if g is None else dense(g) for g in gradients]
    whole += [None] * (of_node.outputs - len(whole))
    for k in dict.fromkeys(of_node.own):
        g, width = whole[k], saved.outputs[k].shape[1]
        whole[k] = (
            like.new_zeros(count, width) if g is None else g.clone(memory_format=torch.contiguous_format)
        )
    node = _Backward(of_node, needs[0], count, saved, whole, like)
    edge = None
    if of_edge is not None:
        assert saved_edges is not None
        assert needs[1] is not None
        of_sums: list[Tensor | None] = [None] * of_edge.outputs
        for k in of_edge.own:
            of_sums[k] = empty_rows(like, len(wiring.child), saved_edges.outputs[k].shape[1])
        edge = _Backward(of_edge, needs[1], len(wiring.child), saved_edges, of_sums, like)
    zero = all_zero(fold, missing)
    leaves = int(wiring.sizes[0])
    idle = not any(missing_needs)
    plan = ForestPlan(
        backward=True,
        states=[node.gradient_array(k) for k in of_node.own],
        reads=node.read_arrays,
        edge_states=[] if edge is None else edge.read_arrays,
        edge_sums=[] if edge is None else [edge.gradient_array(k) for k in edge.plan.own],
        same_lines=[],
        idle_lines=of_node.idle_lines(needs[0], node.incoming, node.call) if idle else [],
    )
    seconds = node.call.calls.of(like.dtype).run_forest(
        trees=_trees(fold, wiring),
        plan=plan,
        arguments=node.arguments,
        first_rows=of_node.first_rows(needs[0], node.incoming, node.call, leaves if zero else 0),
        edge=None if edge is None else edge.call.calls.of(like.dtype),
        edge_arguments=_NO_ARGUMENTS if edge is None else edge.arguments,
        edge_first_rows=[],
        missing=[],
        threads=torch.get_num_threads(),
    )
    spent((BACK_PRODUCTS, BACK_LOOP, BACK_PRODUCTS), seconds, node.call.calls.multiplied, count)
    of_missing = [
        _of_missing(fold, wiring, node, k, leaf) if need else None
        for k, (leaf, need) in enumerate(zip(missing, missing_needs, strict=True))
    ]
    return [*node.shares(), *([] if edge is None else edge.shares()), *of_missing]


def _of_missing(fold: NativeFold, wiring: Wiring, node: _Backward, leaf: int, missing: Tensor) -> Tensor:
    """The gradient of what is in the empty slots, a leaf of it."""
    result = torch.zeros_like(missing, memory_format=torch.contiguous_format)
    if fold.slots == 0:
        return result
    children, leaves = wiring.children(fold.slots), len(node.plan.own)
    for slot in range(fold.slots):
        place = node.read_places[slot * leaves + leaf]
        if place is None:
            continue
        rows = torch.nonzero(children[:, slot] == wiring.nodes).squeeze(1)
        shares = node.direct[place].index_select(0, rows)
        if len(missing) == 1:
            result += column_sums(shares)
        else:
            result.index_add_(0, wiring.tree.index_select(0, rows), shares)
    return result


def all_zero(fold: NativeFold, missing: Sequence[Tensor]) -> bool:
    """Whether all that a leaf of a tree reads is zero, and known to be."""
    return fold.slots == 0 or all(len(leaf) == 1 and not leaf.any() for leaf in missing)


_TREES: weakref.WeakKeyDictionary[Wiring, dict[int, tuple[Trees, list[Tensor]]]] = weakref.WeakKeyDictionary()
"""By wiring and slots, with the memory that they point to."""


def _trees(fold: NativeFold, wiring: Wiring) -> Trees:
    own = _TREES.setdefault(wiring, {})
    if fold.slots not in own:
        own[fold.slots] = _trees_of(wiring, fold.slots)
    return own[fold.slots][0]


def _trees_of(wiring: Wiring, slots: int) -> tuple[Trees, list[Tensor]]:
    sizes = wiring.sizes
    memory = [sizes, wiring.tree]
    if slots:
        memory.append(wiring.children(slots))
        places = [memory[2].data_ptr(), 0, NOWHERE, NOWHERE, NOWHERE]
    else:
        counts = torch.bincount(wiring.parent, minlength=wiring.nodes)
        memory += [wiring.child, wiring.parent, torch.cat([counts.new_zeros(1), counts.cumsum(0)])]
        places = [NOWHERE, len(wiring.child), *(t.data_ptr() for t in memory[2:])]
    trees = Trees(
        sizes.data_ptr(),
        len(sizes),
        wiring.nodes,
        len(wiring.roots),
        wiring.tree.data_ptr(),
        slots,
        *places,
    )
    return trees, memory
