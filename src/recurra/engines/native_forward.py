"""A loop's forward run."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recurra.engines.native_memory import empty_rows
from recurra.engines.native_plan import NativePlan, Needs
from recurra.engines.native_run import addresses, places, rowwise, views
from recurra.timing import BEFORE, LOOP, spent


def split(plan: NativePlan, tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """A loop's arguments in one row -> steps, fixed, states."""
    first = len(plan.loop.steps)
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
