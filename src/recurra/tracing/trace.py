"""A step in plain PyTorch -> a program, checked against the step before anyone uses it."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils.parametrize import cached

from recurra.errors import Fault
from recurra.program.errors import LeavesMarks, RowsMixed, Untraceable
from recurra.program.program import Program
from recurra.program.value import Arg
from recurra.state import named_leaves, replace_leaves, require_step
from recurra.tracing.aten import HANDLERS, Importer, name_of
from recurra.tracing.check import check
from recurra.tracing.isolation import apart, plain_torch, stand_in
from recurra.tracing.side_effects import StepOf, refuse_hooks, unmarked

_BATCHES = (211, 307, 401, 503, 601, 701, 809, 907, 1009, 7919)
"""Rows to trace with: the first prime that divides no weight's size, so that a size tells what it is; small,
for a step that goes over rows in Python is slow to trace."""

_FOREIGN = "the step uses a tensor that is neither parameter nor buffer: register it as a buffer"


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
    other = apart(module)
    if other is not None:
        try:
            return _trace(other, input_size, state)
        except Untraceable as error:
            if str(error) != _FOREIGN:
                raise
    # what the step reads through a closure is not the copy's: the module itself knows it for its own
    return _trace(module, input_size, state)


def _trace(module: nn.Module, input_size: int, state: Any) -> Program:
    leaves = named_leaves(state)
    like = example(module, leaves)
    for name, leaf in leaves.items():
        if leaf.dim() != 2:
            raise Untraceable(f"state {name} has {leaf.dim() - 1} dimensions a row, a program's has one")
        if leaf.dtype != like.dtype:
            raise Untraceable(f"state {name} is {leaf.dtype}, a program's is as the weights: {like.dtype}")
    with plain_torch(like.device):
        weights = {name: stand_in(tensor) for name, tensor in fixed_leaves(module).items()}
        sizes = {size for tensor in weights.values() for size in tensor.shape} | {input_size}
        first, second = [prime for prime in _BATCHES if all(size % prime for size in sizes if size)][:2]
        step = _StepOver(module, weights, input_size, state, like)
        try:
            program = _read(step, first)
        except RowsMixed:  # or else some width happens to be the number of rows
            program = _read(step, second)
    return program


class _StepOver(NamedTuple):
    """A step, and what it is recorded with."""

    module: nn.Module
    weights: dict[str, Tensor]
    input_size: int
    state: Any
    like: Tensor


def _read(step: _StepOver, batch: int) -> Program:
    module, weights, input_size, state, like = step
    recorded = _record(step, batch, 1)
    draws = _draws_for_weights(recorded, batch)
    if draws and _draws_for_weights(_record(step, batch, 2), batch) > draws:
        raise Untraceable("the step draws random numbers for its weights, anew at every step")
    try:
        program = _import(recorded, batch, list(weights), list(named_leaves(state)), like.dtype)
        check(program, module, weights, input_size, state)
    except (Fault, Untraceable):
        raise
    except Exception as error:  # a step beyond what the importer foresees still runs, as a plain loop
        raise Untraceable(f"the step could not be checked as a program: {_first_line(error)}") from error
    return program


def _record(over: _StepOver, batch: int, steps: int) -> fx.GraphModule:
    """What torch records of the first steps of a run. Parametrized weights are worked out once a run."""
    module, weights, input_size, state, like = over
    leaves = named_leaves(state)
    x = torch.zeros(batch, input_size, dtype=like.dtype, device=like.device)
    expanded = {name: leaf.new_zeros(batch, leaf.shape[1]) for name, leaf in leaves.items()}

    def step(fixed: dict[str, Tensor], x: Tensor, *held: Tensor) -> tuple[Tensor, ...]:
        given = replace_leaves(state, dict(zip(leaves, held, strict=True)))
        after, named = given, {f"module.{name}": weight for name, weight in fixed.items()}
        with cached():
            for _ in range(steps):
                made = torch.func.functional_call(_Unmarked(module), named, (x, after))
                y, after = require_step(made, batch, given, type(module).__name__)
        return (y, *named_leaves(after).values())

    functional = torch.func.functionalize(step, remove="mutations")
    try:
        with torch.no_grad():
            return make_fx(functional, tracing_mode="fake")(weights, x, *expanded.values())
    except (Fault, LeavesMarks):
        raise
    except Exception as error:  # torch raises many kinds here; each is a reason, never swallowed
        raise Untraceable(_reason(error, batch)) from error


def fixed_leaves(module: nn.Module) -> dict[str, Tensor]:
    """Name -> parameter or buffer, in a stable order."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def example(module: nn.Module, leaves: dict[str, Tensor]) -> Tensor:
    """A tensor whose type and device rows made by the step have."""
    floating = [
        t for t in (*module.parameters(), *leaves.values(), *module.buffers()) if t.is_floating_point()
    ]
    return floating[0] if floating else torch.empty(0)


