"""From a loop's operations to primitives, so that an engine knows a few and every cell runs."""

from __future__ import annotations

from recurra.lowering.graph import Graph, Hoisted, StepGraph
from recurra.lowering.lowerings import LOWERINGS
from recurra.program.errors import Untraceable
from recurra.program.program import Loop


def lower(loop: Loop) -> StepGraph:
    """The body of a loop in primitives; products of its inputs are hoisted.

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
            nodes[number] = node
            continue
        if value.op not in LOWERINGS:
            raise Untraceable(f"{value.op} has no primitives")
        node = LOWERINGS[value.op](graph, *(nodes[arg] for arg in value.args), *value.attrs)
        nodes[number] = graph.broadcast(node, value.width)
    matrices = tuple((loop.values[n].shape[0], loop.values[n].shape[1]) for n in weights)
    return StepGraph(
        graph,
        inputs=(*(loop.values[n].width for n in loop.inputs), *(matrices[h.weight][1] for h in hoisted)),
        states=tuple(loop.values[n].width for n in loop.states),
        vectors=tuple(vectors),
        weights=matrices,
        outputs=tuple(nodes[n] for n in loop.outputs),
        next_states=tuple(
            graph.broadcast(nodes[n], loop.values[s].width)
            for n, s in zip(loop.next_states, loop.states, strict=True)
        ),
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
