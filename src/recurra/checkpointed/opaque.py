"""The plain loop around a step that has no program, run in segments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from recurra.checkpointed.segments import Segment, segments
from recurra.state import named_leaves, replace_leaves


def run_opaque_checkpointed(
    run: Callable[[Segment, Any], tuple[list[Tensor], Any]],
    state: Any,
    batch_sizes: Sequence[int],
    reverse: bool,
    every: int,
) -> tuple[list[Tensor], Any]:
    """As `run_opaque`; torch's own checkpoint runs the segments again, as it sees all that a step reads.

    Args:
        run: `(segment, state) -> (y of each of its steps, state)`.
    """
    made: list[Tensor] = []
    for part in segments(batch_sizes, every, reverse):
        names = list(named_leaves(state))

        def once(*leaves: Tensor, part: Segment = part, held: Any = state) -> tuple[Tensor, ...]:
            given = replace_leaves(held, dict(zip(named_leaves(held), leaves, strict=True)))
            steps, after = run(part, given)
            return (torch.cat(steps), *named_leaves(after).values())

        y, *after = checkpoint(once, *named_leaves(state).values(), use_reentrant=False)
        state = replace_leaves(state, dict(zip(names, after, strict=True)))
        made.append(y)
    return made[::-1] if reverse else made, state
