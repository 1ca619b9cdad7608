"""A step that has no program, over time: nothing leaves the loop, which calls it as it is."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.parametrize import is_parametrized

from recurra.cells.base import Cell
from recurra.engines import run_opaque
from recurra.errors import Fault
from recurra.loop.checkpoint import checkpoint_opaque
from recurra.loop.plan import Plan
from recurra.loop.run import Run
from recurra.state import named_leaves, require_step
from recurra.tracing.parametrized import once_a_run
from recurra.tracing.side_effects import probe


def run_cell(cell: Cell, plan: Plan, run: Run, state: Any) -> tuple[Tensor, Any]:
    """The whole run of a cell whose plan has no program.

    Args:
        state: a tree with leaves `[B, ...]`, in packed order.

    Returns:
        y `[N, output_size]`, and the state after each row's last step, both in packed order.

    Raises:
        Fault: with `run.every`, where the step can't be run twice.
    """
    name = type(cell).__name__
    starts = None if run.flags is None else _starts(cell, run.x)

    def loop(run: Run, state: Any) -> tuple[list[Tensor], Any]:
        resets = None if run.flags is None or starts is None else (run.flags, starts)
        return run_opaque(cell.step, run.x, state, run.batch_sizes, run.reverse, resets, name, run.norms)

    if run.every is not None and torch.is_grad_enabled():
        if plan.marks or any(map(is_parametrized, cell.modules())):
            why = plan.reason if plan.marks else "its weights are parametrized"
            raise Fault(f"{name}: checkpoint_every would run its step twice, but {why}")
        outputs, final = checkpoint_opaque(loop, run, run.every, state)
    else:
        with once_a_run(cell):
            outputs, final = loop(run, state)
    return torch.cat(outputs) if outputs else run.x.new_zeros(0, cell.output_size), final


def _starts(cell: Cell, like: Tensor) -> dict[str, Tensor]:
    """Name -> `[1, ...]` that a leaf starts afresh from; leaves that no step changes stay."""
    state = cell.initial_state(1)
    outputs = probe(cell, like.new_zeros(1, cell.input_size), state)
    _, next_state = require_step(outputs, 1, state, type(cell).__name__)
    next_leaves = named_leaves(next_state)
    return {name: leaf for name, leaf in named_leaves(state).items() if next_leaves[name] is not leaf}
