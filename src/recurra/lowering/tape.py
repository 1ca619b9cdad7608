"""What the forward run saves for the backward run, and what is cheaper computed again."""

from __future__ import annotations

import math
from collections.abc import Sequence

from recurra.lowering.graph import Graph, StepGraph
from recurra.program.ops import OPS

SAVE = 1.0
"""Writing and reading one number of an array over all of time: the unit of `Op.cost`, about 0.6 ns."""
READ = 0.4
"""Reading one number of an array that is there anyway."""


def choose_tape(
    graph: Graph, forward: int, step: StepGraph, roots: Sequence[int], rows: Sequence[int]
) -> list[int]:
    """Forward nodes to save so that `roots` can be computed.

    Args:
        graph: forward nodes first, `forward` of them.
        rows: forward nodes that are needed as whole arrays after the loop.

    Returns:
        numbers of nodes, in order; inputs and outputs of the forward run are at hand and not among them.
    """
    at_hand = set(step.outputs)
    rows_at_hand = frozenset(at_hand)
    at_hand.update(graph[n].args[0] for n in step.outputs if graph[n].op == "same")
    hoisted = {h.into for h in step.hoisted}
    saved = {n for n in rows if n not in rows_at_hand and graph[n].op != "input"}
    costs: dict[int, float] = {}

    def whole(number: int) -> float:
        """Of computing a node again, all that it needs included."""
        node = graph[number]
        work = OPS[node.op].cost
        if work == math.inf:
            return work
        width = max([node.width, *(graph.width(arg) for arg in node.args)])
        return work * width + sum(cost(arg) for arg in node.args)

    def cost(number: int) -> float:
        if number not in costs:
            node = graph[number]
            if node.op in ("vector", "const"):
                costs[number] = 0.0
            elif node.op == "state" or (node.op == "input" and node.attrs[0] in hoisted):
                costs[number] = SAVE * node.width
            elif number in at_hand or number in saved or node.op == "input":
                costs[number] = READ * node.width
            else:
                costs[number] = min(SAVE * node.width, whole(number))
        return costs[number]

    def settle(number: int) -> None:
        """Makes a node available: saved, or its arguments are."""
        node = graph[number]
        if node.op in ("vector", "const", "input") or number in at_hand or number in saved:
            return
        if node.op == "state" or whole(number) > SAVE * node.width:
            saved.add(number)
            costs.clear()
            return
        for arg in node.args:
            settle(arg)

    stop = frozenset(range(forward))
    for number in graph.ancestors(roots, stop):
        if number < forward:
            settle(number)
    return sorted(saved)
