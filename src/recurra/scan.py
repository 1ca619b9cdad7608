"""The one door into the loop over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn.utils.parametrize import cached

from recurra.cells.base import Cell
from recurra.engines import Engine, choose, run_opaque
from recurra.errors import Fault
from recurra.plan import Plan, plan_of
from recurra.program.run import run_fixed, run_rows
from recurra.program.trace import fixed_leaves
from recurra.ragged import Ragged
from recurra.state import map_state, named_leaves, replace_leaves

Rows = TypeVar("Rows", Ragged, Tensor)
_STRICT: ContextVar[bool] = ContextVar("recurra.strict", default=False)


def scan(
    cell: Cell,
    x: Rows,
    state: Any = None,
    *,
    reverse: bool = False,
    resets: Ragged | Tensor | None = None,
    strict: bool = False,
) -> tuple[Rows, Any]:
    """Runs a cell over time.

    Args:
        x: a Ragged with data `[N, input_size]`, or a tensor `[B, T, input_size]` whose rows are all full.
        state: what the first step starts from, leaves `[B, ...]` in the caller's order; None: the cell's
        initial
            state.
        reverse: from each row's last step to its first.
        resets: true where the state starts afresh *before* the step: of x's kind and layout, one flag a step,
            `[N]` or `[B, T]`, bool.
        strict: a Fault instead of a slower path.

    Returns:
        y of x's kind, `[N, output_size]` or `[B, T, output_size]`, and the state after each row's last step,
        in the caller's order.

    Raises:
        Fault: x, state or resets of the wrong shape or type.
    """
    rows = x if isinstance(x, Ragged) else _dense(cell, x)
    _check_input(cell, rows)
    flags = None if resets is None else _flags(rows, resets)
    plan = plan_of(cell)
    given = (
        cell.initial_state(len(rows))
        if state is None
        else map_state(rows.sort, _checked(plan, cell, state, rows))
    )
    given = cell.begin(given)
    if strict or _STRICT.get():
        _require_fast(plan, cell, rows.data)
    y, final = _run(cell, plan, _Weights(cell), rows, given, reverse, flags)
    result = rows.with_data(y)
    back = result if isinstance(x, Ragged) else y.reshape(x.shape[1], x.shape[0], y.shape[-1]).transpose(0, 1)
    return back, map_state(rows.unsort, final)


def run_layer(
    cell: Cell, weights: Mapping[str, Tensor], rows: Ragged, state: Any, reverse: bool
) -> tuple[Tensor, Any]:
    """As `scan`, with weights that the caller holds under the names of the cell's own.

    For modules that must keep weights under other names (`recurra.nn`). State in packed order, in and out; y
    `[N, F]`.
    """
    _check_input(cell, rows)
    plan = plan_of(cell)
    if _STRICT.get():
        _require_fast(plan, cell, rows.data)
    return _run(cell, plan, weights, rows, state, reverse, None)


@contextmanager
def strict() -> Iterator[None]:
    """Within it every run over time that would take a slower path than the fastest is a Fault instead."""
    token = _STRICT.set(True)
    try:
        yield
    finally:
        _STRICT.reset(token)


def engine_for(plan: Plan, like: Tensor) -> tuple[Engine | None, dict[str, str]]:
    """The engine that would run a plan, and why faster ones would not; None: the plain loop around the
    step.
    """
    if plan.program is None:
        return None, {"program": plan.reason}
    chosen = choose(plan.program.loop, like)
    return chosen.engine, chosen.refusals


def _run(
    cell: Cell,
    plan: Plan,
    weights: Mapping[str, Tensor],
    rows: Ragged,
    state: Any,
    reverse: bool,
    flags: Tensor | None,
) -> tuple[Tensor, Any]:
    if plan.program is None:
        fresh = None if flags is None else (flags, cell.initial_state(1))
        with cached():  # a parametrized weight is computed, and a mask on it drawn, once a run
            made, final = run_opaque(
                cell.step, rows.data, state, rows.batch_sizes, reverse, fresh, type(cell).__name__
            )
        return torch.cat(made) if made else rows.data.new_zeros(0, cell.output_size), final
    program = plan.program
    held: dict[int, Any] = {}
    if flags is not None:
        program, number, initial = plan.resetting
        held[number] = flags.unsqueeze(1)
        start = named_leaves(cell.initial_state(1))
        held.update({initial[name]: leaf[0] for name, leaf in start.items()})
    values, loop = program.values, program.loop
    held[program.x] = rows.data
    for number, value in enumerate(values):
        if value.op == "fixed" and number not in held:
            held[number] = weights[value.attrs[0]]
    run_fixed(values, program.of_part("once"), held)
    count = len(rows.data)
    before = [n for n in program.of_part("before") if not values[n].is_leaf]
    leaves = named_leaves(state)
    like = next((leaf for leaf in leaves.values()), rows.data)
    run_rows(values, before, held, count, like)
    engine = choose(loop, like).engine
    result = engine.run(
        loop,
        [_rows_of(held[n], count, values[n].width) for n in loop.steps],
        [held[n] for n in loop.fixed],
        list(leaves.values()),
        rows.batch_sizes,
        reverse,
    )
    held.update(zip(loop.outputs, result.outputs, strict=True))
    run_rows(values, program.of_part("after"), held, count, like)
    y = _rows_of(held[program.y], count, values[program.y].width)
    return y, replace_leaves(state, dict(zip(leaves, result.states, strict=True)))


def _rows_of(value: Tensor, rows: int, width: int) -> Tensor:
    return value if value.shape == (rows, width) else value.expand(rows, width)


class _Weights(Mapping[str, Tensor]):
    """A cell's parameters and buffers as its step would read them now."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    def __getitem__(self, name: str) -> Tensor:
        *path, last = name.split(".")
        holder: Any = self._cell
        for part in path:
            holder = getattr(holder, part)
        found: Tensor = getattr(holder, last)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(fixed_leaves(self._cell))

    def __len__(self) -> int:
        return len(fixed_leaves(self._cell))


