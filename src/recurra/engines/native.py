"""The native engine: any loop of primitive operations, forward and backward, on the CPU."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.engines.base import LoopResult
from recurra.engines.eager import EagerEngine
from recurra.engines.native_plan import NativePlan
from recurra.engines.native_run import column_sums, run_ready, weight_gradient
from recurra.program import Loop, Untraceable
from recurra.program.derivative import Derivative, Wanted

TYPES = (torch.float32, torch.float64)
_PLANS: dict[int, NativePlan | str] = {}


def native_plan(loop: Loop) -> NativePlan | str:
    """What the engine made of a loop, made once for each loop object; or why it can't run it."""
    key = id(loop)
    if key not in _PLANS:
        try:
            _PLANS[key] = NativePlan(loop)
        except Untraceable as error:
            _PLANS[key] = str(error)
        weakref.finalize(loop, _PLANS.pop, key, None)
    return _PLANS[key]


class NativeEngine:
    """Runs loops in the library `recurra._engine`."""

    name = "native"

    def refusal(self, loop: Loop, like: Tensor) -> str | None:
        """Why this loop can't run here on tensors of `like`'s type and device."""
        if like.device.type != "cpu":
            return f"it runs on the CPU, the tensors are on {like.device}"
        if like.dtype not in TYPES:
            return f"it computes in float32 and float64, the tensors are {like.dtype}"
        plan = native_plan(loop)
        return plan if isinstance(plan, str) else None

    def run(
        self,
        loop: Loop,
        steps: Sequence[Tensor],
        fixed: Sequence[Tensor],
        states: Sequence[Tensor],
        batch_sizes: Sequence[int],
        reverse: bool,
    ) -> LoopResult:
        """See `Engine.run`."""
        plan = native_plan(loop)
        assert isinstance(plan, NativePlan)
        tensors = [t if t.dtype in TYPES else t.to(states[0].dtype) for t in (*steps, *fixed, *states)]
        if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
            made = _Loop.apply(plan, batch_sizes, reverse, *tensors)
        else:
            made = _forward(plan, None, batch_sizes, reverse, tensors)
        count = len(loop.outputs)
        return LoopResult(list(made[:count]), list(made[count : count + len(loop.states)]))


def _split(plan: NativePlan, tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """steps, fixed, states"""
    first = len(plan.loop.steps)
    second = first + len(plan.loop.fixed)
    return list(tensors[:first]), list(tensors[first:second]), list(tensors[second:])


def _forward(
    plan: NativePlan,
    wanted: Wanted | None,
    batch_sizes: Sequence[int],
    reverse: bool,
    tensors: Sequence[Tensor],
) -> list[Tensor]:
    """outputs, final states, tape"""
    steps, fixed, states = _split(plan, tensors)
    taped = plan.plain if wanted is None else plan.taped(wanted)
    matrices, vectors = [fixed[k] for k in plan.matrices], [fixed[k] for k in plan.vectors]
    made, finals, _ = run_ready(
        taped.forward, len(states[0]), batch_sizes, reverse, steps, states, matrices, vectors
    )
    count = len(plan.loop.outputs)
    return [*made[:count], *finals, *made[count:]]


class _Loop(torch.autograd.Function):
    """A loop with its derivative; arguments: plan, batch sizes, direction, then steps, fixed, states."""

    @staticmethod
    def forward(
        ctx: Any, plan: NativePlan, batch_sizes: Sequence[int], reverse: bool, *tensors: Tensor
    ) -> Any:
        wanted = _wanted(plan, ctx.needs_input_grad[3:], range(len(plan.loop.outputs)))
        made = _forward(plan, wanted, batch_sizes, reverse, tensors)
        count = len(plan.loop.outputs) + len(plan.loop.states)
        ctx.plan, ctx.batch_sizes, ctx.reverse, ctx.wanted = plan, batch_sizes, reverse, wanted
        ctx.given = len(tensors)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *made[: len(plan.loop.outputs)], *made[count:])
        return tuple(made[:count])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        saved = ctx.saved_tensors
        tensors, rest = saved[: ctx.given], saved[ctx.given :]
        if torch.is_grad_enabled():
            found = _again_eagerly(ctx, tensors, gradients)
        else:
            found = _backward(ctx.plan, ctx.wanted, ctx.batch_sizes, ctx.reverse, tensors, rest, gradients)
        return (None, None, None, *found)


