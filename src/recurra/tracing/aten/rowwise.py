"""Calls that work along the width of a row."""

from __future__ import annotations

from recurra.program.errors import Untraceable
from recurra.program.ops import OPS
from recurra.tracing.aten.importer import Call, Importer, Result, handles, name_of


@handles(*(name for name, op in OPS.items() if op.kind == "reduction"))
def _reduction(of: Importer, node: Call) -> Result:
    count = len(of.value(node.args[0]).shape) + 1
    dims = node.args[1] if len(node.args) > 1 else None
    if node.kwargs.get("dtype") not in (None, of.dtype):
        raise Untraceable(f"{name_of(node)} in another type than the weights'")
    axes = sorted(d % count for d in dims) if isinstance(dims, (list, tuple)) and dims else None
    if axes != list(range(1, count)):
        raise Untraceable(f"{name_of(node)} over other dimensions than a whole row's")
    op = name_of(node).removeprefix("aten.")
    return of.add(op, of.number(node.args[0]), shape=of.row_shape(node))


@handles("linalg_vector_norm")
def _norm(of: Importer, node: Call) -> Result:
    x, order, dims = (*node.args[:3], None, None)[:3]
    shape = of.value(x).shape
    if order not in (None, 2, 2.0) or dims not in ([1], [-1]) or len(shape) != 1:
        raise Untraceable("a norm other than the Euclidean one of a whole row")
    square = of.add("mul", of.number(x), of.number(x), shape=shape)
    total = of.add("sum", square, shape=(1,))
    # at zero torch's norm has the derivative zero, a bare square root none; that of a row with NaN is NaN
    nonzero = of.add("ne_scalar", total, attrs=(0,), shape=(1,))
    one, zero = (of.add("fill", attrs=(constant,), shape=(1,)) for constant in (1.0, 0.0))
    root = of.add("sqrt", of.add("where", nonzero, total, one, shape=(1,)), shape=(1,))
    return of.add("where", nonzero, root, zero, shape=of.row_shape(node))


@handles("var")
def _var(of: Importer, node: Call) -> Result:
    x, dims = node.args[:2]
    shape = of.value(x).shape
    if dims not in ([1], [-1]) or len(shape) != 1:
        raise Untraceable("a variance over other dimensions than a whole row's")
    mean = of.add("mean", of.number(x), shape=(1,))
    centred = of.add("sub", of.number(x), mean, shape=shape)
    square = of.add("mul", centred, centred, shape=shape)
    total = of.add("sum", square, shape=(1,))
    correction = node.kwargs.get("correction", 1)
    return of.add("mul_scalar", total, attrs=(1 / (shape[0] - correction),), shape=of.row_shape(node))


@handles("_softmax", "_log_softmax")
def _softmax(of: Importer, node: Call) -> Result:
    x = of.value(node.args[0])
    if len(x.shape) != 1 or node.args[1] not in (1, -1):
        raise Untraceable("a softmax over another dimension than a whole row")
    op = name_of(node).removeprefix("aten._")
    return of.add(op, of.number(node.args[0]), shape=of.row_shape(node))


@handles("native_layer_norm")
def _layer_norm(of: Importer, node: Call) -> Result:
    x, normalised, weight, bias, eps = node.args
    shape = of.value(x).shape
    if tuple(normalised) != shape or len(shape) != 1 or (weight is None and bias is not None):
        raise Untraceable("a layer norm over other dimensions than a whole row")
    affine = [of.operand(vector, shape) for vector in (weight, bias) if vector is not None]
    return [of.add("layer_norm", of.number(x), *affine, attrs=(eps,), shape=shape)]
