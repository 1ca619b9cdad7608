"""The gradient of each primitive, in primitives. Ties and kinks are resolved as torch resolves them."""

from __future__ import annotations

import math
from collections.abc import Callable

from recurra.lowering.graph import Graph, Node
from recurra.program.ops import OPS, PRIMITIVES, require_complete

Share = int | None
OpGradient = Callable[[Graph, int, Node, int], list[Share]]
"""`(graph, the node's number, the node, its gradient) -> each argument's share of it`; None: no share."""

GRADIENTS: dict[str, OpGradient] = {}
"""Name of a primitive -> its gradient."""


def _of(*names: str) -> Callable[[OpGradient], OpGradient]:
    def add(gradient: OpGradient) -> OpGradient:
        GRADIENTS.update(dict.fromkeys(names, gradient))
        return gradient

    return add


GRADIENTS["same"] = lambda g, y, node, grad: [grad]
GRADIENTS["neg"] = lambda g, y, node, grad: [g.point("neg", grad)]
GRADIENTS["sigmoid"] = lambda g, y, node, grad: [g.point("sigmoid_slope", grad, y)]
GRADIENTS["tanh"] = lambda g, y, node, grad: [g.point("tanh_slope", grad, y)]
GRADIENTS["exp"] = lambda g, y, node, grad: [g.mul(grad, y)]
GRADIENTS["expm1"] = lambda g, y, node, grad: [g.mul(grad, g.plus(y, 1.0))]
GRADIENTS["log"] = lambda g, y, node, grad: [g.point("div", grad, node.args[0])]
GRADIENTS["log1p"] = lambda g, y, node, grad: [g.point("div", grad, g.plus(node.args[0], 1.0))]
GRADIENTS["sqrt"] = lambda g, y, node, grad: [g.point("div", grad, g.times(y, 2.0))]
GRADIENTS["rsqrt"] = lambda g, y, node, grad: [g.mul(g.times(grad, -0.5), g.mul(g.mul(y, y), y))]
GRADIENTS["reciprocal"] = lambda g, y, node, grad: [g.point("neg", g.mul(grad, g.mul(y, y)))]
GRADIENTS["abs"] = lambda g, y, node, grad: [g.mul(grad, g.point("sign", node.args[0]))]
GRADIENTS["sin"] = lambda g, y, node, grad: [g.mul(grad, g.point("cos", node.args[0]))]
GRADIENTS["cos"] = lambda g, y, node, grad: [g.point("neg", g.mul(grad, g.point("sin", node.args[0])))]
GRADIENTS["add"] = lambda g, y, node, grad: [grad, grad]
GRADIENTS["sub"] = lambda g, y, node, grad: [grad, g.point("neg", grad)]
GRADIENTS["slice"] = lambda g, y, node, grad: [None]  # shares of slices are joined: see `sweep`
GRADIENTS["broadcast"] = GRADIENTS["sum"] = lambda g, y, node, grad: [grad]

GRADIENTS["repeat"] = lambda g, y, node, grad: [g.join_parts("sum", grad, *node.attrs)]
GRADIENTS["sum_parts"] = lambda g, y, node, grad: [g.repeat(grad, *node.attrs)]
GRADIENTS["gather"] = lambda g, y, node, grad: [_scattered(g, node, grad), None]

for _name in PRIMITIVES:
    if OPS[_name].flat:
        GRADIENTS[_name] = lambda g, y, node, grad: [None] * len(node.args)


@_of("mul")
def _mul(g: Graph, y: int, node: Node, grad: int) -> list[Share]:
    a, b = node.args
    if a == b:  # one share where there were two equal ones
        return [g.mul(g.times(grad, 2.0), a), None]
    return [g.mul(grad, b), g.mul(grad, a)]


@_of("relu")
def _relu(g: Graph, y: int, node: Node, grad: int) -> list[Share]:
    zero = g.const(0.0)
    return [g.point("where", g.point("le", y, zero), zero, grad)]


