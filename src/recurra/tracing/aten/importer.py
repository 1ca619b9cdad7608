"""What every handler of a recorded call works with: the values so far, and the shapes of rows.

A handler takes the importer and one recorded call, and answers with the number of the value that it makes (or
a list of numbers where the call gives several tensors). A call with no handler makes the step untraceable, by
name.

A recorded tensor of rows has the rows along one of its dimensions, mostly the first; its value in the program
is what is left of its shape without that one, flat. What calls do that only move numbers is told by a
`Layout`, and becomes operations where its numbers are read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, fx

from recurra.program.errors import RowsMixed, Untraceable
from recurra.program.interpret import operator, substitute
from recurra.program.value import Arg, Value

_PIECES = 4
"""Columns in no more runs than these are neighbours put side by side; in more, they are gathered."""


@dataclass(frozen=True)
class Layout:
    """A recorded tensor whose numbers lie elsewhere in the rows of another value.

    Attributes:
        number: that value's.
        places: of the tensor's shape: row * width + column of each of its numbers, in the value's rows.
    """

    number: int
    places: Tensor


Entry = int | Layout
Result = Entry | Sequence[Entry]
Call = Any
"""A recorded call, an `fx.Node`: its own types say too little of what a call's arguments are."""
Handler = Callable[["Importer", Call], Result]
HANDLERS: dict[str, Handler] = {}
"""`aten.mul` -> its handler."""


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Makes a function the handler of calls of these names (`mul`, for `aten.mul`)."""

    def add(handler: Handler) -> Handler:
        HANDLERS.update({f"aten.{name}": handler for name in names})
        return handler

    return add


class Importer:
    """Collects a program's values.

    Attributes:
        batch: the traced number of rows, a number that no weight has as a size.
        dtype: the type of rows.
        values: those made so far.
        numbers: recorded call -> number of its value, or where that lies, or several where it gives several
            tensors.
        constants: number of a fixed value that depends on no weight -> what it is.
    """

    def __init__(self, batch: int, dtype: torch.dtype) -> None:
        self.batch = batch
        self.dtype = dtype
        self.values: list[Value] = []
        self.numbers: dict[fx.Node, Result] = {}
        self.constants: dict[int, Tensor] = {}

    # making values: each answers with the new value's number

    def add(self, op: str, *args: int, attrs: tuple[Any, ...] = (), shape: tuple[int, ...]) -> int:
        """An operation on rows."""
        self.values.append(Value(op, args, attrs, shape))
        return len(self.values) - 1

    def leaf(self, kind: str, name: str, shape: tuple[int, ...]) -> int:
        self.values.append(Value(kind, (), (name,), shape, fixed=kind == "fixed"))
        return len(self.values) - 1

    def fixed(self, target: str, template: Any, args: tuple[int, ...], shape: tuple[int, ...]) -> int:
        """Work on weights alone: torch's operator `target`, called with `template`, see `Arg`."""
        self.values.append(Value("aten", args, (target, template), shape, fixed=True))
        number = len(self.values) - 1
        if target.startswith("aten.") and all(arg in self.constants for arg in args):
            run = operator(target)
            if torch.Tag.nondeterministic_seeded not in run.tags:
                positional, named = substitute(template, [self.constants[arg] for arg in args])
                result = run(*positional, **named)
                if isinstance(result, Tensor):
                    self.constants[number] = result
        return number

    def constant(self, tensor: Tensor) -> int:
        """A fixed value of these numbers."""
        tensor = tensor.detach()
        attrs = ("constant", (tuple(tensor.flatten().tolist()), tuple(tensor.shape), tensor.dtype))
        self.values.append(Value("aten", (), attrs, tuple(tensor.shape), fixed=True))
        self.constants[len(self.values) - 1] = tensor
        return len(self.values) - 1

    # reading arguments

    def number(self, node: Any) -> int:
        """Of a fixed value, or of rows in the order of the recorded tensor."""
        entry = self.numbers[node]
        if isinstance(entry, Layout):
            self.numbers[node] = entry = self._settled(node, entry)
        if not isinstance(entry, int):
            raise Untraceable(f"{node} is several tensors where one was expected")
        return entry

    def value(self, node: Any) -> Value:
        return self.values[self.number(node)]

    def is_row(self, node: Any) -> bool:
        if not isinstance(node, fx.Node):
            return False
        entry = self.numbers[node]
        first = entry if isinstance(entry, (int, Layout)) else entry[0]
        return isinstance(first, Layout) or not self.values[first].fixed

    def opened(self, shape: Sequence[int]) -> tuple[int, ...]:
        """A recorded shape, rows apart from their parts: `[batch * parts, ..]` is `[batch, parts, ..]`."""
        whole = [k for k, size in enumerate(shape) if size and size % self.batch == 0]
        if self.batch in shape or len(whole) != 1:
            return tuple(shape)
        (k,) = whole
        return (*shape[:k], self.batch, shape[k] // self.batch, *shape[k + 1 :])

    def position(self, node: Call) -> int:
        """Along which dimension of a recorded tensor, opened, the rows are; refuses what mixes rows."""
        shape = shape_of(node)
        opened = self.opened(shape)
        if opened.count(self.batch) != 1:
            text = "[" + ", ".join("batch" if size == self.batch else str(size) for size in shape) + "]"
            raise RowsMixed(f"{name_of(node)} does not keep rows apart (result of shape {text})")
        return opened.index(self.batch)

    def row_shape(self, node: Call) -> tuple[int, ...]:
        """The shape of one row of a recorded tensor; refuses what mixes rows."""
        place, opened = self.position(node), self.opened(shape_of(node))
        return (*opened[:place], *opened[place + 1 :])

    def axes(self, node: Call, dims: Sequence[int]) -> list[int]:
        """Dimensions of a call's first tensor as those of one row, in order; refuses that of the rows."""
        place, shape = self.position(node.args[0]), shape_of(node.args[0])
        merged = len(self.opened(shape)) - len(shape)  # a dimension of rows and parts is one more when opened
        along = sorted(dim % len(shape) for dim in dims)
        if place in along:
            raise RowsMixed(f"{name_of(node)} over other dimensions than a row's")
        return [dim - 1 + merged if dim > place else dim for dim in along]

    def operand(self, node: Call, result: Call) -> int:
        """What can stand beside the rows of a result: rows of its shape or of width 1, or a fixed vector."""
        index, place, shape = self.number(node), self.position(result), self.row_shape(result)
        own = self.opened(shape_of(node))
        padded = (1,) * (len(shape) + 1 - len(own)) + own
        if self.is_row(node):
            if self.position(node) + len(padded) - len(own) != place:
                raise RowsMixed("the step mixes rows")
            padded = (*padded[:place], *padded[place + 1 :])
            return index if math.prod(padded) == 1 else self.spread(index, padded, shape)
        value = self.values[index]
        dtype = node.meta["val"].dtype
        if dtype not in (self.dtype, torch.bool):
            index = self.fixed("aten.to.dtype", ((Arg(0), self.dtype), {}), (index,), value.shape)
        if value.width == 1:
            return index if value.shape == (1,) else self.fixed("row_vector", ((1,),), (index,), (1,))
        if padded[place] not in (1, self.batch):
            raise RowsMixed("the step mixes rows")
        if value.shape == (math.prod(shape),):
            return index
        own = tuple(value.shape)
        padded = (1,) * (len(shape) + 1 - len(own)) + own
        if place and len(own) > len(shape) - place:
            padded = (*padded[:place], *padded[place + 1 :])
            template: Any = ((Arg(0), list(padded)), {})
            index = self.fixed("aten.reshape.default", template, (index,), padded)
        return self.fixed("row_vector", (shape,), (index,), (math.prod(shape),))

    # rows and their parts

    def cut(self, index: int, first: int, last: int, shape: tuple[int, ...] | None = None) -> int:
        """Neighbouring numbers of a row, as a row of `shape`."""
        shape = (last - first,) if shape is None else shape
        return self.add("slice", index, attrs=(first, last), shape=shape)

    def spread(self, index: int, narrow: tuple[int, ...], shape: tuple[int, ...]) -> int:
        """Rows of shape `narrow`, of as many dimensions, repeated to `shape` along those where it has 1."""
        if narrow == shape:
            return index
        sizes = list(narrow)
        for axis, size in enumerate(shape):
            if sizes[axis] != size:
                if sizes[axis] != 1:
                    raise Untraceable(f"rows of shape {list(narrow)} beside rows of shape {list(shape)}")
                sizes[axis] = size
                index = self.repeat(index, math.prod(sizes[axis + 1 :]), size)
        return index

    def repeat(self, index: int, block: int, count: int) -> int:
        """Every `block` neighbouring numbers so often, one behind the other."""
        width = self.values[index].width * count
        if width == count:
            return self.add("broadcast", index, attrs=(width,), shape=(width,))
        return self.add("repeat", index, attrs=(block, count), shape=(width,))

    def reduced(self, op: str, index: int, shape: Sequence[int], axes: Sequence[int]) -> int:
        """`sum`, `amax` or `amin` of rows of a shape along some of its dimensions, which have size 1 then."""
        sizes = list(shape)
        if all(size == 1 or axis in axes for axis, size in enumerate(sizes)):
            return self.add(op, index, shape=(1,))
        for axis in axes:
            if sizes[axis] > 1:
                block, count = math.prod(sizes[axis + 1 :]), sizes[axis]
                sizes[axis] = 1
                index = self.add(f"{op}_parts", index, attrs=(block, count), shape=tuple(sizes))
        return index

    def columns(self, index: int, places: Tensor, shape: tuple[int, ...]) -> int:
        """The numbers of a row at `places` (`[count]`, whole), as a row of `shape`."""
        count, width = len(places), self.values[index].width
        steps = places[1:] - places[:-1]
        ends = [0, *((steps != 1).nonzero().flatten() + 1).tolist(), count]
        runs = [(int(places[a]), int(places[b - 1]) + 1) for a, b in pairwise(ends)]
        if runs == [(0, width)]:
            return index
        if len(runs) == 1:
            return self.cut(index, *runs[0], shape)
        block = ends[1]
        times = count // width
        if count == times * width and width % block == 0:
            every = torch.arange(width).view(-1, 1, block).expand(-1, times, block).reshape(-1)
            if torch.equal(places, every):
                return self.repeat(index, block, times)
        if len(runs) <= _PIECES:
            return self.add("cat", *(self.cut(index, *run) for run in runs), shape=shape)
        # a loop's vectors are of the type of its rows; a narrow one can't hold the numbers of all columns
        dtype = self.dtype if self.dtype in (torch.float32, torch.float64) else torch.int64
        return self.add("gather", index, self.constant(places.to(dtype)), shape=shape)

    def places(self, node: Call) -> tuple[int, Tensor]:
        """The value that a recorded tensor of rows lies in, and where: see `Layout`."""
        entry = self.numbers[node]
        if isinstance(entry, Layout):
            return entry.number, entry.places
        number, shape, place = self.number(node), self.row_shape(node), self.position(node)
        places = self.arranged(shape).movedim(0, place).reshape(shape_of(node))
        return self.as_rows(number, math.prod(shape)), places

    def arranged(self, shape: tuple[int, ...]) -> Tensor:
        """`[batch, *shape]`: the places of rows that lie one after the other."""
        return torch.arange(self.batch * math.prod(shape), device="cpu").view(self.batch, *shape)

    def as_rows(self, number: int, width: int) -> int:
        """Rows of a width from such rows, or from a weight that is the same for each."""
        value = self.values[number]
        if value.fixed:
            zeros = self.add("fill", attrs=(0.0,), shape=(width,))
            return self.add("add", zeros, number, shape=(width,))
        if value.width != width:
            return self.add("broadcast", number, attrs=(width,), shape=(width,))
        return number

    def settled(self, number: int, places: Tensor, shape: tuple[int, ...], who: str) -> int:
        """Rows `[batch, ...]` that lie elsewhere, as a value."""
        flat = places.reshape(self.batch, -1)
        first = torch.arange(self.batch, device="cpu") * self.values[number].width
        if not torch.equal(flat, flat[0] + first.unsqueeze(1)):
            raise RowsMixed(f"{who} does not keep rows apart")
        return self.columns(number, flat[0], shape)

    def _settled(self, node: Call, layout: Layout) -> int:
        places = layout.places.reshape(self.opened(shape_of(node))).movedim(self.position(node), 0)
        return self.settled(layout.number, places, self.row_shape(node), name_of(node))


def shape_of(node: Call) -> tuple[int, ...]:
    """Of a recorded tensor; of the first, where a call gives several."""
    value = node.meta["val"]
    return tuple((value if isinstance(value, Tensor) else value[0]).shape)


def name_of(node: Call) -> str:
    """`aten.mul` of a recorded call, or of one of torch's `prims`, of which calls are decomposed."""
    target = node.target
    name = str(target.overloadpacket) if isinstance(target, torch._ops.OpOverload) else str(target)
    return name.replace("prims.", "aten.", 1)
