"""The one door into the loop over time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor

from recurra.cells.base import Cell, cell_of
from recurra.engines import run_opaque, strict, strictly
from recurra.errors import Fault
from recurra.loop.arguments import as_flags, as_rows, as_state, check_input
from recurra.loop.checkpoint import require_every, run_checkpointed
from recurra.loop.compiled import recordable, run_recorded, watched_while_recorded
from recurra.loop.interception import Passage, interceptor_of_thread
from recurra.loop.opaque import run_cell
from recurra.loop.plan import Plan, plan_of
from recurra.loop.recorded_state import as_recorded_state
from recurra.loop.run import Run, engine_for, prepare, run_ready
from recurra.loop.watch import current_watch
from recurra.loop.weights import Weights
from recurra.program import Untraceable
from recurra.ragged import Ragged
from recurra.recording import jit_records, refuse_script, shape_of, sizes_fixed, unrecorded
from recurra.state import map_state, named_leaves, with_leaves

Rows = TypeVar("Rows", Ragged, Tensor)


def scan(
    cell: Cell,
    x: Rows,
    state: Any = None,
    *,
    reverse: bool = False,
    resets: Ragged | Tensor | None = None,
    strict: bool = False,
    checkpoint_every: int | None = None,
) -> tuple[Rows, Any]:
    """Runs a cell over time. What it means, for rows that are all full:

        def scan(cell, x, state=None, *, reverse=False, resets=None):
            state = cell.begin(cell.initial_state(len(x)) if state is None else state)
            y = [None] * x.shape[1]
            for t in reversed(range(len(y))) if reverse else range(len(y)):
                if resets is not None:  # leaf by leaf; what no step changes stays
                    state = where(resets[:, t], cell.initial_state(len(x)), state)
                y[t], state = cell.step(x[:, t], state)
            return torch.stack(y, 1), state

    A Ragged means the same for each row alone, over its own steps: a row of none keeps its first state. What
    does not depend on the state is computed before the loop or after it, over all of time at once, and the
    fastest engine that can runs the rest: `recurra.explain` says which.

    Args:
        x: a Ragged with data `[N, input_size]`, or a tensor `[B, T, input_size]` whose rows are all full; of
            the type and on the device of the cell's weights.
        state: what the first step starts from, leaves `[B, ...]` in the caller's order; None: the cell's
            initial state.
        reverse: from each row's last step to its first.
        resets: true where the state starts afresh *before* the step: of x's kind and layout, one flag a step,
            `[N]` or `[B, T]`, bool.
        strict: a Fault instead of a slower path; of gradients of gradients too, as they are asked for.
        checkpoint_every: the state is kept every so many steps, and what the backward pass needs besides is
            computed again, so that memory beyond y grows with this number and not with the time; None: all
            is kept. About the square root of the steps takes the least memory. What is drawn at random
            differs from a run without it.

    Returns:
        y of x's kind, `[N, output_size]` or `[B, T, output_size]`, and the state after each row's last step,
        leaves `[B, ...]` in the caller's order.

    Raises:
        Fault: x, state or resets of the wrong shape, type or device; a step that returns another state than
            it was given; with strict, a slower path than the fastest; checkpoint_every with a step that can't
            be run twice, or within a transform of torch.func.
    """
    require_every(checkpoint_every)
    if jit_records():
        with sizes_fixed():
            return _over_rows(cell, x, state, reverse, resets, strict, None)
    return _over_rows(cell, x, state, reverse, resets, strict, checkpoint_every)


def _over_rows(
    cell: Cell,
    x: Rows,
    state: Any,
    reverse: bool,
    resets: Ragged | Tensor | None,
    strict: bool,
    checkpoint_every: int | None,
) -> tuple[Rows, Any]:
    rows = as_rows(cell, x)
    flags = None if resets is None else as_flags(rows, resets)
    if strict or _strictly():
        _require_fast(id(cell))
    run = Run(rows.data, rows.batch_sizes, reverse, flags, checkpoint_every)
    recorded = torch.compiler.is_dynamo_compiling()
    watched = recorded and watched_while_recorded()
    if recorded and not watched and not (checkpoint_every and torch.is_grad_enabled()):
        y, final = _scan_recorded(cell, rows, run, state)
    else:
        unrecorded_way = _scan_watched if watched else _scan_unrecorded
        way = unrecorded_way if recorded else _scan_strictly if strict else _scan
        y, final = (_scan_jit if jit_records() else way)(cell, rows, run, state)
    result = rows.with_data(y)
    if isinstance(x, Ragged):
        return result, map_state(rows.unsort, final)
    batch, steps = shape_of(x)[:2]
    return y.reshape(steps, batch, y.shape[-1]).transpose(0, 1), map_state(rows.unsort, final)


scan.__prepare_scriptable__ = lambda: refuse_script("scan")  # type: ignore[attr-defined]


def run_layer(
    cell: Cell, weights: Mapping[str, Tensor], rows: Ragged, state: Any, reverse: bool
) -> tuple[Tensor, Any]:
    """As `scan`, with weights that the caller holds under the names of the cell's own.

    For modules that must keep weights under other names (`recurra.nn`).

    Args:
        weights: for each of the cell's parameters and buffers, a tensor of its shape.
        state: leaves `[B, ...]` in packed order.

    Returns:
        y `[N, output_size]`, and the state after each row's last step, both in packed order.

    Raises:
        Fault: as `scan`.
        Untraceable: the step has no program, and the cell's own weights are not the caller's.
    """
    check_input(cell, rows)
    plan = plan_of(cell)
    if strictly():
        _require_fast(id(cell))
    if plan.program is None:
        raise Untraceable(plan.reason)
    return _run(cell, plan, weights, rows, Run(rows.data, rows.batch_sizes, reverse), state)


def _scan(cell: Cell, rows: Ragged, run: Run, state: Any) -> tuple[Tensor, Any]:
    """y and the final state in packed order; `state` is the caller's."""
    plan = plan_of(cell)
    first = cell.initial_state(len(rows)) if state is None else state
    first = as_state(cell, plan.template, first, rows)
    first = cell.begin(first if state is None else map_state(rows.sort, first))
    return _run(cell, plan, Weights(cell), rows, run, first)


