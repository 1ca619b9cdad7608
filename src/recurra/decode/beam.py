"""Beam search: the likeliest sequences, many inputs at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.decode.step import Step
from recurra.errors import Fault
from recurra.state import map_state, select_rows


class Hypothesis(NamedTuple):
    """A sequence found.

    Attributes:
        ids: tokens, the end token left out.
        log_probability: of the tokens, that of the end included where it was reached.
        score: log_probability over the length penalty; what hypotheses are ranked by.
        ended: whether it reached the end token.
    """

    ids: list[int]
    log_probability: float
    score: float
    ended: bool


@torch.no_grad()
def beam_search(
    step: Step,
    logits: Tensor,
    state: Any,
    *,
    width: int,
    length: int | Sequence[int],
    end: int | None = None,
    length_penalty: float = 0.0,
    forbid: tuple[int, ...] = (),
) -> list[list[Hypothesis]]:
    """The `width` best hypotheses of each row, best first.

    Args:
        step: gives the next logits, over `B * width` rows.
        logits: `[B, V]` of the first token.
        state: after everything read so far; leaves `[B, ...]`.
        width: hypotheses kept alive for each row.
        length: tokens at most, for all rows or for each; what is alive then is returned unended.
        end: the id that ends a sequence; None: all have `length` tokens.
        length_penalty: a of `((5 + n) / 6) ** a`, which divides the log-probability of n tokens (Wu et al.,
            2016); 0 favours short sequences, larger values longer ones.
        forbid: ids that are never taken.
    """
    batch, size = logits.shape
    limits = [length] * batch if isinstance(length, int) else list(length)
    if width < 1 or min(limits, default=1) < 1:
        raise Fault(f"width = {width}, length = {length}: expected at least 1")
    if len(limits) != batch:
        raise Fault(f"length names {len(limits)} rows, expected {batch}, or one number for all")
    if length_penalty < 0:
        raise Fault(f"length_penalty = {length_penalty}, expected at least 0")
    device = logits.device
    first_rows = torch.arange(batch, device=device) * width
    logits = logits.repeat_interleave(width, 0)
    state = map_state(lambda leaf: leaf.repeat_interleave(width, 0), state)
    # one hypothesis a row at the start: the others are copies of it, and impossible
    alive = torch.full((batch, width), float("-inf"), device=device)
    alive[:, 0] = 0.0
    taken = torch.empty(batch, width, 0, dtype=torch.int64, device=device)
    found: list[list[Hypothesis]] = [[] for _ in range(batch)]
    for count in range(1, max(limits, default=0) + 1):
        shares = logits.float().log_softmax(-1).reshape(batch, width, size)
        if forbid:
            shares = shares.index_fill(-1, torch.tensor(forbid, device=device), float("-inf"))
        totals = (alive.unsqueeze(-1) + shares).reshape(batch, width * size)
        # twice the width: even if half of them end, enough stay alive
        totals, places = totals.topk(min(2 * width, width * size), -1)
        parents, ids = places // size, places % size
        if end is not None:
            penalty = ((5 + count) / 6) ** length_penalty
            ends = (ids == end) & totals.isfinite()
            # only among the best `width`, as a search without ends would keep them
            for row, place in ends[:, :width].nonzero().tolist():
                total = float(totals[row, place])
                tokens = taken[row, parents[row, place]].tolist()
                found[row].append(Hypothesis(tokens, total, total / penalty, True))
            totals = totals.masked_fill(ids == end, float("-inf"))
        alive, best = totals.topk(min(width, totals.shape[-1]), -1)
        if alive.shape[1] < width:  # a vocabulary smaller than the beam
            missing = width - alive.shape[1]
            alive = torch.cat([alive, alive.new_full((batch, missing), float("-inf"))], -1)
            best = torch.cat([best, best.new_zeros(batch, missing)], -1)
        parents, ids = parents.gather(-1, best), ids.gather(-1, best)
        taken = torch.cat(
            [taken.gather(1, parents.unsqueeze(-1).expand(-1, -1, count - 1)), ids[..., None]], 2
        )
        for row in (row for row, limit in enumerate(limits) if limit == count):
            penalty = ((5 + count) / 6) ** length_penalty
            for place in alive[row].isfinite().nonzero().flatten().tolist():
                total = float(alive[row, place])
                found[row].append(Hypothesis(taken[row, place].tolist(), total, total / penalty, False))
            alive[row] = float("-inf")
        if _settled(found, alive, width, limits, length_penalty):
            break
        state = select_rows(state, (first_rows.unsqueeze(-1) + parents).reshape(-1))
        logits, state = step(ids.reshape(-1), state)
    for held in found:
        held.sort(key=lambda one: -one.score)
        del held[width:]
    return found


def _settled(
    found: list[list[Hypothesis]], alive: Tensor, width: int, limits: list[int], length_penalty: float
) -> bool:
    """Whether nothing alive can enter any row's best `width`: its score only falls, but for the penalty."""
    for held, hope, length in zip(found, alive.amax(-1).tolist(), limits, strict=True):
        most = ((5 + length) / 6) ** length_penalty
        scores = sorted((one.score for one in held), reverse=True)[:width]
        if hope > float("-inf") and (len(scores) < width or scores[-1] < hope / most):
            return False
    return True
