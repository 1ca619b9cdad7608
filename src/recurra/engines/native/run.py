"""A loop's forward run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from recurra.engines.native.backward_call import StepGradient
from recurra.engines.native.library import addresses, empty_as, places, rowwise, views
from recurra.engines.native.memory import empty_rows
from recurra.engines.native.plan import NativePlan, Needs
from recurra.timing import BACK_LOOP, BACK_PRODUCTS, BEFORE, LOOP, spent


def split(plan: NativePlan, tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """A loop's arguments in one row -> steps, fixed, states."""
    first = len(plan.loop.inputs)
    second = first + len(plan.loop.fixed)
    return list(tensors[:first]), list(tensors[first:second]), list(tensors[second:])


def forward(
    plan: NativePlan,
    needs: Needs | None,
    batch_sizes: Sequence[int],
    reverse: bool,
    tensors: Sequence[Tensor],
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Outputs, final states, and the memory of what the backward run will read, if it reads any."""
    steps, fixed, states = split(plan, tensors)
    call, like, count = plan.forward(needs), states[0], sum(batch_sizes)
    outputs = [like.new_empty(count, width) for width in call.outputs]
    finals = [like.new_empty(t.shape) for t in states]
    given = [rowwise(t) for t in (*steps, *outputs)]
    states = [rowwise(t) for t in states]
    vectors = [fixed[k].contiguous() for k in plan.vectors]
    width = call.width
    rooms = [empty_rows(like, count, width), empty_rows(like, count, call.scratch)]
    seconds = call.calls.of(like.dtype).run(
        len(like),
        batch_sizes,
        reverse,
        places(given),
        addresses(rooms),
        places(states),
        views([fixed[k] for k in plan.matrices]),
        addresses(vectors),
        addresses(finals),
        [],
        [],
        [],
        torch.get_num_threads(),
    )
    spent((BEFORE, LOOP, LOOP), seconds, call.calls.multiplied, count)
    return outputs, finals, rooms[:1] if width else []


@dataclass
class Saved:
    """What the forward run leaves for the backward run.

    Attributes:
        steps, fixed, states: the loop's arguments.
        outputs: the loop's own.
        kept: the memory of what the forward run kept, if there is any.
    """

    steps: Sequence[Tensor]
    fixed: Sequence[Tensor]
    states: Sequence[Tensor]
    outputs: Sequence[Tensor]
    kept: Sequence[Tensor]

    @classmethod
    def of(cls, plan: NativePlan, tensors: Sequence[Tensor], kept: Sequence[Tensor]) -> Saved:
        """From a loop's arguments, its outputs and what `forward` kept."""
        count = len(plan.loop.outputs)
        return cls(*split(plan, tensors), kept[:count], kept[count:])


def backward(
    plan: NativePlan,
    needs: Needs,
    batch_sizes: Sequence[int],
    reverse: bool,
    saved: Saved,
    outputs: Sequence[Tensor | None],
    finals: Sequence[Tensor | None],
) -> list[Tensor | None]:
    """Gradients of steps, fixed, states.

    Args:
        outputs, finals: gradients that come in; None: none.
    """
    call = plan.backward(needs, frozenset(k for k, g in enumerate(outputs) if g is not None))
    like, count = saved.states[0], sum(batch_sizes)
    alone = [like.new_empty(count, width) for width in call.alone]
    begun = [_begun(g, alone, like, count) for g in call.steps]
    incoming = [g for g in outputs if g is not None]
    fresh = [t for g, t in zip(call.steps, begun, strict=True) if t is not None and not g.taken]
    given = [rowwise(t) for t in (*saved.steps, *saved.outputs, *incoming, *alone, *fresh)]
    rooms = [*(saved.kept or [like]), empty_rows(like, count, call.scratch)]
    states = [
        rowwise(torch.zeros_like(s) if g is None else g) for s, g in zip(saved.states, finals, strict=True)
    ]
    matrices = [saved.fixed[k] for k in plan.matrices]
    vectors = [saved.fixed[k].contiguous() for k in plan.vectors]
    initial = [like.new_empty(t.shape) for t in states]
    totals = [like.new_empty(width) for width in call.totals]
    sums = [like.new_empty(width) for width in call.sums]
    weights = [empty_as(t) if m in call.weights else None for m, t in enumerate(matrices)]
    seconds = call.calls.of(like.dtype).run(
        len(like),
        batch_sizes,
        not reverse,
        places(given),
        addresses(rooms),
        places(states),
        views(matrices),
        addresses(vectors),
        addresses(initial),
        addresses(totals),
        views(weights),
        addresses(sums),
        torch.get_num_threads(),
    )
    spent((BACK_PRODUCTS, BACK_LOOP, BACK_PRODUCTS), seconds, call.calls.multiplied, count)
    found: list[Tensor | None] = [None] * (len(saved.steps) + len(saved.fixed))
    for g, t in zip(call.steps, begun, strict=True):
        found[g.step] = _finished(g, t, alone)
    for m, k in enumerate(plan.matrices):
        found[len(saved.steps) + k] = weights[m]
    for k, names in zip(plan.vectors, call.vectors, strict=True):
        parts = [(sums if kind == "sum" else totals)[n] for kind, n in names]
        if parts:
            # two vectors may share a sum: each gets its own memory
            found[len(saved.steps) + k] = parts[0].clone() if len(parts) == 1 else torch.stack(parts).sum(0)
    return [*found, *(g if need else None for g, need in zip(initial, needs.states, strict=True))]


def _begun(g: StepGradient, alone: Sequence[Tensor], like: Tensor, count: int) -> Tensor | None:
    """What products are added to, or fill."""
    if g.taken:
        assert g.alone is not None
        return alone[g.alone]
    if not g.products:
        return None
    return like.new_empty(count, g.width) if g.whole else like.new_zeros(count, g.width)


def _finished(g: StepGradient, begun: Tensor | None, alone: Sequence[Tensor]) -> Tensor:
    if begun is None:
        assert g.alone is not None
        return alone[g.alone].clone()
    return begun if g.taken or g.alone is None else begun.add_(alone[g.alone])