def _require_fast(plan: Plan, cell: Cell, like: Tensor) -> None:
    _, refusals = engine_for(plan, like)
    if refusals:
        reasons = "; ".join(f"{name}: {why}" for name, why in refusals.items())
        raise Fault(f"{type(cell).__name__} would not run on the fastest path ({reasons})")


def _dense(cell: Cell, x: Tensor) -> Ragged:
    if not isinstance(x, Tensor) or x.dim() != 3:
        found = f"a tensor {list(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise Fault(
            f"{type(cell).__name__}: x is {found}, expected a Ragged or a tensor [batch, time, features]"
        )
    return Ragged.from_dense(x)


def _check_input(cell: Cell, rows: Ragged) -> None:
    data = rows.data
    if data.dim() != 2 or data.shape[1] != cell.input_size:
        raise Fault(
            f"{type(cell).__name__}: x has {list(data.shape[1:])} numbers a step, expected "
            f"[{cell.input_size}] (input_size)"
        )
    like = cell.example()
    if data.dtype != like.dtype and not torch.is_autocast_enabled(data.device.type):
        raise Fault(
            f"{type(cell).__name__}: x is {data.dtype}, its weights are {like.dtype}: convert one of them"
        )
    if data.device != like.device:
        raise Fault(
            f"{type(cell).__name__}: x is on {data.device}, its weights are on {like.device}: move one "
            f"of them"
        )


def _checked(plan: Plan, cell: Cell, state: Any, rows: Ragged) -> Any:
    found = {name: tuple(leaf.shape) for name, leaf in named_leaves(state).items()}
    wanted = {name: (len(rows), *size) for name, size in plan.sizes.items()}
    if found != wanted:
        raise Fault(f"{type(cell).__name__}: the state given has shapes {found}, expected {wanted}")
    return state


def _flags(rows: Ragged, resets: Ragged | Tensor) -> Tensor:
    packed = resets if isinstance(resets, Ragged) else Ragged.from_dense(resets)
    flags = packed.data
    if packed.batch_sizes != rows.batch_sizes or flags.dim() != 1 or flags.dtype != torch.bool:
        raise Fault(f"resets is {packed!r}, expected one bool for each step of x ({rows!r})")
    return flags