def _wanted(plan: NativePlan, needs: Sequence[bool], outputs: Any) -> Wanted:
    loop = plan.loop
    first, second = len(loop.steps), len(loop.steps) + len(loop.fixed)
    fixed = needs[first:second]
    return Wanted(
        inputs=frozenset(k for k, need in enumerate(needs[:first]) if need),
        vectors=frozenset(v for v, k in enumerate(plan.vectors) if fixed[k]),
        weights=frozenset(m for m, k in enumerate(plan.matrices) if fixed[k]),
        states=frozenset(j for j, need in enumerate(needs[second:]) if need),
        outputs=frozenset(outputs),
    )


def _backward(
    plan: NativePlan,
    wanted: Wanted,
    batch_sizes: Sequence[int],
    reverse: bool,
    tensors: Sequence[Tensor],
    saved: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Gradients of steps, fixed, states. `saved`: outputs, then the tape of `plan.taped(wanted)`."""
    steps, fixed, states = _split(plan, tensors)
    count = len(plan.loop.outputs)
    tape = dict(zip(plan.taped(wanted).tape, saved[count:], strict=True))
    incoming = frozenset(k for k, g in enumerate(gradients[:count]) if g is not None)
    narrowed = Wanted(wanted.inputs, wanted.vectors, wanted.weights, wanted.states, incoming)
    derivative, ready = plan.backward(narrowed)

    def source(kind: str, number: int) -> Tensor:
        if kind == "gradient":
            held = gradients[number]
            assert held is not None
            return held
        return tape[number] if kind == "tape" else (steps if kind == "input" else saved)[number]

    after = [
        torch.zeros_like(state) if g is None else g
        for state, g in zip(states, gradients[count:], strict=True)
    ]
    made, finals, totals = run_ready(
        ready,
        len(states[0]),
        batch_sizes,
        not reverse,
        [source(kind, number) for kind, number in derivative.sources],
        after,
        [fixed[k] for k in plan.matrices],
        [fixed[k] for k in plan.vectors],
    )
    found: list[Tensor | None] = [None] * len(tensors)
    for k, output in derivative.inputs.items():
        found[k] = made[output]
    first, second = len(steps), len(steps) + len(fixed)
    _weight_gradients(
        plan, derivative, found, first, fixed, made, lambda n: _rows(plan, n, steps, saved, tape)
    )
    for v, k in enumerate(plan.vectors):
        parts = [column_sums(made[output]) for output in derivative.bias.get(v, ())]
        if v in derivative.vectors:
            parts.append(totals[derivative.vectors[v]])
        for part in parts:
            held = found[first + k]
            found[first + k] = part if held is None else held + part
    for j in wanted.states:
        found[second + j] = finals[j]
    return found


def _rows(
    plan: NativePlan, node: int, steps: list[Tensor], outputs: Sequence[Tensor], tape: dict[int, Tensor]
) -> Tensor:
    """A forward node's array over all of time."""
    if node in tape:
        return tape[node]
    if node in plan.step.outputs:
        return outputs[plan.step.outputs.index(node)]
    leaf = plan.step.graph[node]
    assert leaf.op == "input"
    return steps[leaf.attrs[0]]


def _weight_gradients(
    plan: NativePlan,
    derivative: Derivative,
    found: list[Tensor | None],
    first: int,
    fixed: list[Tensor],
    made: list[Tensor],
    rows: Any,
) -> None:
    for share in derivative.weights:
        k = plan.matrices[share.weight]
        found[first + k] = weight_gradient(rows(share.rows), made[share.output], fixed[k], found[first + k])


def _again_eagerly(
    ctx: Any, tensors: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """Gradients that can be differentiated again: the plain loop, which autograd follows."""
    steps, fixed, states = _split(ctx.plan, tensors)
    made = EagerEngine().run(ctx.plan.loop, steps, fixed, states, ctx.batch_sizes, ctx.reverse)
    reached = [
        (out, g)
        for out, g in zip((*made.outputs, *made.states), gradients, strict=True)
        if g is not None and out.requires_grad
    ]
    inputs = [k for k, t in enumerate(tensors) if ctx.needs_input_grad[3 + k]]
    found: list[Tensor | None] = [None] * len(tensors)
    if reached:
        outs, given = zip(*reached, strict=True)
        shares = torch.autograd.grad(
            outs, [tensors[k] for k in inputs], given, create_graph=True, allow_unused=True
        )
        for k, share in zip(inputs, shares, strict=True):
            found[k] = share
    return found
