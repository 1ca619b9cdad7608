"""The native engine: any loop of primitive operations, forward and backward, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.engines.base import LoopResult
from recurra.engines.eager import EagerEngine
from recurra.engines.native import _engine
from recurra.engines.native.library import torch_team
from recurra.engines.native.operators import loop_operator
from recurra.engines.native.plan import NativePlan, Needs, native_plan
from recurra.engines.native.product import product
from recurra.engines.native.run import Saved, backward, forward, split
from recurra.engines.native.serial import text_of
from recurra.engines.strict import strictly
from recurra.engines.transforms import transformed
from recurra.errors import Fault
from recurra.lowering.lower import lower
from recurra.program import Loop, Untraceable
from recurra.program.ops import OPS
from recurra.timing import BACK_PRODUCTS, part

TYPES = (torch.float32, torch.float64)


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


def _recorded() -> bool:
    """Whether tensors may be stand-ins without numbers: torch records a graph, or a mode sees every call."""
    return torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack() > 0


class NativeEngine:
    """Runs loops in the library `recurra.engines.native._engine`."""

    name = "native"
    merges = True

    def __init__(self) -> None:
        _engine.use_team(torch_team())

    def refusal(self, loop: Loop, like: Tensor) -> str | None:
        """Why this loop can't run here on tensors of `like`'s type and device."""
        if like.device.type != "cpu":
            return f"it runs on the CPU, the tensors are on {like.device}"
        if like.dtype not in TYPES:
            return f"it computes in float32 and float64, the tensors are {like.dtype}"
        if transformed():
            return "transforms of torch.func and forward-mode gradients follow the plain loop alone"
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
        tensors = [t if t.dtype in TYPES else t.to(states[0].dtype) for t in (*steps, *fixed, *states)]
        count = len(loop.outputs)
        wanted = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
        if _recorded():
            needs = "".join("01"[t.requires_grad] for t in tensors) if wanted else ""
            made = loop_operator(text_of(loop), needs, list(batch_sizes), reverse, tensors)
            return LoopResult(made[:count], made[count : count + len(loop.states)])
        if wanted:
            made = _Loop.apply(native_plan(loop), batch_sizes, reverse, *tensors)  # type: ignore[no-untyped-call]
            return LoopResult(list(made[:count]), list(made[count:]))
        outputs, finals, _ = forward(native_plan(loop), None, batch_sizes, reverse, tensors)
        return LoopResult(outputs, finals)

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """See `Engine.product`. A recorded graph has torch's own product, which its compiler knows."""
        return (OPS["product"].run if _recorded() else product)(x, weight, bias)


class _Loop(torch.autograd.Function):
    """A loop with its derivative; arguments: plan, batch sizes, direction, then steps, fixed, states."""

    @staticmethod
    def forward(
        ctx: Any, plan: NativePlan, batch_sizes: Sequence[int], reverse: bool, *tensors: Tensor
    ) -> Any:
        ctx.plan, ctx.batch_sizes, ctx.reverse = plan, batch_sizes, reverse
        ctx.needs = Needs.of(plan.loop, ctx.needs_input_grad[3:])
        outputs, finals, kept = forward(plan, ctx.needs, batch_sizes, reverse, tensors)
        ctx.given = len(tensors)
        ctx.strict = strictly()
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *outputs, *kept)
        return (*outputs, *finals)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        plan: NativePlan = ctx.plan
        tensors, rest = ctx.saved_tensors[: ctx.given], ctx.saved_tensors[ctx.given :]
        if torch.is_grad_enabled():
            if ctx.strict or strictly():
                raise Fault(
                    "gradients of gradients follow the plain loop of the eager engine, which strict refuses: "
                    "leave out strict, or create_graph=True"
                )
            return (None, None, None, *_again_eagerly(ctx, tensors, gradients))
        saved = Saved.of(plan, tensors, rest)
        count = len(plan.loop.outputs)
        with part(BACK_PRODUCTS):
            found = backward(
                plan, ctx.needs, ctx.batch_sizes, ctx.reverse, saved, gradients[:count], gradients[count:]
            )
        return (None, None, None, *found)


def _again_eagerly(
    ctx: Any, tensors: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """Gradients that can be differentiated again: the plain loop, which autograd follows."""
    steps, fixed, states = split(ctx.plan, tensors)
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
