"""A step in plain PyTorch -> a program, checked against the step before anyone uses it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx, nn

from recurra.errors import Fault
from recurra.program.errors import RowsMixed, Untraceable
from recurra.program.program import Program
from recurra.state import named_leaves
from recurra.tracing.aten import import_step
from recurra.tracing.aten.step import FOREIGN
from recurra.tracing.check import check
from recurra.tracing.isolation import apart, plain_torch, stand_in
from recurra.tracing.python_draws import python_draws
from recurra.tracing.record import StepExample, draws_for_weights, first_line, reason_of, record
from recurra.tracing.side_effects import refuse_hooks

_BATCHES = (211, 307, 401, 503, 601, 701, 809, 907, 1009, 7919)
"""Rows to trace with: the first prime that divides no weight's size, so that a size tells what it is; small,
for a step that goes over rows in Python is slow to trace."""


@contextmanager
def _reasons() -> Iterator[None]:
    """Whatever goes wrong while a step is read is a reason to run it as it is, where its own errors show."""
    try:
        yield
    except (Fault, Untraceable):
        raise
    except Exception as error:
        raise Untraceable(f"the step could not be read as a program: {first_line(error)}") from error


@_reasons()
def trace(module: nn.Module, input_size: int, state: Any) -> Program:
    """The program of `module.step(x, state)`.

    Args:
        module: has `step`; its parameters and buffers become the program's weights.
        input_size: width of x.
        state: a state of any number of rows, for its shapes and types.

    Raises:
        Untraceable: with the reason in words.
    """
    refuse_hooks(module)
    try:
        return _trace(apart(module), input_size, state)
    except Untraceable as error:
        if not str(error).startswith(FOREIGN):
            raise
    # what the step reads by a global name is not the copy's: the module itself knows it for its own
    return _trace(module, input_size, state)


def _trace(module: nn.Module, input_size: int, state: Any) -> Program:
    leaves = named_leaves(state)
    like = _example_of_rows(module, leaves)
    for name, leaf in leaves.items():
        if leaf.dim() < 2:
            raise Untraceable(f"state {name} has no dimension but the rows', a program's has one at least")
        if leaf.dtype != like.dtype:
            raise Untraceable(f"state {name} is {leaf.dtype}, a program's is as the weights: {like.dtype}")
    with plain_torch(like.device):
        weights = {name: stand_in(tensor) for name, tensor in fixed_leaves(module).items()}
        sizes = {size for tensor in weights.values() for size in tensor.shape} | {input_size}
        sizes |= {size for leaf in leaves.values() for size in leaf.shape[1:]}
        first, second = [prime for prime in _BATCHES if all(size % prime for size in sizes if size)][:2]
        example = StepExample(module, weights, input_size, state, like)
        try:
            program = _program(example, first)
        except RowsMixed:  # or else some width happens to be the number of rows
            program = _program(example, second)
    return program


def _program(example: StepExample, batch: int) -> Program:
    module, weights, input_size, state, like = example
    names = [*weights, "x", *named_leaves(state)]
    with python_draws() as generators:
        recorded = record(example, batch)
    if generators:
        with python_draws() as generators:  # another thread may have drawn, but hardly twice
            record(example, batch)
    if generators:
        raise Untraceable(
            f"the step draws numbers from {' and '.join(sorted(generators))}, which a program would do once: "
            f"draw them with torch"
        )
    draws = draws_for_weights(recorded, batch)
    if draws and draws_for_weights(record(example, batch, steps=2), batch) > draws:
        raise Untraceable("the step draws random numbers for its weights, anew at every step")
    try:
        program = import_step(recorded, batch, list(weights), list(named_leaves(state)), like.dtype)
        check(program, module, weights, input_size, state)
    except Fault:
        raise
    except Untraceable as error:
        raise type(error)(f"{error}{_described(recorded, names)}") from error
    except Exception as error:  # a step beyond what the importer foresees still runs, as a plain loop
        raise Untraceable(f"{reason_of(error, batch)}{_described(recorded, names)}") from error
    return program


def _described(recorded: fx.GraphModule, names: list[str]) -> str:
    """What the call that is no part of a program was in the user's own words: its line, or the name of what
    it writes over.
    """
    node = recorded.meta.get("node")
    if node is None or node.op == "output":
        return ""
    place = node.meta.get("place")
    if place is not None:
        return f" ({place})"
    target = node.args[0] if node.args else None
    inputs = [other for other in node.graph.nodes if other.op == "placeholder"]
    return f" ({names[inputs.index(target)]})" if target in inputs else ""


def fixed_leaves(module: nn.Module) -> dict[str, Tensor]:
    """Name -> parameter or buffer, in a stable order."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def _example_of_rows(module: nn.Module, leaves: dict[str, Tensor]) -> Tensor:
    """A tensor whose type and device rows made by the step have."""
    floating = [
        t for t in (*module.parameters(), *leaves.values(), *module.buffers()) if t.is_floating_point()
    ]
    return floating[0] if floating else torch.empty(0)
