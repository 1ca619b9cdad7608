"""Each operation in primitives.

A lowering computes what torch's function computes; where the gradient of the primitives one by one would be
slower than torch's formula, or other than it at ties, the formula is attached to the node.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from recurra.lowering.graph import Graph
from recurra.program.ops import OPS, PRIMITIVES, TRACED, require_complete

Lowering = Callable[..., int]
"""`(graph, *argument nodes, *constants) -> node`"""

LOWERINGS: dict[str, Lowering] = {}
"""Name of an operation -> its primitives."""


def _lowers(*names: str) -> Callable[[Lowering], Lowering]:
    def add(lowering: Lowering) -> Lowering:
        LOWERINGS.update(dict.fromkeys(names, lowering))
        return lowering

    return add


for _name in TRACED & PRIMITIVES:
    if OPS[_name].kind == "pointwise":
        LOWERINGS[_name] = lambda g, *args, op=_name: g.point(op, *args)
    elif OPS[_name].kind == "reduction":
        LOWERINGS[_name] = lambda g, x, op=_name: g.reduce(op, x)
for _name in PRIMITIVES:
    if f"{_name}_scalar" in OPS:
        LOWERINGS[f"{_name}_scalar"] = lambda g, x, c, op=_name: g.point(op, x, g.const(c))
LOWERINGS["rsub_scalar"] = lambda g, x, c: g.sub(g.const(c), x)
LOWERINGS["rdiv_scalar"] = lambda g, x, c: g.point("div", g.const(c), x)
LOWERINGS["mean"] = lambda g, x: g.mean(x)
LOWERINGS["slice"] = lambda g, x, start, stop: g.slice(x, start, stop)
LOWERINGS["cat"] = lambda g, *parts: g.cat(parts)
LOWERINGS["repeat"] = lambda g, x, block, count: g.repeat(x, block, count)
LOWERINGS["sum_parts"] = lambda g, x, block, count: g.join_parts("sum", x, block, count)
LOWERINGS["amax_parts"] = lambda g, x, block, count: g.join_parts("amax", x, block, count)
LOWERINGS["amin_parts"] = lambda g, x, block, count: g.join_parts("amin", x, block, count)
LOWERINGS["gather"] = lambda g, x, columns: g.node("gather", x, columns, width=g.width(columns))
LOWERINGS["broadcast"] = lambda g, x, width: g.broadcast(x, width)


@_lowers("to_float")
def _to_float(g: Graph, x: int, dtype: Any) -> int:
    # masks are numbers already, and a loop has one floating type
    return x


@_lowers("pow_scalar")
def _pow(g: Graph, x: int, exponent: float) -> int:
    out = _power(g, x, exponent)
    if exponent in (1, 2, 3, 0.5, -1):
        return out

    def gradient(graph: Graph, grad: int) -> list[tuple[int, int]]:
        if exponent in (-0.5, -2):
            slope = graph.times(graph.point("div", out, x), exponent)
        else:
            slope = graph.times(_power(graph, x, exponent - 1), exponent) if exponent else graph.const(0.0)
        return [(x, graph.mul(grad, slope))]

    g.gradients[out] = gradient
    return out


def _power(g: Graph, x: int, exponent: float) -> int:
    """As torch: a few powers are not those of the C library, whose root of -infinity is infinity."""
    square = g.mul(x, x)
    if exponent in (0.5, -0.5):
        return g.point("sqrt" if exponent > 0 else "rsqrt", x)
    if exponent in (-1, -2):
        return g.point("reciprocal", x if exponent == -1 else square)
    if exponent in (1, 2, 3):
        return (x, square, g.mul(square, x))[int(exponent) - 1]
    return g.point("pow", x, g.const(exponent))


@_lowers("lerp")
def _lerp(g: Graph, start: int, end: int, weight: int) -> int:
    """From the nearer end, so that it is reached."""
    way, constant = g.sub(end, start), g.value_of(weight)
    rest = g.sub(g.const(1.0), weight) if constant is None else g.const(1.0 - constant)
    if constant is None:
        near = g.point("lt", g.point("abs", weight), g.const(0.5))
        from_start, from_end = g.add(start, g.mul(weight, way)), g.sub(end, g.mul(way, rest))
        out = g.point("where", near, from_start, from_end)
    elif abs(constant) < 0.5:
        out = g.add(start, g.mul(weight, way))
    else:
        out = g.sub(end, g.mul(way, rest))
    g.gradients[out] = lambda graph, grad: [
        (start, graph.mul(grad, rest)),
        (end, graph.mul(grad, weight)),
        (weight, graph.mul(grad, way)),
    ]
    return out


@_lowers("clamp")
def _clamp(g: Graph, x: int, low: float | None, high: float | None) -> int:
    return _bounded(g, x, low, high, "ge", "le")


@_lowers("hardtanh")
def _hardtanh(g: Graph, x: int, low: float, high: float) -> int:
    return _bounded(g, x, low, high, "gt", "lt")


def _bounded(g: Graph, x: int, low: float | None, high: float | None, above: str, below: str) -> int:
    """torch: clamp passes the gradient at its bounds, hardtanh does not."""
    out, inside = x, None
    if low is not None:
        out = g.point("maximum", g.const(low), out)  # of equal ones the second: -0.0 stays
        inside = g.point(above, x, g.const(low))
    if high is not None:
        out = g.point("minimum", g.const(high), out)
        under = g.point(below, x, g.const(high))
        inside = under if inside is None else g.mul(inside, under)
    if inside is not None and out != x:
        mask = inside
        g.gradients[out] = lambda graph, grad: [(x, graph.point("where", mask, grad, graph.const(0.0)))]
    return out


@_lowers("hardsigmoid")
def _hardsigmoid(g: Graph, x: int) -> int:
    return g.times(_hardtanh(g, g.plus(x, 3.0), 0.0, 6.0), 1 / 6)


@_lowers("silu")
def _silu(g: Graph, x: int) -> int:
    gate = g.point("sigmoid", x)
    out = g.mul(x, gate)

    def gradient(graph: Graph, grad: int) -> list[tuple[int, int]]:
        # x and its gradient are not multiplied: that may be infinite where what remains is not
        slope = graph.mul(gate, graph.plus(graph.mul(x, graph.sub(graph.const(1.0), gate)), 1.0))
        return [(x, graph.mul(grad, slope))]

    g.gradients[out] = gradient
    return out


@_lowers("logsigmoid")
def _logsigmoid(g: Graph, x: int) -> int:
    small = g.point("minimum", x, g.const(0.0))
    e = g.point("exp", g.point("neg", g.point("abs", x)))
    out = g.sub(small, g.point("log1p", e))

    def gradient(graph: Graph, grad: int) -> list[tuple[int, int]]:
        share = graph.point("div", e, graph.plus(e, 1.0))
        negative = graph.point("lt", x, graph.const(0.0))
        slope = graph.point("where", negative, graph.sub(graph.const(1.0), share), share)
        return [(x, graph.mul(grad, slope))]

    g.gradients[out] = gradient
    return out


@_lowers("softplus")
def _softplus(g: Graph, x: int, beta: float, threshold: float) -> int:
    scaled = g.times(x, beta)
    # the exponential of what stays below the threshold: beyond it the value is x itself
    bounded = g.point("minimum", scaled, g.const(threshold))
    e = g.point("exp", bounded)
    curved = g.times(g.point("log1p", e), 1 / beta)
    straight = g.point("gt", scaled, g.const(threshold))
    out = g.point("where", straight, x, curved)

    def gradient(graph: Graph, grad: int) -> list[tuple[int, int]]:
        share = graph.point("div", e, graph.plus(e, 1.0))
        return [(x, graph.mul(grad, graph.point("where", straight, graph.const(1.0), share)))]

    g.gradients[out] = gradient
    return out


@_lowers("leaky_relu")
def _leaky_relu(g: Graph, x: int, slope: float) -> int:
    return g.point("where", g.point("gt", x, g.const(0.0)), x, g.times(x, slope))


@_lowers("elu")
def _elu(g: Graph, x: int, alpha: float, scale: float, input_scale: float) -> int:
    # the exponential sees no positive number: it would overflow where it is not used
    bounded = g.times(g.point("minimum", g.const(0.0), x), input_scale)
    low = g.times(g.point("expm1", bounded), alpha)
    positive = g.point("gt", x, g.const(0.0))
    out = g.times(g.point("where", positive, x, low), scale)

    def gradient(graph: Graph, grad: int) -> list[tuple[int, int]]:
        slope = graph.times(graph.point("exp", bounded), alpha * scale * input_scale)
        return [(x, graph.mul(grad, graph.point("where", positive, graph.const(scale), slope)))]

    g.gradients[out] = gradient
    return out


@_lowers("gelu")
def _gelu(g: Graph, x: int, approximate: str) -> int:
    if approximate == "tanh":
        inner = g.times(g.add(x, g.times(g.mul(g.mul(x, x), x), 0.044715)), math.sqrt(2 / math.pi))
        return g.mul(g.times(x, 0.5), g.plus(g.point("tanh", inner), 1.0))
    return g.mul(g.times(x, 0.5), g.plus(g.point("erf", g.times(x, math.sqrt(0.5))), 1.0))


@_lowers("softmax")
def _softmax(g: Graph, x: int) -> int:
    e = g.point("exp", g.sub(x, g.reduce("amax", x)))
    out = g.mul(e, g.point("reciprocal", g.reduce("sum", e)))

    def gradient(graph: Graph, grad: int) -> list[tuple[int, int]]:
        inner = graph.reduce("sum", graph.mul(grad, out))
        return [(x, graph.mul(graph.sub(grad, inner), out))]

    g.gradients[out] = gradient
    return out


@_lowers("log_softmax")
def _log_softmax(g: Graph, x: int) -> int:
    shifted = g.sub(x, g.reduce("amax", x))
    out = g.sub(shifted, g.point("log", g.reduce("sum", g.point("exp", shifted))))

    def gradient(graph: Graph, grad: int) -> list[tuple[int, int]]:
        summed = graph.reduce("sum", graph.broadcast(grad, graph.width(out)))
        return [(x, graph.sub(grad, graph.mul(graph.point("exp", out), summed)))]

    g.gradients[out] = gradient
    return out


@_lowers("cumsum")
def _cumsum(g: Graph, x: int) -> int:
    """By doubling (Hillis and Steele, 1986): as many sums as the width has binary digits."""
    width, out, shift = g.width(x), x, 1
    while shift < width:
        later = g.add(g.slice(out, shift, width), g.slice(out, 0, width - shift))
        out = g.cat([g.slice(out, 0, shift), later])
        shift *= 2

    def gradient(graph: Graph, grad: int) -> list[tuple[int, int]]:
        share, shift = graph.broadcast(grad, width), 1
        while shift < width:
            earlier = graph.add(graph.slice(share, 0, width - shift), graph.slice(share, shift, width))
            share = graph.cat([earlier, graph.slice(share, width - shift, width)])
            shift *= 2
        return [(x, share)]

    if out != x:
        g.gradients[out] = gradient
    return out


@_lowers("matmul")
def _matmul(g: Graph, one: int, other: int, n: int, k: int, m: int, turned: str) -> int:
    """Both repeated to `[.., n, k, m]` in the order in which they lie, multiplied and summed over k."""
    if turned == "left":  # [k, n, m]
        return _joined(g, g.repeat(one, 1, m), _each(g, other, n, m), n * m, k)
    if turned == "right":  # [n, m, k]
        return _joined(g, _each(g, one, m, k), g.repeat(other, m * k, n), 1, k)
    return _joined(g, g.repeat(one, 1, m), g.repeat(other, k * m, n), m, k)


def _each(g: Graph, x: int, count: int, size: int) -> int:
    """Every `size` neighbours so often."""
    return x if count == 1 else g.repeat(x, size, count)


def _joined(g: Graph, one: int, other: int, block: int, count: int) -> int:
    return g.join_parts("sum", g.mul(one, other), block, count)


@_lowers("layer_norm")
def _layer_norm(g: Graph, x: int, *rest: Any) -> int:
    *affine, eps = rest
    width = g.width(x)
    centred = g.sub(x, g.mean(x))
    variance = g.mean(g.mul(centred, centred))
    scale = g.point("rsqrt", g.plus(variance, eps))
    out = normal = g.broadcast(g.mul(centred, scale), width)

    def gradient(graph: Graph, grad: int) -> list[tuple[int, int]]:
        full = graph.broadcast(grad, width)
        along = graph.mul(normal, graph.mean(graph.mul(full, normal)))
        return [(x, graph.mul(graph.sub(graph.sub(full, graph.mean(full)), along), scale))]

    g.gradients[normal] = gradient
    if affine:
        out = g.mul(out, affine[0])
    return g.add(out, affine[1]) if len(affine) > 1 else out


require_complete(
    LOWERINGS,
    (name for name in TRACED if OPS[name].kind not in ("product", "source")),
    "lowerings",
)
