"""What every handler of a recorded call works with: the values so far, and the shapes of rows.

A handler takes the importer and one recorded call, and answers with the number of the value that it makes (or
a list of numbers where the call gives several tensors). A call with no handler makes the step untraceable, by
name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import fx

from recurra.program.errors import RowsMixed, Untraceable
from recurra.program.value import Arg, Value

Result = int | list[int]
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
        numbers: recorded call -> number of its value, or numbers where it gives several tensors.
    """

    def __init__(self, batch: int, dtype: torch.dtype) -> None:
        self.batch = batch
        self.dtype = dtype
        self.values: list[Value] = []
        self.numbers: dict[fx.Node, Result] = {}

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
        return len(self.values) - 1

    # reading arguments

    def number(self, node: Any) -> int:
        number = self.numbers[node]
        if isinstance(number, list):
            raise Untraceable(f"{node} is several tensors where one was expected")
        return number

    def value(self, node: Any) -> Value:
        return self.values[self.number(node)]

    def is_row(self, node: Any) -> bool:
        if not isinstance(node, fx.Node):
            return False
        number = self.numbers[node]
        first = number if isinstance(number, int) else number[0]
        return not self.values[first].fixed

    def row_shape(self, node: Call) -> tuple[int, ...]:
        """The shape of one row of a recorded result; refuses what mixes rows."""
        shape = tuple(node.meta["val"].shape)
        if not shape or shape[0] != self.batch or self.batch in shape[1:]:
            text = "[" + ", ".join("batch" if size == self.batch else str(size) for size in shape) + "]"
            raise RowsMixed(f"{name_of(node)} does not keep rows apart (result of shape {text})")
        return shape[1:]

    def operand(self, node: Call, shape: tuple[int, ...]) -> int:
        """What can stand beside rows of `shape`: rows of that shape or of width 1, or a fixed vector."""
        index = self.number(node)
        value = self.values[index]
        if not value.fixed:
            if value.shape == shape or value.width == 1:
                return index
            raise Untraceable(
                f"rows of shape {list(value.shape)} are spread over rows of shape {list(shape)}"
            )
        dtype = node.meta["val"].dtype
        if dtype not in (self.dtype, torch.bool):
            index = self.fixed("aten.to.dtype", ((Arg(0), self.dtype), {}), (index,), value.shape)
        if value.width == 1:
            return index if value.shape == (1,) else self.fixed("row_vector", ((1,),), (index,), (1,))
        if value.shape == shape and len(shape) == 1:
            return index
        return self.fixed("row_vector", (shape,), (index,), (math.prod(shape),))

    def cut(self, index: int, first: int, last: int, shape: tuple[int, ...] | None = None) -> int:
        """Neighbouring numbers of a row, as a row of `shape`."""
        shape = (last - first,) if shape is None else shape
        return self.add("slice", index, attrs=(first, last), shape=shape)


def name_of(node: Call) -> str:
    """`aten.mul` of a recorded call."""
    target = node.target
    return str(target.overloadpacket) if isinstance(target, torch._ops.OpOverload) else str(target)
