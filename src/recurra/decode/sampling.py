"""New sequences drawn token by token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from recurra.decode.restrict import restrict
from recurra.decode.step import Step
from recurra.errors import Fault


@torch.no_grad()
def sample(
    step: Step,
    logits: Tensor,
    state: Any,
    *,
    length: int,
    generator: torch.Generator | None = None,
    end: int | None = None,
    **restrictions: Any,
) -> Iterator[Tensor]:
    """Draws `[B]` int64 ids at a time, `length` times at most.

    Args:
        step: gives the next logits.
        logits: `[B, V]` of the first token to draw.
        state: after everything read so far; leaves `[B, ...]`.
        length: tokens at most.
        generator: where the numbers come from, on the device of the logits; None: torch's own.
        end: the drawing stops when every row has drawn it. A row that has ended repeats it.
        restrictions: see `restrict`.
    """
    if length < 0:
        raise Fault(f"length = {length}, expected at least 0")
    ended = torch.zeros(len(logits), dtype=torch.bool, device=logits.device)
    for position in range(length):
        shares = restrict(logits.float(), **restrictions).softmax(-1)
        ids = torch.multinomial(shares, 1, generator=generator).squeeze(-1)
        if end is not None:
            ids = torch.where(ended, end, ids)
            ended = ended | (ids == end)
        yield ids
        if position == length - 1 or bool(ended.all()):
            return
        logits, state = step(ids, state)