def _scan_jit(cell: Cell, rows: Ragged, run: Run, state: Any) -> tuple[Tensor, Any]:
    """As `_scan` for `torch.jit.trace`: the cell's own steps, one after the other, in torch's operations."""
    if current_watch() is not None:
        raise Fault("watching() sees no run that torch.jit records: record outside of it")
    plan = plan_of(cell)
    first = cell.initial_state(len(rows)) if state is None else state
    with unrecorded():
        first = as_state(cell, plan.template, first, rows)
    first = cell.begin(first if state is None else map_state(rows.sort, first))
    return run_cell(cell, plan, run, first)


def _scan_strictly(*args: Any) -> tuple[Tensor, Any]:
    with strict():
        return _scan(*args)


_scan_unrecorded = torch.compiler.disable(  # type: ignore[no-untyped-call]
    _scan,
    reason="checkpoint_every has no place in a recorded graph, which chooses itself what to compute again: "
    "leave it out, or compile without fullgraph=True, which leaves the layer out of the graph",
)


_scan_watched = torch.compiler.disable(  # type: ignore[no-untyped-call]
    _scan,
    reason="watching() sees no run of a recorded graph: compile without fullgraph=True, which leaves the "
    "layer out of the graph while it is watched",
)


_scan_outside = torch.compiler.disable(_scan)  # type: ignore[no-untyped-call]


def _scan_recorded(cell: Cell, rows: Ragged, run: Run, state: Any) -> tuple[Tensor, Any]:
    """As `_scan` where torch records a graph: of the plan only names and numbers may be looked at."""
    plan = recordable(id(cell))
    if plan.number < 0:
        return _scan_step(cell, rows, run, state, plan.reason)
    if state is None:
        first = cell.begin(cell.initial_state(len(rows)))
    else:
        first = cell.begin(map_state(rows.sort, as_recorded_state(cell, plan, state, rows)))
    starts = None if run.flags is None else _starts(cell)
    y, final = run_recorded(cell, plan, run, list(named_leaves(first).values()), starts)
    return y, with_leaves(first, final)


def _scan_unrolled(cell: Cell, rows: Ragged, run: Run, state: Any) -> tuple[Tensor, Any]:
    """As `_scan` where the step has no program, with nothing that a graph can't hold."""
    first = cell.initial_state(len(rows)) if state is None else map_state(rows.sort, state)
    starts = None if run.flags is None else _starts(cell)
    resets = None if run.flags is None or starts is None else (run.flags, starts)
    outputs, final = run_opaque(
        cell.step, run.x, cell.begin(first), run.batch_sizes, run.reverse, resets, type(cell).__name__
    )
    return torch.cat(outputs), final


def _scan_step(cell: Cell, rows: Ragged, run: Run, state: Any, reason: str) -> tuple[Tensor, Any]:
    """As `_scan_recorded` where the step has no program: outside of the graph."""
    if torch.compiler.is_exporting():  # what is exported is whole
        return _scan_unrolled(cell, rows, run, state)
    torch._dynamo.graph_break(
        msg=f"{type(cell).__name__} can't be compiled whole, its step has no program: {reason}"
    )
    return _scan_outside(cell, rows, run, state)  # type: ignore[no-any-return]


def _run(
    cell: Cell, plan: Plan, weights: Mapping[str, Tensor], rows: Ragged, run: Run, state: Any
) -> tuple[Tensor, Any]:
    """y and the final state; both states are trees in packed order."""
    interceptor = interceptor_of_thread()
    if interceptor is not None:
        own = partial(_run_whole, cell, plan, weights)
        return interceptor(Passage(cell, weights, rows, run, state, own))
    watch = current_watch()
    if watch is None or not torch.is_grad_enabled():
        return _run_whole(cell, plan, weights, run, state)
    x, state, norms = watch.follow(cell, rows, state, run.reverse, plan.program)
    y, final = _run_whole(cell, plan, weights, run._replace(x=x, norms=norms), state)
    norms.run.watch_output(y, watch.outputs)
    return y, final


def _run_whole(
    cell: Cell, plan: Plan, weights: Mapping[str, Tensor], run: Run, state: Any
) -> tuple[Tensor, Any]:
    """As `_run`, told where to leave norms or not at all."""
    if plan.program is None:
        return run_cell(cell, plan, run, state)
    ready = prepare(plan, weights, None if run.flags is None else _starts(cell))
    way = run_ready if run.every is None else run_checkpointed
    y, final = way(ready, run, list(named_leaves(state).values()))
    return y, with_leaves(state, final)


def _starts(cell: Cell) -> dict[str, Tensor]:
    """Name of a state -> `[...]` that a row of it starts afresh from."""
    return {name: leaf[0] for name, leaf in named_leaves(cell.initial_state(1)).items()}


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _strictly() -> bool:
    return strictly()


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _require_fast(cell_id: int) -> None:
    cell = cell_of(cell_id)
    _, refusals = engine_for(plan_of(cell), cell.example())
    if refusals:
        reasons = "; ".join(f"{name}: {why}" for name, why in refusals.items())
        raise Fault(f"{type(cell).__name__} would not run on the fastest path ({reasons})")
