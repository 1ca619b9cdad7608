"""From a loop's operations to primitives, so that an engine knows a few and every cell runs.

Each lowering computes what torch's function computes; where the gradient of the primitives one by one would
be
slower than torch's formula, or other than it at ties, the formula is attached to the node.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from recurra.lowering.graph import Graph, Hoisted, StepGraph
from recurra.program.errors import Untraceable
from recurra.program.program import Loop

Rule = Callable[..., int]
"""`(graph, *argument nodes, *constants) -> node`"""

SAME = frozenset(
    "neg sigmoid tanh relu exp log log1p expm1 sqrt rsqrt reciprocal abs sign sin cos erf floor "
    "add sub mul div maximum minimum gt ge lt le eq ne logical_and logical_or logical_not where pow".split()
)
RULES: dict[str, Rule] = {}


def lower(loop: Loop) -> StepGraph:
    """The body of a loop in primitives; products of its inputs alone are hoisted.

    Inputs follow `loop.inputs`, weights and vectors `loop.fixed` (matrices and the rest, each in order),
    outputs `loop.outputs`.

    Raises:
        Untraceable: an operation that has no lowering, by name.
    """
    graph = Graph()
    held: dict[int, int] = {}
    weights: dict[int, int] = {}
    vectors: list[int] = []
    hoisted: list[Hoisted] = []
    for k, number in enumerate(loop.inputs):
        value = loop.values[number]
        leaf = graph.node("input", attrs=(k,), width=value.width)
        held[number] = graph.const(value.attrs[0]) if value.op == "fill" and value.width == 1 else leaf
    for j, number in enumerate(loop.states):
        held[number] = graph.node("state", attrs=(j,), width=loop.values[number].width)
    for number in loop.fixed:
        value = loop.values[number]
        if len(value.shape) == 2:
            weights[number] = len(weights)
        else:
            held[number] = graph.node("vector", attrs=(len(vectors),), width=value.width)
            vectors.append(value.width)
    for number in loop.body:
        value = loop.values[number]
        if value.op == "product":
            rows, weight, *bias = value.args
            if weight not in weights:
                raise Untraceable("a product with a weight that is no matrix")
            vector = [held[b] for b in bias if loop.values[b].width == value.width > 1 and b in loop.fixed]
            made = _product(
                graph, held[rows], weights[weight], value.width, vector, len(loop.inputs), hoisted
            )
            for b in bias:
                made = made if held[b] in vector else graph.add(made, held[b])
            held[number] = made
            continue
        args = [held[arg] for arg in value.args]
        if value.op in SAME:
            made = graph.point(value.op, *args)
        elif value.op in RULES:
            made = RULES[value.op](graph, *args, *value.attrs)
        else:
            raise Untraceable(f"{value.op} has no primitives")
        held[number] = graph.broadcast(made, value.width)
    matrices = tuple((loop.values[n].shape[0], loop.values[n].shape[1]) for n in weights)
    return StepGraph(
        graph,
        inputs=(*(loop.values[n].width for n in loop.inputs), *(matrices[h.weight][1] for h in hoisted)),
        states=tuple(loop.values[n].width for n in loop.states),
        vectors=tuple(vectors),
        weights=matrices,
        outputs=tuple(held[n] for n in loop.outputs),
        next_states=tuple(
            graph.broadcast(held[n], loop.values[s].width)
            for n, s in zip(loop.next_states, loop.states, strict=True)
        ),
        hoisted=tuple(hoisted),
    )


def _product(
    g: Graph, x: int, weight: int, width: int, vector: list[int], steps: int, hoisted: list[Hoisted]
) -> int:
    source, start, stop = g[x], 0, g.width(x)
    if source.op == "slice":
        start, stop = source.attrs
        source = g[source.args[0]]
    if source.op != "input":
        if source.op in ("const", "vector"):  # a product reads rows
            x = g.node("cat", x, width=g.width(x))
        return g.node("product", x, *vector, attrs=(weight, False), width=width)
    bias = g[vector[0]].attrs[0] if vector else None
    into = steps + len(hoisted)
    hoisted.append(Hoisted(source.attrs[0], start, stop, weight, bias, into))
    return g.node("input", attrs=(into,), width=width)


def rule(*names: str) -> Callable[[Rule], Rule]:
    def add(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return add


for _name in "add mul gt ge lt le eq ne pow".split():
    RULES[f"{_name}_scalar"] = lambda g, x, c, op=_name: g.point(op, x, g.const(c))
RULES["rsub_scalar"] = lambda g, x, c: g.sub(g.const(c), x)
RULES["rdiv_scalar"] = lambda g, x, c: g.point("div", g.const(c), x)
RULES["sum"] = lambda g, x: g.reduce("sum", x)
RULES["amax"] = lambda g, x: g.reduce("amax", x)
RULES["amin"] = lambda g, x: g.reduce("amin", x)
RULES["mean"] = lambda g, x: g.mean(x)
RULES["slice"] = lambda g, x, start, stop: g.slice(x, start, stop)
RULES["cat"] = lambda g, *parts: g.cat(parts)
RULES["broadcast"] = lambda g, x, width: g.broadcast(x, width)


@rule("detach")
def _detach(g: Graph, x: int) -> int:
    return g.node("detach", x, width=g.width(x))


@rule("to_float")
def _to_float(g: Graph, x: int, dtype: Any) -> int:
    # masks are numbers already, and a loop has one floating type
    return x


@rule("pow_scalar")
def _pow(g: Graph, x: int, exponent: float) -> int:
    if exponent == 2:
        return g.mul(x, x)
    if exponent == 1:
        return x
    if exponent == 0.5:
        return g.point("sqrt", x)
    if exponent == -1:
        return g.point("reciprocal", x)
    if exponent == 3:
        return g.mul(g.mul(x, x), x)
    made = g.point("pow", x, g.const(exponent))
    slope = g.times(g.point("pow", x, g.const(exponent - 1)), exponent) if exponent else g.const(0.0)
    g.gradients[made] = lambda graph, grad: [(x, graph.mul(grad, slope))]
    return made


@rule("lerp")
def _lerp(g: Graph, start: int, end: int, weight: int) -> int:
    return g.add(start, g.mul(weight, g.sub(end, start)))


@rule("clamp")
def _clamp(g: Graph, x: int, low: float | None, high: float | None) -> int:
    return _bounded(g, x, low, high, "ge", "le")


@rule("hardtanh")
def _hardtanh(g: Graph, x: int, low: float, high: float) -> int:
    return _bounded(g, x, low, high, "gt", "lt")


def _bounded(g: Graph, x: int, low: float | None, high: float | None, above: str, below: str) -> int:
    """torch: clamp passes the gradient at its bounds, hardtanh does not."""
    made, inside = x, None
    if low is not None:
        made = g.point("maximum", made, g.const(low))
        inside = g.point(above, x, g.const(low))
    if high is not None:
        made = g.point("minimum", made, g.const(high))
        under = g.point(below, x, g.const(high))
        inside = under if inside is None else g.mul(inside, under)
    if inside is not None and made != x:
        passed = inside
        g.gradients[made] = lambda graph, grad: [(x, graph.point("where", passed, grad, graph.const(0.0)))]
    return made


@rule("hardsigmoid")
def _hardsigmoid(g: Graph, x: int) -> int:
    return g.times(_hardtanh(g, g.plus(x, 3.0), 0.0, 6.0), 1 / 6)


@rule("silu")
def _silu(g: Graph, x: int) -> int:
    return g.mul(x, g.point("sigmoid", x))


@rule("logsigmoid")
def _logsigmoid(g: Graph, x: int) -> int:
    small = g.point("minimum", x, g.const(0.0))
    rest = g.point("log1p", g.point("exp", g.point("neg", g.point("abs", x))))
    made = g.sub(small, rest)
    g.gradients[made] = lambda graph, grad: [
        (x, graph.mul(grad, graph.point("sigmoid", graph.point("neg", x))))
    ]
    return made


@rule("softplus")
def _softplus(g: Graph, x: int, beta: float, threshold: float) -> int:
    scaled = g.times(x, beta)
    # the exponential of what stays below the threshold: beyond it the value is x itself
    bounded = g.point("minimum", scaled, g.const(threshold))
    curved = g.times(g.point("log1p", g.point("exp", bounded)), 1 / beta)
    straight = g.point("gt", scaled, g.const(threshold))
    made = g.point("where", straight, x, curved)

    def gradient(graph: Graph, grad: int) -> list[tuple[int, int]]:
        slope = graph.point("where", straight, graph.const(1.0), graph.point("sigmoid", bounded))
        return [(x, graph.mul(grad, slope))]

    g.gradients[made] = gradient
    return made


@rule("leaky_relu")
def _leaky_relu(g: Graph, x: int, slope: float) -> int:
    return g.point("where", g.point("gt", x, g.const(0.0)), x, g.times(x, slope))


@rule("elu")
def _elu(g: Graph, x: int, alpha: float, scale: float, input_scale: float) -> int:
    # the exponential sees no positive number: it would overflow where it is not used
    low = g.times(g.point("expm1", g.times(g.point("minimum", x, g.const(0.0)), input_scale)), alpha)
    positive = g.point("gt", x, g.const(0.0))
    made = g.times(g.point("where", positive, x, low), scale)

    def gradient(graph: Graph, grad: int) -> list[tuple[int, int]]:
        slope = graph.times(graph.plus(low, alpha), scale * input_scale)
        return [(x, graph.mul(grad, graph.point("where", positive, graph.const(scale), slope)))]

    g.gradients[made] = gradient
    return made


@rule("gelu")
def _gelu(g: Graph, x: int, approximate: str) -> int:
    if approximate == "tanh":
        inner = g.times(g.add(x, g.times(g.mul(g.mul(x, x), x), 0.044715)), math.sqrt(2 / math.pi))
        return g.mul(g.times(x, 0.5), g.plus(g.point("tanh", inner), 1.0))
    return g.mul(g.times(x, 0.5), g.plus(g.point("erf", g.times(x, math.sqrt(0.5))), 1.0))


@rule("softmax")
def _softmax(g: Graph, x: int) -> int:
    e = g.point("exp", g.sub(x, g.reduce("amax", x)))
    made = g.mul(e, g.point("reciprocal", g.reduce("sum", e)))

    def gradient(graph: Graph, grad: int) -> list[tuple[int, int]]:
        inner = graph.reduce("sum", graph.mul(grad, made))
        return [(x, graph.mul(graph.sub(grad, inner), made))]

    g.gradients[made] = gradient
    return made


@rule("log_softmax")
def _log_softmax(g: Graph, x: int) -> int:
    shifted = g.sub(x, g.reduce("amax", x))
    made = g.sub(shifted, g.point("log", g.reduce("sum", g.point("exp", shifted))))

    def gradient(graph: Graph, grad: int) -> list[tuple[int, int]]:
        summed = graph.reduce("sum", graph.broadcast(grad, graph.width(made)))
        return [(x, graph.sub(grad, graph.mul(graph.point("exp", made), summed)))]

    g.gradients[made] = gradient
    return made


@rule("layer_norm")
def _layer_norm(g: Graph, x: int, *rest: Any) -> int:
    *affine, eps = rest
    width = g.width(x)
    centred = g.sub(x, g.mean(x))
    variance = g.mean(g.mul(centred, centred))
    scale = g.point("rsqrt", g.plus(variance, eps))
    made = normal = g.broadcast(g.mul(centred, scale), width)

    def gradient(graph: Graph, grad: int) -> list[tuple[int, int]]:
        full = graph.broadcast(grad, width)
        along = graph.mul(normal, graph.mean(graph.mul(full, normal)))
        return [(x, graph.mul(graph.sub(graph.sub(full, graph.mean(full)), along), scale))]

    g.gradients[normal] = gradient
    if affine:
        made = g.mul(made, affine[0])
    return g.add(made, affine[1]) if len(affine) > 1 else made
