"""The derivative of a step, again a step.

Run from the last step to the first, it is back-propagation through time (Werbos, 1990).
"""

from __future__ import annotations

from dataclasses import dataclass

from recurra.lowering.graph import Graph, Node, StepGraph
from recurra.lowering.sweep import Sweep
from recurra.lowering.tape import choose_tape


@dataclass(frozen=True)
class GradientRequest:
    """Which gradients a backward run shall give.

    Attributes:
        inputs, vectors, weights, states: of which leaves, by their numbers.
        outputs: which outputs have a gradient coming in.
        norms: whether the norm of each state's whole gradient is an output too; of a graph that was lowered
            to be watched.
    """

    inputs: frozenset[int]
    vectors: frozenset[int]
    weights: frozenset[int]
    states: frozenset[int]
    outputs: frozenset[int]
    norms: bool = False


@dataclass(frozen=True)
class WeightShare:
    """One share of a weight's gradient: the product of two arrays over all rows and steps.

    Attributes:
        weight: its number.
        rows: the forward node whose values were multiplied by the weight.
        output: which output of the backward step holds the gradient of the product.
    """

    weight: int
    rows: int
    output: int


@dataclass(frozen=True)
class Derivative:
    """Back-propagation through a loop.

    Attributes:
        tape: forward nodes that the forward run must save, beyond its inputs and outputs.
        backward: its states are the gradients of the forward's states, its inputs what `sources` says.
        sources: of each input of `backward`: `("gradient", k)` of forward output k, `("tape", node)`,
            `("input", k)` or `("output", k)` of the forward run.
        inputs: forward input -> the output of `backward` that is its gradient.
        vectors: forward vector -> the total of `backward` that is its gradient.
        bias: forward vector -> outputs of `backward` whose sums over all rows and steps belong to its
            gradient.
        weights: what to multiply after the loop.
        norms: of each state, the output of `backward` that is the norm of the gradient of its next value, a
            number a row; None: nothing comes back to it.
    """

    tape: tuple[int, ...]
    backward: StepGraph
    sources: tuple[tuple[str, int], ...]
    inputs: dict[int, int]
    vectors: dict[int, int]
    bias: dict[int, tuple[int, ...]]
    weights: tuple[WeightShare, ...]
    norms: tuple[int | None, ...] = ()


def differentiate(step: StepGraph, request: GradientRequest) -> Derivative:
    """The derivative of a step with respect to the leaves that are requested."""
    graph = step.graph.copy()
    forward = len(graph)
    active = _active(step, request)
    sweep = Sweep(graph, active)
    for k in sorted(request.outputs):
        sweep.give(step.outputs[k], graph.node("input", attrs=(("gradient", k),), width=_width(step, k)))
    for j, next_state in enumerate(step.next_states):
        sweep.give(next_state, graph.node("state", attrs=(("gradient", j),), width=step.states[j]))
    vector_shares: dict[int, list[int]] = {}
    products: list[tuple[int, int]] = []
    leaves: dict[tuple[str, int], int] = {}
    whole: dict[int, int] = {}
    for number in reversed(range(forward)):
        grad = sweep.collect(number)
        if grad is None:
            continue
        node = graph[number]
        if node.op == "same":
            whole[number] = grad
        if node.op in ("input", "state", "vector"):
            leaves[node.op, node.attrs[0]] = grad
            continue
        if node.op == "product":
            products.append((number, grad))
            if len(node.args) > 1:
                vector_shares.setdefault(graph[node.args[1]].attrs[0], []).append(grad)
        sweep.back(number, grad)
    outputs = _Outputs()
    inputs = {
        k: outputs.add(graph.broadcast(leaves["input", k], step.inputs[k]))
        for k in sorted(request.inputs)
        if ("input", k) in leaves
    }
    weights = [
        WeightShare(graph[number].attrs[0], graph[number].args[0], outputs.add(grad))
        for number, grad in products
        if graph[number].attrs[0] in request.weights
    ]
    norms = [
        outputs.add(graph.norm(whole[node])) if request.norms and node in whole else None
        for node in step.next_states
    ]
    # a bias shares the gradient of its product: summed after the loop where that is an output anyway
    bias: dict[int, tuple[int, ...]] = {}
    totals: list[int] = []
    vectors: dict[int, int] = {}
    for k in sorted(request.vectors):
        shares = vector_shares.get(k, [])
        columns = tuple(outputs.places[grad] for grad in shares if grad in outputs.places)
        loose = [grad for grad in shares if grad not in outputs.places]
        if ("vector", k) in leaves:
            loose.append(leaves["vector", k])
        if columns:
            bias[k] = columns
        if loose:
            vectors[k] = len(totals)
            totals.append(graph.broadcast(graph.sum_of(loose), step.vectors[k]))
    next_states = [
        graph.broadcast(leaves["state", j], width)
        if ("state", j) in leaves
        else graph.broadcast(graph.const(0.0), width)
        for j, width in enumerate(step.states)
    ]
    rows = [share.rows for share in weights]
    tape = choose_tape(graph, forward, step, [*outputs.nodes, *totals, *next_states], rows)
    backward, sources = _extract(graph, step, tape, outputs.nodes, totals, next_states)
    return Derivative(tuple(tape), backward, sources, inputs, vectors, bias, tuple(weights), tuple(norms))


