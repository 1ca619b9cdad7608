"""A plan's program over packed rows: tensors in, tensors out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from recurra.engines import LoopResult, choose
from recurra.loop.plan import Plan
from recurra.program import Program
from recurra.program.interpret import run_fixed, run_rows
from recurra.program.ops import OPS
from recurra.timing import AFTER, BEFORE, LOOP, part


class Resets(NamedTuple):
    """Where the state starts afresh, and from what: flags `[N]` (bool), name of a state -> `[width]`."""

    flags: Tensor
    starts: Mapping[str, Tensor]


class Ready(NamedTuple):
    """A program whose weights are known.

    Attributes:
        fixed: number -> what is made of weights alone.
        reset: the number of the flags, where the program has resets.
    """

    program: Program
    fixed: dict[int, Tensor]
    reset: int | None


def prepare(plan: Plan, weights: Mapping[str, Tensor], resets: Resets | None) -> Ready:
    """Computes, once a run, what is made of weights alone."""
    program, reset, held = plan.program, None, dict[int, Any]()
    assert program is not None
    if resets is not None:
        program, reset, initial = plan.resetting
        held.update({number: resets.starts[name] for name, number in initial.items()})
    for number, value in enumerate(program.values):
        if value.op == "fixed" and number not in held:
            held[number] = weights[value.attrs[0]]
    run_fixed(program.values, program.of_part("once"), held)
    return Ready(program, held, reset)


def run_ready(
    ready: Ready,
    x: Tensor,
    flags: Tensor | None,
    states: Sequence[Tensor],
    batch_sizes: Sequence[int],
    reverse: bool,
) -> tuple[Tensor, list[Tensor]]:
    """Runs over packed rows.

    Args:
        x: `[N, input_size]`; flags: `[N]` (bool) where the program has resets; states: `[B, width]`.

    Returns:
        y `[N, output_size]`, and final states `[B, width]`, in packed order.
    """
    program, values = ready.program, ready.program.values
    held: dict[int, Any] = {**ready.fixed, program.x: x}
    if flags is not None and ready.reset is not None:
        held[ready.reset] = flags.unsqueeze(1)
    count = len(x)
    like = states[0] if states else x
    engine = choose(program.loop, like).engine if states else None
    loop = program.merged if engine is not None and engine.merges else program.loop
    product = OPS["product"].run if engine is None else engine.product
    with part(BEFORE):
        run_rows(values, program.prelude(loop), held, count, like, product)
    result = LoopResult([], [])
    if engine is not None:
        steps = [_rows_of(held[n], count, values[n].width) for n in loop.inputs]
        with part(LOOP):
            result = engine.run(loop, steps, [held[n] for n in loop.fixed], states, batch_sizes, reverse)
    held.update(zip(loop.outputs, result.outputs, strict=True))
    with part(AFTER):
        run_rows(values, program.of_part("after"), held, count, like, product)
    return _rows_of(held[program.y], count, values[program.y].width), result.states


def _rows_of(value: Tensor, rows: int, width: int) -> Tensor:
    return value if value.shape == (rows, width) else value.expand(rows, width)
