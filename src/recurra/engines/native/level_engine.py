"""A fold with its derivative on the native engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.engines.levels import FoldLoop, run_loops
from recurra.engines.native.border import TYPES
from recurra.engines.native.level_plan import NativeFold, fold_or_refusal
from recurra.engines.native.level_run import Side, backward, forward
from recurra.engines.strict import strictly
from recurra.engines.transforms import is_wrapper, transformed
from recurra.errors import Fault
from recurra.program.autograd import gradients_of
from recurra.timing import BACK_PRODUCTS, part
from recurra.wiring import Wiring


def refusal(loop: FoldLoop, like: Tensor) -> str | None:
    """Why this fold can't run here on tensors of `like`'s type and device."""
    if like.device.type != "cpu":
        return f"it runs on the CPU, the tensors are on {like.device}"
    if is_wrapper(like):
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
    if not wiring.nodes or any(t.dtype is not missing[0].dtype for t in tensors):
        return run_loops(loop, inputs, fixed, edge_inputs, edge_fixed, missing, wiring)
    if torch.is_grad_enabled() and any(t.requires_grad for t in tensors):
        counts = len(inputs), len(fixed), len(edge_inputs), len(edge_fixed)
        return list(_Fold.apply(loop, fold, wiring, counts, *tensors))  # type: ignore[no-untyped-call]
    side, _ = forward(fold, None, wiring, inputs, fixed, edge_inputs, edge_fixed, missing)
    return list(side.outputs[: fold.results])


def _parts(values: Sequence[Any], counts: Sequence[int]) -> list[Sequence[Any]]:
    """What there is for each of the fold's arguments, in one row -> by kind, what is missing the last."""
    groups, start = [], 0
    for count in counts:
        groups.append(values[start : start + count])
        start += count
    return [*groups, values[start:]]


class _Fold(torch.autograd.Function):
    """Arguments: loop, plan, wiring, how many tensors of each kind, then these."""

    @staticmethod
    def forward(
        ctx: Any, loop: FoldLoop, fold: NativeFold, wiring: Wiring, counts: Sequence[int], *tensors: Tensor
    ) -> Any:
        ctx.loop, ctx.fold, ctx.wiring, ctx.counts = loop, fold, wiring, counts
        flags = _parts(ctx.needs_input_grad[4:], counts)
        edge = None if fold.edge is None else fold.edge.needs_of(flags[2], flags[3])
        ctx.needs = fold.node.needs_of(flags[0], flags[1]), edge
        ctx.missing_needs = flags[4]
        groups = _parts(tensors, counts)
        side, edges = forward(fold, ctx.needs, wiring, *groups)
        ctx.arguments = len(tensors)
        ctx.strict = strictly()
        ctx.set_materialize_grads(False)
        of_node = side.tensors
        ctx.of_node = len(of_node)
        ctx.save_for_backward(*tensors, *of_node, *([] if edges is None else edges.tensors))
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
            side = Side.of(fold.node, results[: ctx.of_node])
            edges = None if fold.edge is None else Side.of(fold.edge, results[ctx.of_node :])
            missing = _parts(tensors, ctx.counts)[4]
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
        inputs, fixed, edge_inputs, edge_fixed, missing = _parts(tensors, ctx.counts)
        outputs = run_loops(ctx.loop, inputs, fixed, edge_inputs, edge_fixed, missing, ctx.wiring)
    return gradients_of(outputs, gradients, tensors, create_graph=again)
