"""The native engine: any loop of primitive operations, forward and backward, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.engines.base import LoopResult
from recurra.engines.eager import EagerEngine
from recurra.engines.native_backward import Saved, backward
from recurra.engines.native_plan import NativePlan, Needs
from recurra.engines.native_run import matrix_product, run_ready
from recurra.program import Loop, Untraceable
from recurra.program.lower import lower

TYPES = (torch.float32, torch.float64)


def native_plan(loop: Loop) -> NativePlan:
    """What the engine made of a loop: made once, kept with it."""
    kept = vars(loop)
    if "native_plan" not in kept:
        kept["native_plan"] = NativePlan(loop)
    plan: NativePlan = kept["native_plan"]
    return plan


def _unknown(loop: Loop) -> str | None:
    """Why a loop has no primitives, found once."""
    kept = vars(loop)
    if "native_refusal" not in kept:
        try:
            lower(loop)
            kept["native_refusal"] = None if loop.states else "nothing is carried from step to step"
        except Untraceable as error:
            kept["native_refusal"] = str(error)
    reason: str | None = kept["native_refusal"]
    return reason


class NativeEngine:
    """Runs loops in the library `recurra._engine`."""

    name = "native"
    merges = True

    def refusal(self, loop: Loop, like: Tensor) -> str | None:
        """Why this loop can't run here on tensors of `like`'s type and device."""
        if like.device.type != "cpu":
            return f"it runs on the CPU, the tensors are on {like.device}"
        if like.dtype not in TYPES:
            return f"it computes in float32 and float64, the tensors are {like.dtype}"
        return _unknown(loop)

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
        tensors = [t if t.dtype in TYPES else t.to(states[0].dtype) for t in (*steps, *fixed, *states)]
        if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
            made = _Loop.apply(plan, batch_sizes, reverse, *tensors)
        else:
            outputs, finals, _ = _forward(plan, None, batch_sizes, reverse, tensors)
            return LoopResult(outputs, finals)
        count = len(loop.outputs)
        return LoopResult(list(made[:count]), list(made[count:]))


def _split(plan: NativePlan, tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """steps, fixed, states"""
    first = len(plan.loop.steps)
    second = first + len(plan.loop.fixed)
    return list(tensors[:first]), list(tensors[first:second]), list(tensors[second:])


def _forward(
    plan: NativePlan,
    needs: Needs | None,
    batch_sizes: Sequence[int],
    reverse: bool,
    tensors: Sequence[Tensor],
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """outputs, final states, and what the backward run needs: the tape, then hoisted inputs"""
    steps, fixed, states = _split(plan, tensors)
    matrices, vectors = [fixed[k] for k in plan.matrices], [fixed[k] for k in plan.vectors]
    for h in plan.step.hoisted:
        made = states[0].new_empty(len(steps[h.source]), matrices[h.weight].shape[1])
        bias = None if h.vector is None else vectors[h.vector].contiguous()
        matrix_product(steps[h.source][:, h.start : h.stop], matrices[h.weight], bias, made)
        steps.append(made)
    taped = None if needs is None else plan.taped(needs)
    ready = plan.plain if taped is None else taped.forward
    outputs, finals, _ = run_ready(ready, batch_sizes, reverse, steps, states, matrices, vectors)
    count = len(plan.loop.outputs)
    kept = [steps[k] for k in taped.inputs] if taped else []
    return outputs[:count], finals, [*outputs[count:], *kept]


class _Loop(torch.autograd.Function):
    """A loop with its derivative; arguments: plan, batch sizes, direction, then steps, fixed, states."""

    @staticmethod
    def forward(
        ctx: Any, plan: NativePlan, batch_sizes: Sequence[int], reverse: bool, *tensors: Tensor
    ) -> Any:
        ctx.plan, ctx.batch_sizes, ctx.reverse = plan, batch_sizes, reverse
        ctx.needs = Needs.of(plan.loop, ctx.needs_input_grad[3:])
        outputs, finals, kept = _forward(plan, ctx.needs, batch_sizes, reverse, tensors)
        ctx.given = len(tensors)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *outputs, *kept)
        return (*outputs, *finals)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        plan: NativePlan = ctx.plan
        tensors, rest = ctx.saved_tensors[: ctx.given], ctx.saved_tensors[ctx.given :]
        if torch.is_grad_enabled():
            return (None, None, None, *_again_eagerly(ctx, tensors, gradients))
        taped = plan.taped(ctx.needs)
        count, tape = len(plan.loop.outputs), len(taped.tape)
        saved = Saved(
            *_split(plan, tensors),
            rest[:count],
            dict(zip(taped.tape, rest[count : count + tape], strict=True)),
            dict(zip(taped.inputs, rest[count + tape :], strict=True)),
        )
        found = backward(
            plan, ctx.needs, ctx.batch_sizes, ctx.reverse, saved, gradients[:count], gradients[count:]
        )
        return (None, None, None, *found)


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