def _draws_for_weights(recorded: fx.GraphModule, batch: int) -> int:
    """How many recorded calls draw random numbers that are no rows."""
    return sum(
        torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ())
        and tuple(node.meta["val"].shape[:1]) != (batch,)
        for node in recorded.graph.nodes
    )


class _Unmarked(StepOf):
    """Refuses a step that changes its module's attributes."""

    def forward(self, x: Tensor, state: Any) -> Any:
        with unmarked(self.module) as found:
            made = super().forward(x, state)
        if found:
            raise LeavesMarks(frozenset(found))
        return made


def _import(
    recorded: fx.GraphModule, batch: int, weights: list[str], states: list[str], dtype: torch.dtype
) -> Program:
    of = Importer(batch, dtype)
    leaves = iter([*(("fixed", name) for name in weights), ("x", "x"), *(("state", name) for name in states)])
    numbers: dict[tuple[str, str], int] = {}
    outputs: list[fx.Node] = []
    for node in recorded.graph.nodes:
        if node.op == "placeholder":
            kind, name = next(leaves)
            shape = tuple(node.meta["val"].shape)
            numbers[kind, name] = of.leaf(kind, name, shape if kind == "fixed" else shape[1:])
            of.of_node[node] = numbers[kind, name]
        elif node.op == "output":
            outputs = list(node.args[0])
        elif node.op == "get_attr":
            raise Untraceable(_FOREIGN)
        elif node.target is operator.getitem:
            parts = of.of_node[node.args[0]]
            if isinstance(parts, list):
                # a result that no program can hold (the second output of a norm) fails only where it is used
                if node.args[1] < len(parts):
                    of.of_node[node] = parts[node.args[1]]
            else:
                of.of_node[node] = of.fixed("getitem", node.args[1], (parts,), tuple(node.meta["val"].shape))
        elif "copy_" in name_of(node):
            raise Untraceable("the step changes its input or a weight in place")
        else:
            of.of_node[node] = _call(of, node)
    y, *after = outputs
    for name, node in zip(["y", *states], outputs, strict=True):
        if not of.is_row(node):
            raise Untraceable(f"{name} is the same for every row")
        if node.meta["val"].dtype != dtype:
            raise Untraceable(f"{name} is {node.meta['val'].dtype} after the step, the weights are {dtype}")
    return Program(
        tuple(of.values),
        numbers["x", "x"],
        {name: numbers["state", name] for name in states},
        {name: of.number(node) for name, node in zip(states, after, strict=True)},
        of.number(y),
    )


def _call(of: Importer, node: fx.Node) -> Any:
    tensors = list(node.all_input_nodes)
    missing = next((held for held in tensors if held not in of.of_node), None)
    if missing is not None:
        raise Untraceable(f"{name_of(missing)} is used in a way that a program can't hold")
    value: Any = node.meta.get("val")
    makes_rows = isinstance(value, Tensor) and value.dim() > 0 and value.shape[0] == of.batch
    if (any(of.is_row(held) for held in tensors) and not _shape_only(node)) or makes_rows:
        handler = HANDLERS.get(name_of(node))
        if handler is None:
            raise Untraceable(f"{name_of(node)} is no operation on rows that a program knows")
        return handler(of, node)
    # work on weights alone is left to torch as it is
    args = tuple(of.number(held) for held in tensors)
    shape = tuple(value.shape) if isinstance(value, Tensor) else ()
    if _shape_only(node):
        kind = {"dtype": value.dtype, "device": value.device}
        return of.fixed("aten.full.default", ((list(shape), _FILLS[name_of(node)](node)), kind), (), shape)
    places = {held: Arg(k) for k, held in enumerate(tensors)}
    template: Any = fx.map_arg((tuple(node.args), dict(node.kwargs)), places.__getitem__)  # type: ignore[arg-type]
    return of.fixed(str(node.target), template, args, shape)


_FILLS = {
    "aten.new_ones": lambda node: 1.0,
    "aten.new_zeros": lambda node: 0.0,
    "aten.new_full": lambda node: float(node.args[2]),
}


def _shape_only(node: fx.Node) -> bool:
    """Whether the call takes only type and device from its tensor."""
    return name_of(node) in _FILLS


def _reason(error: Exception, batch: int) -> str:
    first = _first_line(error)
    if "data-dependent" in first.lower() or "DataDependent" in type(error).__name__:
        return "the step's Python depends on the numbers in its tensors (an `if`, `.item()` or the like)"
    if "autograd.Function" in first:
        return "the step defines its own derivative (an autograd.Function)"
    if "FakeTensor" in first:
        return _FOREIGN
    return f"torch could not record the step: {first.replace(str(batch), 'batch')}"


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