@_of("erf")
def _erf(g: Graph, y: int, node: Node, grad: int) -> list[Share]:
    x = node.args[0]
    bell = g.point("exp", g.point("neg", g.mul(x, x)))
    return [g.mul(grad, g.times(bell, 2 / math.sqrt(math.pi)))]


@_of("div")
def _div(g: Graph, y: int, node: Node, grad: int) -> list[Share]:
    divisor = node.args[1]
    # zero over a divisor so small that the gradient over it is infinite has no share that is NaN
    return [g.point("div", grad, divisor), g.point("neg", g.mul(grad, g.point("div", y, divisor)))]


@_of("pow")
def _pow(g: Graph, y: int, node: Node, grad: int) -> list[Share]:
    x, exponent = node.args
    zero, one = g.const(0.0), g.const(1.0)
    slope = g.mul(exponent, g.point("pow", x, g.sub(exponent, one)))
    base = g.point("where", g.point("eq", exponent, zero), zero, slope)
    # torch: no gradient for the exponent where the power is 0 to a number that is not negative
    flat = g.point("logical_and", g.point("eq", x, zero), g.point("ge", exponent, zero))
    power = g.point("where", flat, zero, g.mul(y, g.point("log", x)))
    return [g.mul(grad, base), g.mul(grad, power)]


@_of("maximum", "minimum")
def _extreme(g: Graph, y: int, node: Node, grad: int) -> list[Share]:
    """Equal arguments share the gradient; beside NaN each has all of it."""
    a, b = node.args
    zero = g.const(0.0)
    whole = g.point("where", g.point("eq", a, b), g.times(grad, 0.5), grad)
    less, more = ("lt", "gt") if node.op == "maximum" else ("gt", "lt")
    return [
        g.point("where", g.point(less, a, b), zero, whole),
        g.point("where", g.point(more, a, b), zero, whole),
    ]


@_of("amax", "amin")
def _rowwise_extreme(g: Graph, y: int, node: Node, grad: int) -> list[Share]:
    """Equal extremes share the gradient evenly."""
    hit = g.point("eq", node.args[0], y)
    return [g.mul(hit, g.point("div", grad, g.reduce("sum", hit)))]


@_of("amax_parts", "amin_parts")
def _extreme_of_parts(g: Graph, y: int, node: Node, grad: int) -> list[Share]:
    """Equal extremes share the gradient evenly."""
    block, count = node.attrs
    hit = g.point("eq", node.args[0], g.repeat(y, block, count))
    each = g.point("div", grad, g.join_parts("sum", hit, block, count))
    return [g.mul(hit, g.repeat(each, block, count))]


def _scattered(g: Graph, node: Node, grad: int) -> Share:
    x, columns = node.args
    width = g.width(x)
    return g.node("scatter_add", grad, columns, attrs=(width,), width=width)


@_of("where")
def _where(g: Graph, y: int, node: Node, grad: int) -> list[Share]:
    condition, zero = node.args[0], g.const(0.0)
    return [None, g.point("where", condition, grad, zero), g.point("where", condition, zero, grad)]


@_of("cat")
def _cat(g: Graph, y: int, node: Node, grad: int) -> list[Share]:
    shares: list[Share] = []
    first = 0
    for part in node.args:
        last = first + g.width(part)
        shares.append(g.slice(grad, first, last))
        first = last
    return shares


@_of("product")
def _product(g: Graph, y: int, node: Node, grad: int) -> list[Share]:
    """Against the rows, and against the bias; the weight's own gradient is taken after the loop."""
    weight, transposed = node.attrs
    rows = g.node("product", grad, attrs=(weight, not transposed), width=g.width(node.args[0]))
    return [rows, *([grad] if len(node.args) > 1 else [])]


require_complete(GRADIENTS, (name for name in PRIMITIVES if OPS[name].level != "derived"), "gradients")
