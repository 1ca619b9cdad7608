"""What a run over time is given, and a plan's program over it: tensors in, tensors out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from recurra.engines import Engine, LoopResult, choose, is_wrapper
from recurra.loop.plan import Plan
from recurra.loop.watch import Recorder
from recurra.program import Program
from recurra.program.interpret import flat_rows, full_rows, run_fixed, run_rows
from recurra.program.ops import OPS
from recurra.timing import AFTER, BEFORE, LOOP, part


class Run(NamedTuple):
    """Packed rows, and in which way a step goes over them. What it carries from step to step stands beside.

    Attributes:
        x: `[N, input_size]`: step 0 of every row, longest row first, then step 1 of every row that has one,
            and so on.
        batch_sizes: how many rows have each step; never growing, at most B; their sum is N.
        reverse: from each row's last step to its first.
        flags: `[N]` (bool), true where the state starts afresh before the step; None: nowhere.
        every: for backward the state is kept every so many steps, and the rest computed again; None: all is
            kept.
        norms: told of the gradient by the states, in the backward pass; None: nobody asks.
    """

    x: Tensor
    batch_sizes: Sequence[int]
    reverse: bool
    flags: Tensor | None = None
    every: int | None = None
    norms: Recorder | None = None


class Ready(NamedTuple):
    """A program whose weights have their numbers.

    Attributes:
        program: with resets, where the run has flags.
        fixed: number -> what is made of weights alone.
        reset: the number of the flags; None: the program has no resets.
    """

    program: Program
    fixed: dict[int, Tensor]
    reset: int | None


def prepare(plan: Plan, weights: Mapping[str, Tensor], starts: Mapping[str, Tensor] | None) -> Ready:
    """Computes, once a run, what is made of weights alone.

    Args:
        plan: one that has a program.
        weights: for each of `plan.weights`, the tensor of that name.
        starts: name of a state -> `[...]` that a row of it starts afresh from; None: the run has no flags.
    """
    program, reset, fixed = plan.program, None, dict[int, Any]()
    assert program is not None
    if starts is not None:
        program, reset, initial = plan.resetting
        fixed.update({number: starts[name].reshape(-1) for name, number in initial.items()})
    for number, value in enumerate(program.values):
        if value.op == "fixed" and number not in fixed:
            fixed[number] = weights[value.attrs[0]]
    run_fixed(program.values, program.of_part("once"), fixed)
    return Ready(program, fixed, reset)


def run_ready(ready: Ready, run: Run, states: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """The whole run, whatever `run.every` says.

    Args:
        states: `[B, ...]` each, in packed order: what each row's first step starts from.

    Returns:
        y `[N, output_size]`, and the states after each row's last step, `[B, ...]` each, both in packed
        order.
    """
    shapes = [state.shape for state in states]
    states = [flat_rows(state) for state in states]
    program, values = ready.program, ready.program.values
    tensors: dict[int, Any] = {**ready.fixed, program.x: run.x}
    if run.flags is not None and ready.reset is not None:
        tensors[ready.reset] = run.flags.unsqueeze(1)
    count = len(run.x)
    like = states[0] if states else run.x
    choice = choose(program, _strangest(like, run.x, ready.fixed.values())) if states else None
    engine, loop = (None, program.loop) if choice is None else (choice.engine, choice.loop)
    product = OPS["product"].run if engine is None else engine.product
    with part(BEFORE):
        run_rows(values, program.prelude(loop), tensors, count, like, product)
    if run.norms is not None:
        run.norms.watch_inputs(
            tensors[n] if program.parts[n] == "before" else None for n in program.next_states.values()
        )
    result = LoopResult([], [])
    if engine is not None:
        inputs = [full_rows(tensors[n], count, values[n].width) for n in loop.inputs]
        fixed = [tensors[n] for n in loop.fixed]
        with part(LOOP):
            result = engine.run(loop, inputs, fixed, states, run.batch_sizes, run.reverse, run.norms)
    tensors.update(zip(loop.outputs, result.outputs, strict=True))
    with part(AFTER):
        run_rows(values, program.of_part("after"), tensors, count, like, product)
    finals = [t.view(shape) for t, shape in zip(result.states, shapes, strict=True)]
    return full_rows(tensors[program.y], count, values[program.y].width), finals


def _strangest(like: Tensor, x: Tensor, fixed: Iterable[Tensor]) -> Tensor:
    """The one that an engine might refuse: a tensor of a class of its own, among ordinary ones."""
    if is_wrapper(like):
        return like
    return next((t for t in (x, *fixed) if isinstance(t, Tensor) and is_wrapper(t)), like)


def engine_for(plan: Plan, like: Tensor) -> tuple[Engine | None, dict[str, str]]:
    """The engine that would run a plan on tensors of `like`'s type and device (None: the plain loop around
    the step), and for each faster one, why it would not.
    """
    if plan.program is None:
        return None, {"program": plan.reason}
    choice = choose(plan.program, like)
    return choice.engine, choice.refusals
