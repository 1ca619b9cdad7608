"""Calls that move numbers about within a row."""

from __future__ import annotations

import math
from typing import Any

from recurra.program.errors import Untraceable
from recurra.tracing.aten.importer import Call, Importer, Result, handles, name_of


@handles("clone", "alias", "contiguous", "lift_fresh_copy")
def _same(of: Importer, node: Call) -> Result:
    of.row_shape(node)
    return of.number(node.args[0])


@handles("slice")
def _slice(of: Importer, node: Call) -> Result:
    arguments: list[Any] = list(node.args)
    x, dim, start, stop, step = arguments + [0, None, None, 1][len(arguments) - 1 :]
    value = of.value(x)
    size = value.shape[dim - 1] if dim > 0 else value.shape[dim] if dim < 0 else 0
    if dim == 0 and start in (None, 0) and (stop is None or stop >= of.batch):
        return of.number(x)
    if len(value.shape) != 1 or dim not in (1, -1) or step != 1:
        raise Untraceable("a slice that does not take neighbouring numbers of a row")
    first, last, _ = slice(start, stop).indices(size)
    return of.cut(of.number(x), first, last)


@handles("split", "split_with_sizes")
def _split(of: Importer, node: Call) -> Result:
    x, sizes, dim = (*node.args, 0)[:3]
    value = of.value(x)
    if len(value.shape) != 1 or dim not in (1, -1):
        raise Untraceable("a split of another dimension than a row's")
    width = value.shape[0]
    if isinstance(sizes, int):
        sizes = [min(sizes, width - first) for first in range(0, width, sizes)]
    firsts = [sum(sizes[:k]) for k in range(len(sizes))]
    return [of.cut(of.number(x), first, first + size) for first, size in zip(firsts, sizes, strict=True)]


@handles("select", "unbind")
def _select(of: Importer, node: Call) -> Result:
    value = of.value(node.args[0])
    dim = node.args[1] if len(node.args) > 1 else 0
    if not value.shape or dim not in (1, -len(value.shape)):
        raise Untraceable(f"{name_of(node)} of another dimension than a row's first")
    rest = math.prod(value.shape[1:])

    def part(k: int) -> int:
        return of.cut(of.number(node.args[0]), k * rest, (k + 1) * rest, value.shape[1:])

    if "unbind" in name_of(node):
        return [part(k) for k in range(value.shape[0])]
    return part(node.args[2] % value.shape[0])


@handles("cat")
def _cat(of: Importer, node: Call) -> Result:
    parts, dim = (*node.args, 0)[:2]
    if dim not in (1, -1):
        raise Untraceable("a concatenation along another dimension than a row's")
    shape = of.row_shape(node)
    indices = []
    for part in parts:
        value = of.value(part)
        if value.fixed:
            raise Untraceable("a concatenation of rows with a weight")
        if len(value.shape) != 1:
            raise Untraceable("a concatenation of rows with more than one dimension")
        indices.append(of.number(part))
    return of.add("cat", *indices, shape=shape)


@handles("stack")
def _stack(of: Importer, node: Call) -> Result:
    parts, dim = (*node.args, 0)[:2]
    if dim != 1 or not all(of.is_row(part) for part in parts):
        raise Untraceable("a stack along another dimension than a row's first")
    return of.add("cat", *(of.number(part) for part in parts), shape=of.row_shape(node))


@handles("view", "_unsafe_view", "reshape", "unsqueeze", "squeeze")
def _reshape(of: Importer, node: Call) -> Result:
    index = of.number(node.args[0])
    shape = of.row_shape(node)
    if shape == of.values[index].shape:
        return index
    return of.cut(index, 0, math.prod(shape), shape)


@handles("expand")
def _expand(of: Importer, node: Call) -> Result:
    index = of.number(node.args[0])
    shape = of.row_shape(node)
    value = of.values[index]
    if value.fixed:
        return of.operand(node.args[0], shape)
    if value.shape == shape:
        return index
    if value.width != 1:
        raise Untraceable(f"rows of shape {list(value.shape)} are spread over rows of shape {list(shape)}")
    return of.add("broadcast", index, attrs=(math.prod(shape),), shape=shape)
