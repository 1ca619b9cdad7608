"""A program's values computed with torch: the meaning that every engine must match."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from recurra.program.ops import OPS, SOURCES
from recurra.program.program import Program
from recurra.program.value import Arg, Value


def run_rows(
    values: tuple[Value, ...],
    numbers: Iterable[int],
    held: dict[int, Any],
    rows: int,
    like: Tensor,
    product: Callable[..., Tensor] = OPS["product"].run,
) -> None:
    """Computes `numbers` in order into `held` (number -> `[rows, width]`, or a fixed value).

    Args:
        rows: how many rows there are: all of time, or one step's.
        like: type and device of rows that come from nothing.
        product: what computes products.
    """
    for number in numbers:
        value = values[number]
        if value.op in SOURCES:
            held[number] = SOURCES[value.op](rows, value.width, like, *value.attrs)
        else:
            run = product if value.op == "product" else OPS[value.op].run
            held[number] = run(*(held[arg] for arg in value.args), *value.attrs)


def run_fixed(values: tuple[Value, ...], numbers: Iterable[int], held: dict[int, Any]) -> None:
    """Computes what is made of weights alone; leaves must be in `held` already."""
    for number in numbers:
        value = values[number]
        if value.is_leaf:
            continue
        target, template = value.attrs
        args = [held[arg] for arg in value.args]
        if target == "row_vector":
            (shape,) = template
            held[number] = args[0].reshape(1) if shape == (1,) else args[0].expand(1, *shape).reshape(-1)
        elif target == "getitem":
            held[number] = args[0][template]
        else:
            positional, named = fill(template, args)
            held[number] = operator(target)(*positional, **named)


def run_step(
    program: Program, weights: Mapping[str, Tensor], x: Tensor, state: Mapping[str, Tensor]
) -> list[Tensor]:
    """One step through the program: `[y, *next states]`."""
    held: dict[int, Any] = {program.x: x}
    held.update({number: state[name] for name, number in program.states.items()})
    for number, value in enumerate(program.values):
        if value.op == "fixed":
            held[number] = weights[value.attrs[0]]
    run_fixed(program.values, program.of_part("once"), held)
    for part in ("before", "inside", "after"):
        numbers = [n for n in program.of_part(part) if not program.values[n].is_leaf]
        run_rows(program.values, numbers, held, len(x), x)
    return [held[program.y], *(held[number] for number in program.next_states.values())]


def full_rows(value: Tensor, rows: int, width: int) -> Tensor:
    """A value that is a weight, or of width 1, as `[rows, width]`: a view of it."""
    return value if value.shape == (rows, width) else value.expand(rows, width)


@cache
def operator(target: str) -> Any:
    """`aten.t.default` -> torch's operator of that name."""
    found: Any = torch.ops
    for part in target.split("."):
        found = getattr(found, part)
    return found


def fill(template: Any, args: list[Any]) -> Any:
    """`template` with every `Arg` replaced by its argument."""
    if isinstance(template, Arg):
        return args[template.index]
    if isinstance(template, tuple):
        return tuple(fill(held, args) for held in template)
    if isinstance(template, list):
        return [fill(held, args) for held in template]
    if isinstance(template, dict):
        return {name: fill(held, args) for name, held in template.items()}
    return template
