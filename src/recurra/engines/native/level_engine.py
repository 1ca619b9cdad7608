"""A fold with its derivative on the native engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.engines.levels import FoldLoop, run_loops
from recurra.engines.native.border import TYPES
from recurra.engines.native.level_operators import fold_operator, text_of
from recurra.engines.native.level_plan import NativeFold, fold_or_refusal
from recurra.engines.native.level_run import backward, forward, fresh_of, parts_of, sides_of
from recurra.engines.strict import strictly
from recurra.engines.transforms import is_wrapper, transformed
from recurra.errors import Fault
from recurra.program.autograd import gradients_of
from recurra.timing import BACK_PRODUCTS, part
from recurra.wiring import Wiring


def recorded() -> bool:
    """Whether tensors may be stand-ins without numbers: torch records a graph, or a mode sees every call."""
    return torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack() > 0


def refusal(loop: FoldLoop, like: Tensor) -> str | None:
    """Why this fold can't run here on tensors of `like`'s type and device."""
    if like.device.type != "cpu":
        return f"it runs on the CPU, the tensors are on {like.device}"
    if is_wrapper(like) and not recorded():
        return f"it reads numbers in memory, a tensor is a {type(like).__name__} of layout {like.layout}"
    if torch.is_autocast_enabled("cpu"):
        return "over trees it computes in one type, and autocast chooses several"
    if like.dtype not in TYPES:
        return f"it computes in float32 and float64, the tensors are {like.dtype}"
    if transformed():
        return "transforms of torch.func and forward-mode gradients follow the plain loop alone"
    fold = fold_or_refusal(loop)
    return fold if isinstance(fold, str) else None


def run(
    loop: FoldLoop,
    inputs: Sequence[Tensor],
    fixed: Sequence[Tensor],
    edge_inputs: Sequence[Tensor],
    edge_fixed: Sequence[Tensor],
    missing: Sequence[Tensor],
    wiring: Wiring,
) -> list[Tensor]:
    """See `recurra.engines.levels.run_loops`."""
    fold = fold_or_refusal(loop)
    assert isinstance(fold, NativeFold)
    tensors = [*inputs, *fixed, *edge_inputs, *edge_fixed, *missing]
    counts = [len(inputs), len(fixed), len(edge_inputs), len(edge_fixed)]
    if recorded():
        grad = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
        needs = "".join("01"[t.requires_grad] for t in tensors) if grad else ""
        results: list[Tensor] = fold_operator(text_of(loop), needs, counts, wiring.tensors, tensors)
        return results[: fold.results]
    if not wiring.nodes or any(t.dtype is not missing[0].dtype for t in tensors):
        return run_loops(loop, inputs, fixed, edge_inputs, edge_fixed, missing, wiring)
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        return list(_Fold.apply(loop, fold, wiring, counts, *tensors))  # type: ignore[no-untyped-call]
    side, _ = forward(fold, None, wiring, inputs, fixed, edge_inputs, edge_fixed, missing)
    return list(side.outputs[: fold.results])


class _Fold(torch.autograd.Function):
    """Arguments: loop, plan, wiring, how many tensors of each kind, then these."""

    @staticmethod
    def forward(
        ctx: Any, loop: FoldLoop, fold: NativeFold, wiring: Wiring, counts: Sequence[int], *tensors: Tensor
    ) -> Any:
        ctx.loop, ctx.fold, ctx.wiring, ctx.counts = loop, fold, wiring, counts
        flags = parts_of(ctx.needs_input_grad[4:], counts)
        ctx.needs, ctx.missing_needs = fold.needs_of(flags), flags[4]
        groups = parts_of(tensors, counts)
        side, edges = forward(fold, ctx.needs, wiring, *groups)
        ctx.arguments = len(tensors)
        ctx.strict = strictly()
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *fresh_of(fold, side, edges))
        return tuple(side.outputs[: fold.results])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> Any:
        saved = ctx.saved_tensors  # once: a checkpoint of torch's gives them once
        tensors, results = saved[: ctx.arguments], saved[ctx.arguments :]
        batched = transformed() or any(g is not None and is_wrapper(g) for g in gradients)
        if torch.is_grad_enabled() or batched:
            if ctx.strict or strictly():
                raise Fault(
                    "gradients of gradients follow the plain loop of the eager engine, as many at once do, "
                    "which strict refuses: leave out strict, or create_graph=True"
                )
            shares = _again_eagerly(ctx, tensors, gradients)
        else:
            fold: NativeFold = ctx.fold
            groups = parts_of(tensors, ctx.counts)
            side, edges = sides_of(fold, groups, fold.forward_arrays(ctx.needs), results)
            missing = groups[4]
            with part(BACK_PRODUCTS):
                shares = backward(
                    fold, ctx.needs, ctx.wiring, side, edges, missing, ctx.missing_needs, gradients
                )
        return (None, None, None, None, *shares)


def _again_eagerly(
    ctx: Any, tensors: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """Gradients that can be differentiated again: the plain loop, which autograd follows."""
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        inputs, fixed, edge_inputs, edge_fixed, missing = parts_of(tensors, ctx.counts)
        outputs = run_loops(ctx.loop, inputs, fixed, edge_inputs, edge_fixed, missing, ctx.wiring)
    return gradients_of(outputs, gradients, tensors, create_graph=again)
