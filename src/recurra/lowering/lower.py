"""From a loop's operations to primitives, so that an engine knows a few and every cell runs."""

from __future__ import annotations

from recurra.lowering.graph import Graph, Hoisted, StepGraph
from recurra.lowering.lowerings import LOWERINGS
from recurra.program.errors import Untraceable
from recurra.program.program import Loop


def lower(loop: Loop, watched: bool = False) -> StepGraph:
    """The body of a loop in primitives; products of its inputs are hoisted.

    Args:
        watched: each next state is a node of its own, `same`, which all that reads it stands behind: what
            comes back to that node is the gradient of the state. What the step does not make but hands on
            is such a node as the next state alone.

    Inputs follow `loop.inputs`, weights and vectors `loop.fixed` (matrices and the rest, each in order),
    outputs `loop.outputs`.

    Raises:
        Untraceable: an operation that has no lowering, by name.
    """
    graph = Graph()
    nodes: dict[int, int] = {}
    weights: dict[int, int] = {}
    vectors: list[int] = []
    hoisted: list[Hoisted] = []
    watched_values = frozenset(loop.next_states) - loop.handed_on if watched else frozenset()
    for k, number in enumerate(loop.inputs):
        value = loop.values[number]
        leaf = graph.node("input", attrs=(k,), width=value.width)
        nodes[number] = graph.const(value.attrs[0]) if value.op == "fill" and value.width == 1 else leaf
    for j, number in enumerate(loop.states):
        nodes[number] = graph.node("state", attrs=(j,), width=loop.values[number].width)
    for number in loop.fixed:
        value = loop.values[number]
        if len(value.shape) == 2:
            weights[number] = len(weights)
        else:
            nodes[number] = graph.node("vector", attrs=(len(vectors),), width=value.width)
            vectors.append(value.width)
    for number in loop.body:
        value = loop.values[number]
        if value.op == "product":
            rows, weight, *bias = value.args
            if weight not in weights:
                raise Untraceable("a product with a weight that is no matrix")
            vector = [nodes[b] for b in bias if loop.values[b].width == value.width > 1 and b in loop.fixed]
            node = _product(
                graph, nodes[rows], weights[weight], value.width, vector, len(loop.inputs), hoisted
            )
            for b in bias:
                node = node if nodes[b] in vector else graph.add(node, nodes[b])
        elif value.op not in LOWERINGS:
            raise Untraceable(f"{value.op} has no primitives")
        else:
            node = LOWERINGS[value.op](graph, *(nodes[arg] for arg in value.args), *value.attrs)
            node = graph.broadcast(node, value.width)
        if number in watched_values:
            node = graph.node("same", node, attrs=(number,), width=value.width)
        nodes[number] = node
    next_states = []
    for number, state in zip(loop.next_states, loop.states, strict=True):
        node = graph.broadcast(nodes[number], loop.values[state].width)
        if watched and number in loop.handed_on and number not in loop.inputs:
            node = graph.node("same", node, attrs=(-1 - state,), width=graph.width(node))
        next_states.append(node)
    matrices = tuple((loop.values[n].shape[0], loop.values[n].shape[1]) for n in weights)
    return StepGraph(
        graph,
        inputs=(*(loop.values[n].width for n in loop.inputs), *(matrices[h.weight][1] for h in hoisted)),
        states=tuple(loop.values[n].width for n in loop.states),
        vectors=tuple(vectors),
        weights=matrices,
        outputs=tuple(nodes[n] for n in loop.outputs),
        next_states=tuple(next_states),
        hoisted=tuple(hoisted),
    )


def _product(
    g: Graph, x: int, weight: int, width: int, vector: list[int], inputs: int, hoisted: list[Hoisted]
) -> int:
    """Where its rows are one of the loop's own `inputs`, it is hoisted: as one more input.

    Not where they are a hoisted product themselves: the run after the loop that gives back gradients of
    hoisted products gives them to the loop's own inputs.
    """
    source, start, stop = g[x], 0, g.width(x)
    if source.op == "slice":
        start, stop = source.attrs
        source = g[source.args[0]]
    if source.op != "input" or source.attrs[0] >= inputs:
        if source.op in ("const", "vector"):  # a product reads rows
            x = g.node("cat", x, width=g.width(x))
        return g.node("product", x, *vector, attrs=(weight, False), width=width)
    bias = g[vector[0]].attrs[0] if vector else None
    into = inputs + len(hoisted)
    hoisted.append(Hoisted(source.attrs[0], start, stop, weight, bias, into))
    return g.node("input", attrs=(into,), width=width)
