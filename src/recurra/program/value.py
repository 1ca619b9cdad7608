"""What a traced step is made of: numbered values, each a leaf or one operation on earlier values."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

LEAVES = frozenset({"x", "state", "fixed", "reset"})
"""`x`: the step's input. `state`: what the previous step left. `fixed`: a weight, the same for every row and
step. `reset`: one flag a row and step, true where the state starts afresh."""


@dataclass(frozen=True, slots=True)
class Arg:
    """In the constants of work on weights: stands for the value `args[index]`."""

    index: int


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a program.

    Attributes:
        op: a leaf's kind (`LEAVES`), `aten` for work on weights alone, or a name of
            `recurra.program.ops.OPS`.
        args: the values it is computed from, by number.
        attrs: constants of the operation (a slope, the ends of a slice, a leaf's name).
        shape: of one row, the batch dimension left out; for a fixed value its whole shape.
        fixed: whether it is the same for every row and step (made of weights alone).
    """

    op: str
    args: tuple[int, ...]
    attrs: tuple[Any, ...]
    shape: tuple[int, ...]
    fixed: bool = False

    @property
    def width(self) -> int:
        """Numbers in one row."""
        return math.prod(self.shape)

    @property
    def is_leaf(self) -> bool:
        return self.op in LEAVES


def ancestors(
    args_of: Callable[[int], Iterable[int]], roots: Iterable[int], stop: frozenset[int] = frozenset()
) -> frozenset[int]:
    """What `roots` are computed from, themselves included; not beyond `stop`.

    Args:
        args_of: the numbers that a number is computed from.
    """
    numbers: set[int] = set()
    stack = list(roots)
    while stack:
        number = stack.pop()
        if number not in numbers:
            numbers.add(number)
            if number not in stop:
                stack.extend(args_of(number))
    return frozenset(numbers)
