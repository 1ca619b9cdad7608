"""A program's values computed with torch: the meaning that every engine must match."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor

from recurra.program.ops import OPS, SOURCES
from recurra.program.program import Program
from recurra.program.value import Arg, Value


def run_rows(
    values: tuple[Value, ...],
    numbers: Iterable[int],
    tensors: dict[int, Any],
    rows: int,
    like: Tensor,
    product: Callable[..., Tensor] = OPS["product"].run,
) -> None:
    """Computes `numbers` in order into `tensors`.

    Args:
        tensors: number -> `[rows, width]`, or a fixed value; holds already what the numbers are made of.
        rows: how many rows there are: all of time, or one step's.
        like: type and device of rows that come from nothing.
        product: what computes products.
    """
    for number in numbers:
        value = values[number]
        args = (rows, value.width, like) if value.op in SOURCES else [tensors[arg] for arg in value.args]
        run = product if value.op == "product" else OPS[value.op].run
        tensors[number] = run(*args, *value.attrs)


def run_fixed(values: tuple[Value, ...], numbers: Iterable[int], tensors: dict[int, Any]) -> None:
    """Computes what is made of weights alone into `tensors`, where the leaves must be already."""
    for number in numbers:
        value = values[number]
        if value.is_leaf:
            continue
        target, template = value.attrs
        args = [tensors[arg] for arg in value.args]
        if target == "row_vector":
            (shape,) = template
            tensors[number] = args[0].reshape(1) if shape == (1,) else args[0].expand(1, *shape).reshape(-1)
        elif target == "constant":
            numbers, shape, dtype = template
            tensors[number] = torch.tensor(numbers, dtype=dtype, device="cpu").reshape(shape)
        elif target == "columns":
            tensors[number] = columns_of(args[0], *template)
        elif target == "getitem":
            tensors[number] = args[0][template]
        else:
            positional, named = substitute(template, args)
            tensors[number] = operator(target)(*positional, **named)


def run_step(
    program: Program, weights: Mapping[str, Tensor], x: Tensor, state: Mapping[str, Tensor]
) -> list[Tensor]:
    """One step through the program.

    Args:
        weights: name -> tensor, for every leaf `fixed`.
        x: `[rows, input_size]`.
        state: name -> `[rows, width]`.

    Returns:
        `[y, *next states]`, the states in the program's order.
    """
    tensors: dict[int, Any] = {program.x: x}
    tensors.update({number: state[name] for name, number in program.states.items()})
    for number, value in enumerate(program.values):
        if value.op == "fixed":
            tensors[number] = weights[value.attrs[0]]
    run_fixed(program.values, program.of_part("once"), tensors)
    for part in ("before", "inside", "after"):
        numbers = [n for n in program.of_part(part) if not program.values[n].is_leaf]
        run_rows(program.values, numbers, tensors, len(x), x)
    return [tensors[program.y], *(tensors[number] for number in program.next_states.values())]


def columns_of(index: Tensor, width: int, dtype: torch.dtype) -> Tensor:
    """Numbers of columns of a row of that width, from its end where they are negative, as a loop reads them.

    Raises:
        IndexError: there is no such column.
    """
    if not torch.compiler.is_compiling() and not isinstance(index, FakeTensor):
        outside = index[(index < -width) | (index >= width)]
        if len(outside):
            raise IndexError(f"column {int(outside[0])} of a row of {width} numbers")
    whole = torch.where(index < 0, index + width, index)
    # a loop's vectors are of the type of its rows; a narrow one can't hold the numbers of all columns
    return whole.to(dtype) if dtype in (torch.float32, torch.float64) else whole


def flat_rows(value: Tensor) -> Tensor:
    """`[rows, ...]` as programs have it, `[rows, width]`: a view where it can be."""
    return value if value.dim() == 2 else value.flatten(1)


def full_rows(value: Tensor, rows: int, width: int) -> Tensor:
    """A value that is a weight, or of width 1, as `[rows, width]`: a view of it."""
    return value if value.shape == (rows, width) else value.expand(rows, width)


@cache
def operator(target: str) -> Any:
    """`aten.t.default` -> torch's operator of that name."""
    place: Any = torch.ops
    for part in target.split("."):
        place = getattr(place, part)
    return place


def substitute(template: Any, args: list[Any]) -> Any:
    """`template` with every `Arg` replaced by its argument."""
    if isinstance(template, Arg):
        return args[template.index]
    if isinstance(template, tuple):
        return tuple(substitute(part, args) for part in template)
    if isinstance(template, list):
        return [substitute(part, args) for part in template]
    if isinstance(template, dict):
        return {name: substitute(part, args) for name, part in template.items()}
    return template
