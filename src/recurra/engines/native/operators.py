"""The loop as torch operators, for graphs that torch records: `torch.compile` and `torch.export` see one
node.

The tape is a result like any other, so that recorded graphs can save it; which gradients it is for is part
of the call. Exported graphs hold the operators' names and those of their arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.engines.native.plan import NativePlan, Needs, native_plan
from recurra.engines.native.run import Saved, backward, forward
from recurra.engines.native.serial import loop_of
from recurra.errors import Fault


@torch.library.custom_op("recurra::loop", mutates_args=())
def loop_operator(
    program: str, needs: str, batch_sizes: Sequence[int], reverse: bool, tensors: Sequence[Tensor]
) -> list[Tensor]:
    """Runs a loop: outputs, final states, then what its backward run needs.

    Args:
        program: see `text_of`.
        needs: one `0` or `1` for each of the tensors: whether its gradient will be wanted; empty: none.
        tensors: inputs, fixed, states.
    """
    plan, flags = _plan(program, needs)
    outputs, finals, tape = forward(plan, flags, batch_sizes, reverse, tensors)
    return [*outputs, *finals, *tape]


@loop_operator.register_fake
def _(
    program: str, needs: str, batch_sizes: Sequence[int], reverse: bool, tensors: Sequence[Tensor]
) -> list[Tensor]:
    plan, flags = _plan(program, needs)
    inputs, _, states = plan.split(tensors)
    count = inputs[0].shape[0] if inputs else sum(batch_sizes)
    like = states[0]
    call = plan.forward(flags)
    outputs = [like.new_empty(count, width) for width in call.outputs]
    finals = [torch.empty_like(state, memory_format=torch.contiguous_format) for state in states]
    return [*outputs, *finals, *([like.new_empty(count, call.width)] if call.width else [])]


@torch.library.custom_op("recurra::loop_backward", mutates_args=())
def backward_operator(
    program: str,
    needs: str,
    incoming: str,
    batch_sizes: Sequence[int],
    reverse: bool,
    tensors: Sequence[Tensor],
    kept: Sequence[Tensor],
    gradients: Sequence[Tensor],
) -> list[Tensor]:
    """The gradients of those tensors that need one, in order.

    Args:
        incoming: one `0` or `1` for each output and final state: whether `gradients` has one for it.
        kept: outputs, then what the forward run kept.
    """
    plan, flags = _plan(program, needs)
    assert flags is not None
    arriving = iter(gradients)
    into = [next(arriving) if flag == "1" else None for flag in incoming]
    saved = Saved.of(plan, tensors, kept)
    shares = backward(plan, flags, batch_sizes, reverse, saved, into[: plan.outputs], into[plan.outputs :])
    return [
        torch.zeros_like(t) if g is None else g.contiguous()
        for t, g, need in zip(tensors, shares, needs, strict=True)
        if need == "1"
    ]


@backward_operator.register_fake
def _(
    program: str,
    needs: str,
    incoming: str,
    batch_sizes: Sequence[int],
    reverse: bool,
    tensors: Sequence[Tensor],
    kept: Sequence[Tensor],
    gradients: Sequence[Tensor],
) -> list[Tensor]:
    return [
        torch.empty_like(t, memory_format=torch.contiguous_format)
        for t, need in zip(tensors, needs, strict=True)
        if need == "1"
    ]


def _plan(program: str, needs: str) -> tuple[NativePlan, Needs | None]:
    plan = native_plan(loop_of(program))
    return plan, plan.needs([flag == "1" for flag in needs]) if "1" in needs else None


def _setup(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    program, needs, batch_sizes, reverse, tensors = inputs
    plan, _ = _plan(program, needs)
    outputs, states = plan.outputs, len(plan.step.states)
    ctx.constants = program, needs, batch_sizes, reverse
    ctx.arguments = len(tensors)
    ctx.results = outputs + states
    ctx.save_for_backward(*tensors, *output[:outputs], *output[outputs + states :])


def _gradients(ctx: Any, gradients: Sequence[Tensor | None]) -> Any:
    program, needs, batch_sizes, reverse = ctx.constants
    saved_tensors = ctx.saved_tensors  # once: a checkpoint of torch's gives them once
    tensors, results = saved_tensors[: ctx.arguments], saved_tensors[ctx.arguments :]
    gradients = gradients[: ctx.results]
    incoming = "".join("01"[g is not None] for g in gradients)
    shares = iter(
        torch.ops.recurra.loop_backward(
            program,
            needs,
            incoming,
            batch_sizes,
            reverse,
            list(tensors),
            list(results),
            [g for g in gradients if g is not None],
        )
    )
    return None, None, None, None, [next(shares) if flag == "1" else None for flag in needs]


loop_operator.register_autograd(_gradients, setup_context=_setup)


@loop_operator.register_vmap
def _(info: Any, in_dims: Any, *args: Any) -> Any:
    raise Fault(
        "torch.vmap can't run over a recorded native loop: set RECURRA_ENGINE=eager, or batch the rows"
    )
