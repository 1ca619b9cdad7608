"""The plain loop over the levels of a forest in torch: runs any step at a node, in any precision, twice
differentiable, and judges the native engine's.

Every state is read once, by its parent. So what a level makes is cut by the levels that will read it, and no
level copies what it does not read: the work grows with the nodes, however deep the trees are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.program import Loop
from recurra.program.interpret import full_rows, run_rows
from recurra.wiring import Wiring

LevelStep = Callable[[int, list[Tensor]], tuple[list[Tensor], list[Tensor]]]
"""`(level, what its nodes read) -> (outputs, states)`, all `[rows, ...]`."""


def run_slots(step: LevelStep, wiring: Wiring, slots: int, missing: Sequence[Tensor]) -> list[list[Tensor]]:
    """The outputs of each level, of a step that reads a state in each slot.

    Args:
        step: is given, slot by slot, the leaves of that child.
        missing: leaf by leaf what is in an empty slot: `[1, ...]`, or `[B, ...]` one for each tree.
    """
    shared = all(leaf.shape[0] == 1 for leaf in missing)
    places = wiring.slot_places(slots, shared)

    def reads(level: int, arrivals: list[list[Tensor]]) -> list[Tensor]:
        whole = [torch.cat([*pieces, own]) for pieces, own in zip(arrivals, missing, strict=True)]
        index = places[level].to(missing[0].device) if missing else places[level]
        return [leaf.index_select(0, index[:, k]) for k in range(slots) for leaf in whole]

    if not wiring.level_sizes:
        return [step(0, [leaf[:0] for _ in range(slots) for leaf in missing])[0]]
    return _over_levels(step, reads, wiring, len(missing))


def run_edges(
    edge: Callable[[int, list[Tensor]], list[Tensor]],
    step: LevelStep,
    wiring: Wiring,
    like: Sequence[Tensor],
) -> list[list[Tensor]]:
    """The outputs of each level, of a step that reads sums over children.

    Args:
        edge: `(level, states of the children [E, ...]) -> what each adds to the sums`, sorted by parent.
        like: states of no rows, leaf by leaf.
    """
    places, parents = wiring.edge_places()

    def reads(level: int, arrivals: list[list[Tensor]]) -> list[Tensor]:
        device = like[0].device if like else torch.device("cpu")
        index, own = places[level].to(device), parents[level].to(device)
        children = [
            torch.cat(pieces).index_select(0, index) if pieces else empty
            for pieces, empty in zip(arrivals, like, strict=True)
        ]
        rows = wiring.level_sizes[level]
        return [
            part.new_zeros(rows, *part.shape[1:]).index_add(0, own, part) for part in edge(level, children)
        ]

    if not wiring.level_sizes:
        return [step(0, edge(0, list(like)))[0]]
    return _over_levels(step, reads, wiring, len(like))


def _over_levels(
    step: LevelStep,
    reads: Callable[[int, list[list[Tensor]]], list[Tensor]],
    wiring: Wiring,
    leaves: int,
) -> list[list[Tensor]]:
    deliveries = wiring.deliveries
    inboxes: list[list[list[Tensor]] | None] = [[[] for _ in range(leaves)] for _ in wiring.level_sizes]
    results: list[list[Tensor]] = []
    for level in range(len(wiring.level_sizes)):
        inbox = inboxes[level]
        assert inbox is not None
        outputs, states = step(level, reads(level, inbox))
        inboxes[level] = None
        results.append(outputs)
        targets, sizes = deliveries.targets[level], deliveries.sizes[level]
        if not targets:
            continue
        for k, state in enumerate(states):
            order = deliveries.orders[level].to(state.device)
            for target, piece in zip(targets, torch.split(state.index_select(0, order), sizes), strict=True):
                box = inboxes[target]
                assert box is not None
                box[k].append(piece)
    return results


class FoldLoop:
    """What an engine runs at the nodes of a forest.

    Attributes:
        node: the inside of a node's step.
        reads: of the node loop's states, those that it reads: the children's leaves slot by slot, or sums.
        own: of its next states, those that are the node's own state, leaf by leaf.
        slots: how many children the node reads; 0: sums.
        edge: the inside of what a child adds to the sums; None: the cell has slots.
        edge_reads: of the edge loop's states, the leaves of the child.
        edge_own: of its next states, the sums.
    """

    __slots__ = ("__weakref__", "edge", "edge_own", "edge_reads", "node", "own", "reads", "slots")

    def __init__(
        self,
        node: Loop,
        reads: range,
        own: range,
        slots: int,
        edge: Loop | None = None,
        edge_reads: range = range(0),
        edge_own: range = range(0),
    ) -> None:
        self.node, self.reads, self.own, self.slots = node, reads, own, slots
        self.edge, self.edge_reads, self.edge_own = edge, edge_reads, edge_own


def run_loops(
    loop: FoldLoop,
    inputs: Sequence[Tensor],
    fixed: Sequence[Tensor],
    edge_inputs: Sequence[Tensor],
    edge_fixed: Sequence[Tensor],
    missing: Sequence[Tensor],
    wiring: Wiring,
) -> list[Tensor]:
    """The node loop's outputs `[N, width]`.

    Args:
        inputs, edge_inputs: `[N, width]` and `[E, width]`, for each of the loops' inputs.
        fixed, edge_fixed: for each of the loops' fixed values.
        missing: see `run_slots`; of a cell of any arity only their shapes count.
    """
    like = (*missing, *inputs, *fixed)[0]
    node = _step_of(loop.node, inputs, fixed, list(wiring.level_sizes), like)
    state_numbers = [loop.node.states[k] for k in loop.reads]
    own_numbers = [loop.node.next_states[k] for k in loop.own]

    def step(level: int, states: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        rows = states[0].shape[0]
        tensors = node(level, dict(zip(state_numbers, states, strict=True)), rows)
        values = loop.node.values
        outputs = [full_rows(tensors[n], rows, values[n].width) for n in loop.node.outputs]
        return outputs, [
            full_rows(tensors[n], rows, leaf.shape[1]) for n, leaf in zip(own_numbers, missing, strict=True)
        ]

    if loop.edge is None:
        results = run_slots(step, wiring, loop.slots, missing)
    else:
        of_edge, values = loop.edge, loop.edge.values
        numbers = [of_edge.states[k] for k in loop.edge_reads]
        results_of_edge = [of_edge.next_states[k] for k in loop.edge_own]
        edges = _step_of(of_edge, edge_inputs, edge_fixed, wiring.edge_sizes, like)

        def edge(level: int, states: list[Tensor]) -> list[Tensor]:
            rows = states[0].shape[0]
            tensors = edges(level, dict(zip(numbers, states, strict=True)), rows)
            return [
                full_rows(tensors[n], rows, values[of_edge.states[k]].width)
                for k, n in zip(loop.edge_own, results_of_edge, strict=True)
            ]

        results = run_edges(edge, step, wiring, [leaf[:0] for leaf in missing])
    return [torch.cat([level[k] for level in results]) for k in range(len(loop.node.outputs))]


def _step_of(
    loop: Loop, inputs: Sequence[Tensor], fixed: Sequence[Tensor], sizes: list[int], like: Tensor
) -> Callable[[int, dict[int, Any], int], dict[int, Any]]:
    constant = dict(zip(loop.fixed, fixed, strict=True))
    pieces = [torch.split(whole, sizes or [0]) for whole in inputs]

    def run(level: int, states: dict[int, Any], rows: int) -> dict[int, Any]:
        tensors = {**constant, **states}
        tensors.update((n, piece[level]) for n, piece in zip(loop.inputs, pieces, strict=True))
        run_rows(loop.values, loop.body, tensors, rows, like)
        return tensors

    return run
