"""A recorded step, call by call, as a program."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx
from torch._subclasses.fake_tensor import FakeTensor

from recurra.program.errors import Untraceable
from recurra.program.program import Program
from recurra.program.value import Arg
from recurra.tracing.aten.importer import HANDLERS, Importer, Layout, name_of, shape_of
from recurra.tracing.aten.sources import fill_of, is_shape_only

FOREIGN = (
    "the step uses a tensor that is neither parameter nor buffer, nor made of such by torch: register it as "
    "a buffer"
)


def import_step(
    recorded: fx.GraphModule, batch: int, weights: list[str], states: list[str], dtype: torch.dtype
) -> Program:
    """The program of a recorded step.

    Args:
        recorded: what torch recorded of `(*weights, x, *states) -> (y, *next states)`.
        batch: how many rows it was recorded with.
        weights, states: names, in the order of the arguments.
        dtype: type of rows.

    Raises:
        Untraceable: the step does what no program can hold.
    """
    of = Importer(batch, dtype)
    leaves = iter([*(("fixed", name) for name in weights), ("x", "x"), *(("state", name) for name in states)])
    numbers: dict[tuple[str, str], int] = {}
    outputs: list[fx.Node] = []
    for node in recorded.graph.nodes:
        recorded.meta["node"] = node  # for who tells of a refusal
        if node.op == "placeholder":
            kind, name = next(leaves)
            shape = tuple(node.meta["val"].shape)
            numbers[kind, name] = of.leaf(kind, name, shape if kind == "fixed" else shape[1:])
            of.numbers[node] = numbers[kind, name]
        elif node.op == "output":
            outputs = list(node.args[0])
        elif node.op == "get_attr":
            of.numbers[node] = of.constant(_constant(recorded, node))
        elif node.target is operator.getitem:
            parts = of.numbers[node.args[0]]
            if not isinstance(parts, (int, Layout)):
                # a result that no program can hold (the second output of a norm) fails only where it is used
                if node.args[1] < len(parts):
                    of.numbers[node] = parts[node.args[1]]
            else:
                number = of.number(node.args[0])
                of.numbers[node] = of.fixed("getitem", node.args[1], (number,), tuple(node.meta["val"].shape))
        elif name_of(node) == "aten.copy_":
            of.numbers[node] = _overwrite(of, node)
        else:
            of.numbers[node] = _call(of, node)
    for name, node in zip(["y", *states], outputs, strict=True):
        if not of.is_row(node):
            raise Untraceable(f"{name} is the same for every row")
        if node.meta["val"].dtype != dtype:
            raise Untraceable(f"{name} is {node.meta['val'].dtype} after the step, the weights are {dtype}")
    y, *next_states = (of.number(node) for node in outputs)
    return Program(
        tuple(of.values),
        numbers["x", "x"],
        {name: numbers["state", name] for name in states},
        dict(zip(states, next_states, strict=True)),
        y,
    )


def _constant(recorded: fx.GraphModule, node: fx.Node) -> Tensor:
    """A tensor that the step makes of numbers in its Python; torch marks those, and no others, as fresh."""
    tensor = getattr(recorded, str(node.target), None)
    fresh = all(name_of(user) == "aten.lift_fresh_copy" for user in node.users)
    if not isinstance(tensor, Tensor) or isinstance(tensor, FakeTensor) or not fresh:
        raise Untraceable(FOREIGN)
    return tensor.cpu()


def _overwrite(of: Importer, node: fx.Node) -> int:
    """What torch's composite calls write over a tensor that they have just made: it is that from then on."""
    target, source = node.args[:2]
    assert isinstance(target, fx.Node)
    if target.op == "placeholder":
        raise Untraceable("the step changes its input or a weight in place")
    if isinstance(of.numbers[target], Layout) or shape_of(source) != shape_of(target):
        raise Untraceable("the step changes a part of a tensor in place")
    of.numbers[target] = number = of.number(source)
    return number


def _call(of: Importer, node: fx.Node) -> Any:
    tensors = list(node.all_input_nodes)
    missing = next((tensor for tensor in tensors if tensor not in of.numbers), None)
    if missing is not None:
        raise Untraceable(f"{name_of(missing)} is used in a way that a program can't hold")
    value: Any = node.meta.get("val")
    makes_rows = isinstance(value, Tensor) and of.batch in value.shape
    if makes_rows or (any(of.is_row(tensor) for tensor in tensors) and not is_shape_only(node)):
        handler = HANDLERS.get(name_of(node))
        if handler is None:
            raise Untraceable(f"{name_of(node)} is no operation on rows that a program knows")
        return handler(of, node)
    # work on weights alone is left to torch as it is
    args = tuple(of.number(tensor) for tensor in tensors)
    shape = tuple(value.shape) if isinstance(value, Tensor) else ()
    if is_shape_only(node):
        kind = {"dtype": value.dtype, "device": value.device}
        return of.fixed("aten.full.default", ((list(shape), fill_of(node)), kind), (), shape)
    places = {tensor: Arg(k) for k, tensor in enumerate(tensors)}
    template: Any = fx.map_arg((tuple(node.args), dict(node.kwargs)), places.__getitem__)  # type: ignore[arg-type]
    return of.fixed(str(node.target), template, args, shape)
