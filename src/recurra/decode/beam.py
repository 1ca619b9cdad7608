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
    """A sequence of tokens.

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

    Raises:
        Fault: a width or length below 1, not a length for each row, or a negative penalty.
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
    logits = logits.repeat_interleave(width, 0)
    state = map_state(lambda leaf: leaf.repeat_interleave(width, 0), state)
    # one hypothesis a row at the start: the others are copies of it, and impossible
    alive = torch.full((batch, width), float("-inf"), device=device)
    alive[:, 0] = 0.0
    tokens = torch.empty(batch, width, 0, dtype=torch.int64, device=device)
    hypotheses: list[list[Hypothesis]] = [[] for _ in range(batch)]
    rows = list(range(batch))  # still searched; the others have left the batch
    for count in range(1, max(limits, default=0) + 1):
        shares = logits.float().log_softmax(-1).reshape(len(rows), width, size)
        if forbid:
            shares = shares.index_fill(-1, torch.tensor(forbid, device=device), float("-inf"))
        totals = (alive.unsqueeze(-1) + shares).reshape(len(rows), width * size)
        # twice the width: even if half of them end, enough stay alive
        totals, places = totals.topk(min(2 * width, width * size), -1)
        parents, ids = places // size, places % size
        if end is not None:
            penalty = ((5 + count) / 6) ** length_penalty
            ends = (ids == end) & totals.isfinite()
            # only among the best `width`, as a search without ends would keep them
            for at, place in ends[:, :width].nonzero().tolist():
                total = float(totals[at, place])
                path = tokens[at, parents[at, place]].tolist()
                hypotheses[rows[at]].append(Hypothesis(path, total, total / penalty, True))
            totals = totals.masked_fill(ids == end, float("-inf"))
        alive, best = totals.topk(min(width, totals.shape[-1]), -1)
        if alive.shape[1] < width:  # a vocabulary smaller than the beam
            missing = width - alive.shape[1]
            alive = torch.cat([alive, alive.new_full((len(rows), missing), float("-inf"))], -1)
            best = torch.cat([best, best.new_zeros(len(rows), missing)], -1)
        parents, ids = parents.gather(-1, best), ids.gather(-1, best)
        prefixes = tokens.gather(1, parents.unsqueeze(-1).expand(-1, -1, count - 1))
        tokens = torch.cat([prefixes, ids[..., None]], 2)
        for at in (at for at, row in enumerate(rows) if limits[row] == count):
            penalty = ((5 + count) / 6) ** length_penalty
            for place in alive[at].isfinite().nonzero().flatten().tolist():
                total = float(alive[at, place])
                path = tokens[at, place].tolist()
                hypotheses[rows[at]].append(Hypothesis(path, total, total / penalty, False))
            alive[at] = float("-inf")
        hopes = alive.amax(-1).tolist()
        going = [
            at
            for at, row in enumerate(rows)
            if not _settled(hypotheses[row], hopes[at], width, limits[row], length_penalty)
        ]
        if not going:
            break
        places = torch.tensor(going, device=device)
        state = select_rows(state, (places.unsqueeze(-1) * width + parents[places]).reshape(-1))
        rows, alive, tokens = [rows[at] for at in going], alive[places], tokens[places]
        logits, state = step(ids[places].reshape(-1), state)
    return [sorted(row, key=lambda one: -one.score)[:width] for row in hypotheses]


def _settled(ended: list[Hypothesis], hope: float, width: int, limit: int, length_penalty: float) -> bool:
    """Whether nothing alive can enter a row's best `width`: its score only falls, but for the penalty."""
    if hope == float("-inf"):
        return True
    scores = sorted((one.score for one in ended), reverse=True)[:width]
    return len(scores) == width and scores[-1] >= hope / ((5 + limit) / 6) ** length_penalty