def _width(step: StepGraph, output: int) -> int:
    return step.graph.width(step.outputs[output])


def _active(step: StepGraph, request: GradientRequest) -> frozenset[int]:
    """The nodes that depend on anything requested. A state does when its next value does."""
    states = set(request.states)
    while True:
        leaves = {"input": request.inputs, "vector": request.vectors, "state": states}
        active: set[int] = set()
        for number, node in enumerate(step.graph.nodes):
            if node.op in leaves:
                hit = node.attrs[0] in leaves[node.op]
            else:
                hit = any(arg in active for arg in node.args)
                hit = hit or (node.op == "product" and node.attrs[0] in request.weights)
            if hit and node.op != "detach":
                active.add(number)
        reached = states | {j for j, node in enumerate(step.next_states) if node in active}
        if reached == states:
            return frozenset(active)
        states = reached


class _Outputs:
    """The arrays that the backward step writes, each once."""

    def __init__(self) -> None:
        self.nodes: list[int] = []
        self.places: dict[int, int] = {}

    def add(self, node: int) -> int:
        if node not in self.places:
            self.places[node] = len(self.nodes)
            self.nodes.append(node)
        return self.places[node]


def _extract(
    graph: Graph,
    step: StepGraph,
    tape: list[int],
    outputs: list[int],
    totals: list[int],
    next_states: list[int],
) -> tuple[StepGraph, tuple[tuple[str, int], ...]]:
    """The backward step on its own: what the forward saved becomes its input."""
    extract = Graph()
    sources: list[tuple[str, int]] = []
    widths: list[int] = []
    numbers: dict[int, int] = {}
    saved = {node: ("output", k) for k, node in reversed(list(enumerate(step.outputs)))}
    saved.update({node: ("tape", node) for node in tape if node not in saved})
    for k, output in enumerate(step.outputs):
        if graph[output].op == "same":
            saved.setdefault(graph[output].args[0], ("output", k))
    stop = frozenset(n for n in saved if graph[n].op not in ("input", "vector", "const"))

    def source(kind: str, number: int, width: int) -> int:
        if (kind, number) not in sources:
            sources.append((kind, number))
            widths.append(width)
        return extract.node("input", attrs=(sources.index((kind, number)),), width=width)

    for number in graph.ancestors([*outputs, *totals, *next_states], stop):
        node = graph[number]
        if number in stop:
            kind, place = saved[number]
            numbers[number] = source(kind, place, node.width)
        elif node.op == "input":
            key = node.attrs[0]
            kind, place = key if isinstance(key, tuple) else ("input", key)
            numbers[number] = source(kind, place, node.width)
        elif node.op == "state":
            numbers[number] = extract.node("state", attrs=(node.attrs[0][1],), width=node.width)
        else:
            numbers[number] = _again(extract, node, numbers)
    backward = StepGraph(
        extract,
        inputs=tuple(widths),
        states=step.states,
        vectors=step.vectors,
        weights=step.weights,
        outputs=tuple(numbers[n] for n in outputs),
        next_states=tuple(numbers[n] for n in next_states),
        totals=tuple(numbers[n] for n in totals),
    )
    return backward, tuple(sources)


def _again(graph: Graph, node: Node, numbers: dict[int, int]) -> int:
    """A node of another graph once more, on arguments that are there under other numbers."""
    args = (numbers[arg] for arg in node.args)
    return graph.node(node.op, *args, attrs=node.attrs, width=node.width)
