"""The one door into the loop over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn.utils.parametrize import cached, is_parametrized

from recurra.cells.base import Cell, cell_of
from recurra.engines import Engine, choose, run_opaque, strict, strictly
from recurra.errors import Fault
from recurra.loop.arguments import as_flags, as_rows, as_state, check_input
from recurra.loop.checkpoint import Segment, require_every, run_checkpointed, run_opaque_checkpointed
from recurra.loop.compiled import recordable, run_recorded
from recurra.loop.plan import Plan, plan_of
from recurra.loop.run import Resets, prepare, run_ready
from recurra.ragged import Ragged
from recurra.state import map_state, named_leaves, replace_leaves, require_step, with_leaves
from recurra.tracing.side_effects import probe
from recurra.tracing.trace import fixed_leaves

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
    """Runs a cell over time.

    Args:
        x: a Ragged with data `[N, input_size]`, or a tensor `[B, T, input_size]` whose rows are all full.
        state: what the first step starts from, leaves `[B, ...]` in the caller's order; None: the cell's
        initial
            state.
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
        in the caller's order.

    Raises:
        Fault: x, state or resets of the wrong shape or type; checkpoint_every with a step that can't be run
            twice, or within a transform of torch.func.
    """
    require_every(checkpoint_every)
    rows = as_rows(cell, x)
    flags = None if resets is None else as_flags(rows, resets)
    if strict or _strictly():
        _require_fast(id(cell))
    recorded = torch.compiler.is_dynamo_compiling()
    if recorded and not (checkpoint_every and torch.is_grad_enabled()):
        y, final = _run_recorded(cell, rows, state, reverse, flags)
    else:
        run = _run_unrecorded if recorded else _run_strictly if strict else _run_now
        y, final = run(cell, rows, state, reverse, flags, checkpoint_every)
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
    check_input(cell, rows)
    plan = plan_of(cell)
    if strictly():
        _require_fast(id(cell))
    return _run(cell, plan, weights, rows, state, reverse, None)


def engine_for(plan: Plan, like: Tensor) -> tuple[Engine | None, dict[str, str]]:
    """The engine that would run a plan, and why faster ones would not; None: the plain loop around the
    step.
    """
    if plan.program is None:
        return None, {"program": plan.reason}
    chosen = choose(plan.program.loop, like)
    return chosen.engine, chosen.refusals


def _run_now(
    cell: Cell, rows: Ragged, state: Any, reverse: bool, flags: Tensor | None, every: int | None
) -> tuple[Tensor, Any]:
    plan = plan_of(cell)
    given = cell.initial_state(len(rows)) if state is None else state
    given = as_state(cell, plan.template, given, rows)
    given = cell.begin(given if state is None else map_state(rows.sort, given))
    return _run(cell, plan, _Weights(cell), rows, given, reverse, flags, every)


def _run_strictly(*args: Any) -> tuple[Tensor, Any]:
    with strict():
        return _run_now(*args)


_run_unrecorded = torch.compiler.disable(  # type: ignore[no-untyped-call]
    _run_now,
    reason="checkpoint_every has no place in a recorded graph, which chooses itself what to compute again: "
    "leave it out, or compile without fullgraph=True, which leaves the layer out of the graph",
)


def _run(
    cell: Cell,
    plan: Plan,
    weights: Mapping[str, Tensor],
    rows: Ragged,
    state: Any,
    reverse: bool,
    flags: Tensor | None,
    every: int | None = None,
) -> tuple[Tensor, Any]:
    if plan.program is None:
        made, final = _run_opaque(cell, plan, rows, state, reverse, flags, every)
        return torch.cat(made) if made else rows.data.new_zeros(0, cell.output_size), final
    resets = None if flags is None else Resets(flags, _fresh(cell))
    leaves = named_leaves(state)
    ready = prepare(plan, weights, resets)
    given = (ready, rows.data, flags, list(leaves.values()), rows.batch_sizes, reverse)
    y, after = run_ready(*given) if every is None else run_checkpointed(*given, every)
    return y, with_leaves(state, after)


def _run_opaque(
    cell: Cell,
    plan: Plan,
    rows: Ragged,
    state: Any,
    reverse: bool,
    flags: Tensor | None,
    every: int | None,
) -> tuple[list[Tensor], Any]:
    """The plain loop around a step that has no program: one y for each step, or for each segment."""
    starts = None if flags is None else _starts(cell, rows.data)

    def run(part: Segment, state: Any) -> tuple[list[Tensor], Any]:
        fresh = None if flags is None or starts is None else (flags[part.places], starts)
        x = rows.data[part.places]
        return run_opaque(cell.step, x, state, part.sizes, reverse, fresh, type(cell).__name__)

    if every is not None and torch.is_grad_enabled():
        if plan.marks or any(map(is_parametrized, cell.modules())):
            why = plan.reason if plan.marks else "its weights are parametrized"
            raise Fault(f"{type(cell).__name__}: checkpoint_every would run its step twice, but {why}")
        return run_opaque_checkpointed(run, state, rows.batch_sizes, reverse, every)
    with cached():  # a parametrized weight is computed, and a mask on it drawn, once a run
        return run(Segment(slice(None), rows.batch_sizes), state)


def _run_recorded(
    cell: Cell, rows: Ragged, state: Any, reverse: bool, flags: Tensor | None
) -> tuple[Tensor, Any]:
    """As above where torch records a graph: of the plan only names and numbers may be looked at."""
    known = recordable(id(cell))
    if known.number < 0:
        raise Fault(f"{type(cell).__name__} can't be compiled whole, its step has no program: {known.reason}")
    given = cell.begin(cell.initial_state(len(rows)) if state is None else map_state(rows.sort, state))
    resets = None if flags is None else Resets(flags, _fresh(cell))
    leaves = named_leaves(given)
    y, after = run_recorded(cell, known, rows.data, list(leaves.values()), rows.batch_sizes, reverse, resets)
    return y, replace_leaves(given, dict(zip(leaves, after, strict=True)))


def _fresh(cell: Cell) -> dict[str, Tensor]:
    """Name -> `[width]` that a state starts afresh from."""
    return {name: leaf[0] for name, leaf in named_leaves(cell.initial_state(1)).items()}


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _strictly() -> bool:
    return strictly()


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


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _require_fast(number: int) -> None:
    cell = cell_of(number)
    _, refusals = engine_for(plan_of(cell), cell.example())
    if refusals:
        reasons = "; ".join(f"{name}: {why}" for name, why in refusals.items())
        raise Fault(f"{type(cell).__name__} would not run on the fastest path ({reasons})")


def _starts(cell: Cell, like: Tensor) -> dict[str, Tensor]:
    """Name -> `[1, ...]` that a leaf starts afresh from; leaves that no step changes stay."""
    start = cell.initial_state(1)
    made = probe(cell, like.new_zeros(1, cell.input_size), start)
    _, after = require_step(made, 1, start, type(cell).__name__)
    later = named_leaves(after)
    return {name: leaf for name, leaf in named_leaves(start).items() if later[name] is not leaf}
