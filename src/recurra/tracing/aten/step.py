"""A recorded step, call by call, as a program."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx

from recurra.program.errors import Untraceable
from recurra.program.program import Program
from recurra.program.value import Arg
from recurra.tracing.aten.importer import HANDLERS, Importer, name_of
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
            raise Untraceable(FOREIGN)
        elif node.target is operator.getitem:
            parts = of.numbers[node.args[0]]
            if isinstance(parts, list):
                # a result that no program can hold (the second output of a norm) fails only where it is used
                if node.args[1] < len(parts):
                    of.numbers[node] = parts[node.args[1]]
            else:
                of.numbers[node] = of.fixed("getitem", node.args[1], (parts,), tuple(node.meta["val"].shape))
        elif "copy_" in name_of(node):
            raise Untraceable("the step changes its input or a weight in place")
        else:
            of.numbers[node] = _call(of, node)
    for name, node in zip(["y", *states], outputs, strict=True):
        if not of.is_row(node):
            raise Untraceable(f"{name} is the same for every row")
        if node.meta["val"].dtype != dtype:
            raise Untraceable(f"{name} is {node.meta['val'].dtype} after the step, the weights are {dtype}")
    y, *next_states = outputs
    return Program(
        tuple(of.values),
        numbers["x", "x"],
        {name: numbers["state", name] for name in states},
        {name: of.number(node) for name, node in zip(states, next_states, strict=True)},
        of.number(y),
    )


def _call(of: Importer, node: fx.Node) -> Any:
    tensors = list(node.all_input_nodes)
    missing = next((tensor for tensor in tensors if tensor not in of.numbers), None)
    if missing is not None:
        raise Untraceable(f"{name_of(missing)} is used in a way that a program can't hold")
    value: Any = node.meta.get("val")
    makes_rows = isinstance(value, Tensor) and value.dim() > 0 and value.shape[0] == of.batch
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
