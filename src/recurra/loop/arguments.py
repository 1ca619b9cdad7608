"""The arguments of a run over time, x, a state and resets: a Fault says in one line what does not fit."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.fx import Proxy

from recurra.cells.base import Cell
from recurra.errors import Fault
from recurra.ragged import Ragged
from recurra.recording import shape_of
from recurra.state import named_leaves, with_leaves

_AUTOCAST = {torch.float32, torch.bfloat16, torch.float16}


def as_rows(cell: Cell, x: Ragged | Tensor) -> Ragged:
    """x as ragged rows that the cell can read.

    Args:
        x: a Ragged with data `[N, input_size]`, or a tensor `[B, T, input_size]`.

    Raises:
        Fault: x is neither, or see `check_input`.
    """
    who = type(cell).__name__
    if not isinstance(cell, Cell):
        raise Fault(f"scan runs a recurra.Cell over time, found a {who}: fold runs cells of trees")
    if isinstance(x, Ragged):
        check_input(cell, x)
        return x
    if isinstance(x, Proxy):
        raise Fault(
            f"{who}: torch.fx can't follow a loop over time: scan within recurra.Recurrent(cell), which is "
            f"one node of its graph"
        )
    if not isinstance(x, Tensor) or x.dim() != 3:
        kind = f"a tensor {list(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise Fault(f"{who}: x is {kind}, expected a Ragged or a tensor [batch, time, features]")
    rows = Ragged.from_dense(x)
    check_input(cell, rows)
    return rows


def check_input(cell: Cell, rows: Ragged) -> None:
    """Fault unless the rows are as wide as the cell reads, of its type and on its device."""
    who, data, width = type(cell).__name__, rows.data, cell.required("input_size")
    _, *sizes = shape_of(data)
    if sizes != [width]:
        raise Fault(f"{who}: x has {sizes} numbers a step, expected [{width}] (input_size)")
    like = cell.example()
    if not compatible(data, like):
        raise Fault(f"{who}: x is {data.dtype}, its weights are {like.dtype}: convert one of them")
    if data.device != like.device:
        raise Fault(f"{who}: x is on {data.device}, its weights are on {like.device}: move one of them")


def as_state(cell: Cell, template: Any, state: Any, rows: Ragged) -> Any:
    """The state, in the cell's own types, if it has a row for each of x's.

    Args:
        template: a state of no rows, for its names, types and the shape of one row.
        state: a tree with leaves `[B, ...]`, B of x's rows.

    Raises:
        Fault: another tree, or a leaf of another shape, type or device.
    """
    try:
        leaves = named_leaves(state)
    except Fault:
        raise Fault(foreign_state(type(cell).__name__, template, type(state).__name__)) from None
    require_leaves(type(cell).__name__, template, leaves, len(rows), rows.data.device)
    return with_leaves(template, leaves.values())


def foreign_state(who: str, template: Any, kind: str) -> str:
    """Says that a state is no tree of tensors."""
    return f"{who}: the state is a {kind}, expected {_described(template)}"


def require_leaves(
    who: str, template: Any, leaves: dict[str, Tensor], rows: int, device: torch.device
) -> None:
    """Fault unless these are the leaves of a state for so many rows, on x's device; see `as_state`."""
    expected = named_leaves(template)
    if list(leaves) != list(expected):
        raise Fault(f"{who}: the state has {list(leaves) or 'no fields'}, expected {_described(template)}")
    for name, leaf in leaves.items():
        like = expected[name]
        if leaf.shape != (rows, *like.shape[1:]):
            raise Fault(
                f"{who}: state {name} has shape {list(leaf.shape)}, expected "
                f"{[rows, *like.shape[1:]]}, a row for each of x's"
            )
        if not compatible(leaf, like):
            raise Fault(f"{who}: state {name} is {leaf.dtype}, expected {like.dtype}: convert it")
        if leaf.device != device:
            raise Fault(f"{who}: state {name} is on {leaf.device}, x on {device}: move one of them")


def compatible(t: Tensor, like: Tensor) -> bool:
    """Whether a tensor may stand where one of `like`'s type is computed with: of that type, or, under
    autocast, of another of those that it converts.
    """
    if t.dtype == like.dtype:
        return True
    return {t.dtype, like.dtype} <= _AUTOCAST and torch.is_autocast_enabled(t.device.type)


def as_flags(rows: Ragged, resets: Ragged | Tensor) -> Tensor:
    """`[N]` bool: the resets, `[N]` or `[B, T]`, if there is one for each step of x; else a Fault."""
    if not isinstance(resets, (Ragged, Tensor)) or (isinstance(resets, Tensor) and resets.dim() != 2):
        kind = f"a tensor {list(resets.shape)}" if isinstance(resets, Tensor) else type(resets).__name__
        raise Fault(f"resets is {kind}, expected one bool for each step of x: a Ragged or [batch, time]")
    packed = resets if isinstance(resets, Ragged) else Ragged.from_dense(resets)
    flags = packed.data
    same = packed.batch_sizes == rows.batch_sizes and _same_order(packed.order, rows.order)
    if not same or flags.dim() != 1 or flags.dtype != torch.bool or flags.device != rows.data.device:
        raise Fault(
            f"resets is {packed!r} on {flags.device}, expected one bool for each step of x "
            f"({rows!r} on {rows.data.device}), its rows in the same order"
        )
    return flags


def _described(template: Any) -> str:
    return f"a {type(template).__name__} with {', '.join(named_leaves(template)) or 'no fields'}"


def _same_order(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return one is other or torch.equal(one, other)
