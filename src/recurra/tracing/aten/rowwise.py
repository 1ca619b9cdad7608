"""Calls that work along a row, or along one dimension of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from recurra.program.errors import Untraceable
from recurra.program.ops import OPS
from recurra.program.value import Arg
from recurra.tracing.aten.importer import Call, Importer, Result, handles, name_of

_JOINED = 16
"""At most so many parts of a row are compared one by one, to find the first of those that are largest."""


@handles(*(name for name, op in OPS.items() if op.kind == "reduction"))
def _reduction(of: Importer, node: Call) -> Result:
    x = node.args[0]
    dims = node.args[1] if len(node.args) > 1 else None
    if node.kwargs.get("dtype") not in (None, of.dtype):
        raise Untraceable(f"{name_of(node)} in another type than the weights'")
    if not isinstance(dims, (list, tuple)) or not dims:
        raise Untraceable(f"{name_of(node)} over all rows")
    shape, axes, op = of.row_shape(x), of.axes(node, dims), name_of(node).removeprefix("aten.")
    if op == "mean":
        return _mean(of, of.number(x), shape, axes)
    return of.reduced(op, of.number(x), shape, axes)


def _mean(of: Importer, number: int, shape: Sequence[int], axes: Sequence[int]) -> int:
    narrow = _narrow(shape, axes)
    if math.prod(narrow) == 1:
        return of.add("mean", number, shape=narrow)
    count = math.prod(shape[axis] for axis in axes)
    total = of.reduced("sum", number, shape, axes)
    return of.add("mul_scalar", total, attrs=(1 / count,), shape=narrow)


def _narrow(shape: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(1 if axis in axes else size for axis, size in enumerate(shape))


def _dims(node: Call, dims: Any) -> Sequence[int]:
    if isinstance(dims, int):
        return [dims]
    if not isinstance(dims, (list, tuple)) or not dims:
        raise Untraceable(f"{name_of(node)} over all rows")
    return dims


@handles("linalg_vector_norm")
def _norm(of: Importer, node: Call) -> Result:
    x, order, dims = (*node.args[:3], None, None)[:3]
    if order not in (None, 2, 2.0):
        raise Untraceable("a norm other than the Euclidean one")
    shape, axes = of.row_shape(x), of.axes(node, _dims(node, dims))
    narrow = _narrow(shape, axes)
    square = of.add("mul", of.number(x), of.number(x), shape=shape)
    return _root(of, of.reduced("sum", square, shape, axes), narrow)


def _root(of: Importer, total: int, narrow: tuple[int, ...]) -> int:
    # at zero torch's norm has the derivative zero, a bare square root none; that of a row with NaN is NaN
    nonzero = of.add("ne_scalar", total, attrs=(0,), shape=narrow)
    one, zero = (of.add("fill", attrs=(constant,), shape=(1,)) for constant in (1.0, 0.0))
    root = of.add("sqrt", of.add("where", nonzero, total, one, shape=narrow), shape=narrow)
    return of.add("where", nonzero, root, zero, shape=narrow)


@handles("var")
def _var(of: Importer, node: Call) -> Result:
    return _variance(of, node)[0]


@handles("std")
def _std(of: Importer, node: Call) -> Result:
    variance = _variance(of, node)[0]
    return _root(of, variance, of.values[variance].shape)


@handles("var_mean")
def _var_mean(of: Importer, node: Call) -> Result:
    return _variance(of, node)


def _variance(of: Importer, node: Call) -> list[int]:
    x, dims = (*node.args[:2], None)[:2]
    shape, axes = of.row_shape(x), of.axes(node, _dims(node, dims))
    narrow = _narrow(shape, axes)
    mean = _mean(of, of.number(x), shape, axes)
    centred = of.add("sub", of.number(x), of.spread(mean, narrow, shape), shape=shape)
    square = of.add("mul", centred, centred, shape=shape)
    total = of.reduced("sum", square, shape, axes)
    correction = node.kwargs.get("correction", 1)
    count = math.prod(shape[axis] for axis in axes) - (1 if correction is None else correction)
    scale = 1 / count if count else math.inf
    return [of.add("mul_scalar", total, attrs=(scale,), shape=narrow), mean]


@handles("_softmax", "_log_softmax")
def _softmax(of: Importer, node: Call) -> Result:
    x, dim = node.args[:2]
    shape, axes = of.row_shape(x), of.axes(node, [dim])
    number, op = of.number(x), name_of(node).removeprefix("aten._")
    narrow = _narrow(shape, axes)
    if math.prod(narrow) == 1:
        return of.add(op, number, shape=shape)

    def beside(name: str, one: int, other: int) -> int:
        return of.add(name, one, of.spread(other, narrow, shape), shape=shape)

    # the shares are the same whatever is subtracted, so no gradient takes that way
    largest = of.add("detach", of.reduced("amax", number, shape, axes), shape=narrow)
    shifted = beside("sub", number, largest)
    exponential = of.add("exp", shifted, shape=shape)
    total = of.reduced("sum", exponential, shape, axes)
    if op == "softmax":
        return beside("div", exponential, total)
    return beside("sub", shifted, of.add("log", total, shape=narrow))


@handles("native_layer_norm")
def _layer_norm(of: Importer, node: Call) -> Result:
    x, normalised, weight, bias, eps = node.args
    shape = of.row_shape(x)
    affine = [of.operand(vector, node) for vector in (weight, bias) if vector is not None]
    if tuple(normalised) == shape:
        if weight is None and bias is not None:
            raise Untraceable("a layer norm with a bias and no weight")
        return [of.add("layer_norm", of.number(x), *affine, attrs=(eps,), shape=shape)]
    count = len(normalised)
    out = _normalised(of, of.number(x), shape, range(len(shape) - count, len(shape)), eps)
    for op, operand in zip(("mul", "add") if weight is not None else ("add",), affine, strict=False):
        out = of.add(op, out, operand, shape=shape)
    return [out]


def _normalised(of: Importer, number: int, shape: Sequence[int], axes: Sequence[int], eps: float) -> int:
    """Of mean 0 and variance 1 along some dimensions."""
    shape, narrow = tuple(shape), _narrow(shape, axes)
    mean = of.spread(_mean(of, number, shape, axes), narrow, shape)
    centred = of.add("sub", number, mean, shape=shape)
    square = of.add("mul", centred, centred, shape=shape)
    variance = of.add("add_scalar", _mean(of, square, shape, axes), attrs=(eps,), shape=narrow)
    scale = of.add("rsqrt", variance, shape=narrow)
    return of.add("mul", centred, of.spread(scale, narrow, shape), shape=shape)


@handles("native_group_norm")
def _group_norm(of: Importer, node: Call) -> Result:
    x, weight, bias, _, channels, _, groups, eps = node.args
    shape = of.row_shape(x)
    width = math.prod(shape)
    out = _normalised(of, of.number(x), (groups, width // groups), [1], eps)
    for op, vector in (("mul", weight), ("add", bias)):
        if vector is not None:
            each = width // channels
            template: Any = ((Arg(0), each), {})
            fixed = of.number(vector)
            if each > 1:
                fixed = of.fixed("aten.repeat_interleave.self_int", template, (fixed,), (width,))
            out = of.add(op, out, fixed, shape=shape)
    return [out]


@handles("max", "min")
def _first_extreme(of: Importer, node: Call) -> Result:
    """Along one dimension: torch's gradient goes to the first of those that are equal."""
    if node.target not in (torch.ops.aten.max.dim, torch.ops.aten.min.dim):
        raise Untraceable(f"{name_of(node)} over all rows")
    x, dim = node.args[:2]
    shape, (axis,) = of.row_shape(x), of.axes(node, [dim])
    count = shape[axis]
    if count > _JOINED:
        raise Untraceable(
            f"{name_of(node)} along {count} numbers: torch.amax knows no ties and has a program"
        )
    rest = tuple(size for k, size in enumerate(shape) if k != axis)
    places = torch.arange(math.prod(shape), device="cpu").view(shape).movedim(axis, 0).reshape(count, -1)
    best, *others = (of.columns(of.number(x), part, rest) for part in places)
    wins = "gt" if name_of(node) == "aten.max" else "lt"
    for other in others:
        larger = of.add(wins, other, best, shape=rest)
        missing = of.add("ne", other, other, shape=rest)
        better = of.add("logical_or", larger, missing, shape=rest)
        # of several that are NaN the first counts, too
        first = of.add("logical_and", better, of.add("eq", best, best, shape=rest), shape=rest)
        best = of.add("where", first, other, best, shape=rest)
    return [best]


@handles("cumsum")
def _running(of: Importer, node: Call) -> Result:
    x, dim = node.args[:2]
    if node.kwargs.get("dtype") not in (None, of.dtype):
        raise Untraceable(f"{name_of(node)} in another type than the weights'")
    shape, (axis,) = of.row_shape(x), of.axes(node, [dim])
    count, number = shape[axis], of.number(x)
    # numbers that are summed must stand side by side; along the last dimension nothing is moved
    turned = torch.arange(math.prod(shape), device="cpu").view(shape).movedim(axis, -1).flatten()
    number = of.columns(number, turned, (len(turned),))
    parts = range(0, math.prod(shape), count)
    sums = [of.add("cumsum", of.cut(number, first, first + count), shape=(count,)) for first in parts]
    joined = sums[0] if len(sums) == 1 else of.add("cat", *sums, shape=shape)
    return of.columns(joined, turned.argsort(), shape)
