"""Calls that move numbers about within a row.

torch itself says where each number comes from: the call is run on the places of the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, fx

from recurra.program.errors import Untraceable
from recurra.tracing.aten.importer import Call, Importer, Layout, Result, handles, name_of

_RESHAPED = ("view", "_unsafe_view", "reshape")


@handles("clone", "alias", "contiguous", "lift_fresh_copy")
def _same(of: Importer, node: Call) -> Result:
    return of.numbers[node.args[0]]


@handles(
    *("slice", "select", "split", "split_with_sizes", "unbind", "diagonal", "unfold", "narrow"),
    *("view", "_unsafe_view", "reshape", "unsqueeze", "squeeze", "flatten"),
    *("permute", "transpose", "t", "movedim", "flip", "roll", "rot90", "tril_indices"),
    *("repeat", "repeat_interleave", "tile", "take_along_dim"),
)
def _move(of: Importer, node: Call) -> Result:
    number, places = of.places(node.args[0])
    rest = [_constant(of, arg, node) for arg in node.args[1:]]
    if name_of(node).removeprefix("aten.") in _RESHAPED:
        return Layout(number, places.reshape(rest[0]))
    results: Any = node.target(places, *rest, **node.kwargs)
    if isinstance(results, Tensor):
        return Layout(number, results)
    return [Layout(number, result) for result in results]


@handles("expand")
def _expand(of: Importer, node: Call) -> Result:
    if not of.is_row(node.args[0]):
        return of.operand(node.args[0], node)
    number, places = of.places(node.args[0])
    return Layout(number, places.expand(node.args[1]))


@handles("index", "index_select", "gather")
def _columns(of: Importer, node: Call) -> Result:
    """Columns by numbers that are constant for the step, or by those in a buffer."""
    x, *rest = node.args
    name = name_of(node).removeprefix("aten.")
    indices = [arg for arg in (rest[0] if name == "index" else rest[1:2]) if arg is not None]
    if any(of.is_row(index) for index in indices) or not of.is_row(x):
        raise Untraceable("the step reads columns whose numbers differ from row to row")
    if all(of.number(index) in of.constants for index in indices):
        return _move(of, node)
    along = [k for k, arg in enumerate(rest[0]) if arg is not None] if name == "index" else [rest[0]]
    shape, index = of.row_shape(x), of.value(indices[0])
    flat = len(shape) == 1 and len(indices) == 1 and along[0] in (1, -1) and len(index.shape) == 1
    if not flat or name == "gather" or index.shape != of.row_shape(node):
        raise Untraceable("the step reads columns by a buffer of more than one dimension")
    columns = of.fixed("columns", (shape[0], of.dtype), (of.number(indices[0]),), index.shape)
    return of.add("gather", of.number(x), columns, shape=index.shape)


@handles("cat")
def _cat(of: Importer, node: Call) -> Result:
    return _joined(of, node, torch.cat)


@handles("stack")
def _stack(of: Importer, node: Call) -> Result:
    return _joined(of, node, torch.stack)


def _joined(of: Importer, node: Call, join: Any) -> Result:
    parts, dim = (*node.args, 0)[:2]
    parts = [part for part in parts if part.meta["val"].numel()]
    shapes = [of.row_shape(part) for part in parts]
    widths = [math.prod(shape) for shape in shapes]
    numbers = [
        of.as_rows(of.number(part) if of.is_row(part) else of.operand(part, part), width)
        for part, width in zip(parts, widths, strict=True)
    ]
    rows = (torch.arange(of.batch, device="cpu") * sum(widths)).unsqueeze(1)
    places, first = [], 0
    for part, shape, width in zip(parts, shapes, widths, strict=True):
        own = rows + torch.arange(first, first + width, device="cpu")
        places.append(own.view(of.batch, *shape).movedim(0, of.position(part)))
        first += width
    whole = join(places, dim)
    if len(numbers) == 1:
        return Layout(numbers[0], whole)
    return Layout(of.add("cat", *numbers, shape=(sum(widths),)), whole)


@handles("constant_pad_nd")
def _pad(of: Importer, node: Call) -> Result:
    x, sizes, *filling = node.args
    shape, place = of.row_shape(node), of.position(node)
    number, width = of.number(x), math.prod(of.row_shape(x))
    filled = of.add("fill", attrs=(float(filling[0]) if filling else 0.0,), shape=(1,))
    row = torch.arange(width, device="cpu").view(of.row_shape(x))
    across = of.position(x)
    if place != across or any(_pad_of(sizes, node, across)):
        raise Untraceable("the step pads its rows by further rows")
    beside = [pair for k, pair in enumerate(_pairs(sizes, node)) if k != across]
    flat = [size for pair in reversed(beside) for size in pair]
    padded = torch.nn.functional.pad(row, flat, value=width)
    joined = of.add("cat", number, filled, shape=(width + 1,))
    return of.columns(joined, padded.flatten(), shape)


def _pairs(sizes: Sequence[int], node: Call) -> list[tuple[int, int]]:
    """Of each dimension: how much goes before it and behind it."""
    count = node.meta["val"].dim()
    pairs = [(0, 0)] * count
    for k in range(len(sizes) // 2):
        pairs[count - 1 - k] = (sizes[2 * k], sizes[2 * k + 1])
    return pairs


def _pad_of(sizes: Sequence[int], node: Call, dim: int) -> tuple[int, int]:
    return _pairs(sizes, node)[dim]


def _constant(of: Importer, arg: Any, node: Call) -> Any:
    """An argument of a call that is run on places: a tensor must be known."""
    if isinstance(arg, (list, tuple)):
        return type(arg)(_constant(of, part, node) for part in arg)
    if not isinstance(arg, fx.Node):
        return arg
    number = of.number(arg)
    if number not in of.constants:
        raise Untraceable(f"{name_of(node)} by a tensor that is no constant of the step")
    constant = of.constants[number]
    return (constant.long() if constant.is_floating_point() else constant).cpu()
