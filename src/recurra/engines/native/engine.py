"""The native engine: any loop of primitive operations, forward and backward, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.engines.base import LoopResult, StateNorms
from recurra.engines.eager import EagerEngine
from recurra.engines.levels import FoldLoop
from recurra.engines.native import _engine, level_engine
from recurra.engines.native.border import TYPES, dense
from recurra.engines.native.operators import loop_operator
from recurra.engines.native.plan import NativePlan, native_plan, plan_or_refusal
from recurra.engines.native.product import product
from recurra.engines.native.result_types import result_types
from recurra.engines.native.run import Saved, backward, forward
from recurra.engines.native.serial import text_of
from recurra.engines.native.team import torch_team
from recurra.engines.strict import strictly
from recurra.engines.transforms import is_wrapper, transformed
from recurra.errors import Fault
from recurra.program import Loop
from recurra.program.autograd import gradients_of
from recurra.program.ops import OPS
from recurra.timing import BACK_PRODUCTS, part
from recurra.wiring import Wiring

_HALVES = (torch.bfloat16, torch.float16)


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
        if is_wrapper(like) and not _recorded():
            return f"it reads numbers in memory, a tensor is a {type(like).__name__} of layout {like.layout}"
        if like.dtype not in TYPES and not (like.dtype in _HALVES and torch.is_autocast_enabled("cpu")):
            return f"it computes in float32 and float64, the tensors are {like.dtype}"
        if transformed():
            return "transforms of torch.func and forward-mode gradients follow the plain loop alone"
        plan = plan_or_refusal(loop)
        return plan if isinstance(plan, str) else None

    def run(
        self,
        loop: Loop,
        inputs: Sequence[Tensor],
        fixed: Sequence[Tensor],
        states: Sequence[Tensor],
        batch_sizes: Sequence[int],
        reverse: bool,
        norms: StateNorms | None = None,
    ) -> LoopResult:
        """See `Engine.run`. Types are mixed as the eager engine mixes them: the run is in the widest of them,
        its results are of the types that the plain loop would give.

        Raises:
            Fault: the plain loop can't run with types that are so mixed, or a tensor is not of the shape that
                the loop has for it.
        """
        tensors, like = (*inputs, *fixed, *states), states[0].dtype
        if like in TYPES and all(t.dtype is like for t in tensors) and not torch.is_autocast_enabled("cpu"):
            return self._run(loop, tensors, batch_sizes, reverse, norms)
        types = result_types(loop, tensors, batch_sizes, reverse)
        wide = torch.float64 if any(t.dtype is torch.float64 for t in tensors) else torch.float32
        outputs, finals = self._run(loop, [t.to(wide) for t in tensors], batch_sizes, reverse, norms)
        results = [t.to(kind) for t, kind in zip((*outputs, *finals), types, strict=True)]
        return LoopResult(results[: len(outputs)], results[len(outputs) :])

    def _run(
        self,
        loop: Loop,
        tensors: Sequence[Tensor],
        batch_sizes: Sequence[int],
        reverse: bool,
        norms: StateNorms | None,
    ) -> LoopResult:
        """All of one type: inputs, fixed, states."""
        plan, count = native_plan(loop, norms is not None), len(loop.outputs)
        needs_grad = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
        if _recorded():
            if norms is not None:  # no operator of a graph tells them
                return EagerEngine().run(loop, *plan.split(tensors), batch_sizes, reverse, norms)
            needs = "".join("01"[t.requires_grad] for t in tensors) if needs_grad else ""
            results = loop_operator(text_of(loop), needs, list(batch_sizes), reverse, list(tensors))
            return LoopResult(results[:count], results[count : count + len(loop.states)])
        if needs_grad:
            results = _Loop.apply(loop, plan, batch_sizes, reverse, norms, *tensors)  # type: ignore[no-untyped-call]
            return LoopResult(list(results[:count]), list(results[count:]))
        outputs, finals, _ = forward(plan, None, batch_sizes, reverse, tensors)
        return LoopResult(outputs, finals)

    def fold_refusal(self, loop: FoldLoop, like: Tensor) -> str | None:
        """See `Engine.fold_refusal`."""
        return level_engine.refusal(loop, like)

    def fold(
        self,
        loop: FoldLoop,
        inputs: Sequence[Tensor],
        fixed: Sequence[Tensor],
        edge_inputs: Sequence[Tensor],
        edge_fixed: Sequence[Tensor],
        missing: Sequence[Tensor],
        wiring: Wiring,
    ) -> list[Tensor]:
        """See `Engine.fold`."""
        return level_engine.run(loop, inputs, fixed, edge_inputs, edge_fixed, missing, wiring)

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """See `Engine.product`. A recorded graph has torch's own product, which its compiler knows."""
        return (OPS["product"].run if _recorded() else product)(x, weight, bias)


class _Loop(torch.autograd.Function):
    """A loop with its derivative; arguments: loop, plan, batch sizes, direction, norms, then inputs,
    fixed, states.
    """

    @staticmethod
    def forward(
        ctx: Any,
        loop: Loop,
        plan: NativePlan,
        batch_sizes: Sequence[int],
        reverse: bool,
        norms: StateNorms | None,
        *tensors: Tensor,
    ) -> Any:
        ctx.loop, ctx.plan, ctx.batch_sizes, ctx.reverse, ctx.norms = loop, plan, batch_sizes, reverse, norms
        ctx.needs = plan.needs(ctx.needs_input_grad[5:])
        outputs, finals, tape = forward(plan, ctx.needs, batch_sizes, reverse, tensors)
        ctx.arguments = len(tensors)
        ctx.strict = strictly()
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *outputs, *tape)
        return (*outputs, *finals)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        plan: NativePlan = ctx.plan
        saved_tensors = ctx.saved_tensors  # once: a checkpoint of torch's gives them once
        tensors, results = saved_tensors[: ctx.arguments], saved_tensors[ctx.arguments :]
        gradients = tuple(None if g is None else dense(g) for g in gradients)
        batched = transformed() or any(g is not None and is_wrapper(g) for g in gradients)
        if torch.is_grad_enabled() or batched:
            if ctx.strict or strictly():
                raise Fault(
                    "gradients of gradients follow the plain loop of the eager engine, as many at once do, "
                    "which strict refuses: leave out strict, or create_graph=True"
                )
            shares = _again_eagerly(ctx, tensors, gradients)
        else:
            saved = Saved.of(plan, tensors, results)
            outputs, finals = gradients[: plan.outputs], gradients[plan.outputs :]
            with part(BACK_PRODUCTS):
                shares = backward(
                    plan, ctx.needs, ctx.batch_sizes, ctx.reverse, saved, outputs, finals, ctx.norms
                )
        return (None, None, None, None, None, *shares)


def _again_eagerly(
    ctx: Any, tensors: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """Gradients that can be differentiated again: the plain loop, which autograd follows."""
    inputs, fixed, states = ctx.plan.split(tensors)
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        result = EagerEngine().run(ctx.loop, inputs, fixed, states, ctx.batch_sizes, ctx.reverse, ctx.norms)
    return gradients_of((*result.outputs, *result.states), gradients, tensors, create_graph=again)
