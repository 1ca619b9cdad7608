"""Where known symbols stand in a row of scores with blanks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from recurra.errors import Fault


def ctc_align(log_probabilities: Tensor, ids: Sequence[int], blank: int) -> list[tuple[int, int]]:
    """For each symbol its first step and the one after its last, on the likeliest of the paths that say
    exactly these symbols (Viterbi over the symbols with blanks around them; Graves et al., 2006).

    Args:
        log_probabilities: `[T, V]`, normalised.
        ids: the symbols.
        blank: the index of the blank.

    Raises:
        Fault: there are fewer steps than that takes.
    """
    shares = log_probabilities.double().cpu().numpy()
    states = np.full(2 * len(ids) + 1, blank)
    states[1::2] = ids
    # a symbol may follow the last one at once, unless they are the same
    skips = np.zeros(len(states), dtype=bool)
    skips[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), -np.inf)
    score[:1] = 0.0  # before the first step: at the blank in front, as if it had been seen
    moves = np.zeros((len(shares), len(states)), dtype=np.int64)
    for step, row in enumerate(shares):
        ways = np.stack([score, _later(score, 1), np.where(skips, _later(score, 2), -np.inf)])
        moves[step] = ways.argmax(0)
        score = ways.max(0) + row[states]
    last = len(states) - 1
    if last and (not len(shares) or score[last - 1] > score[last]):
        last -= 1
    if not np.isfinite(score[last]):
        raise Fault(
            f"{len(shares)} steps can't say {len(ids)} symbols: expected more steps, or fewer symbols"
        )
    spans = [[0, 0] for _ in ids]
    state = last
    for step in range(len(shares) - 1, -1, -1):
        if state % 2:
            spans[state // 2][0] = step
            spans[state // 2][1] = max(spans[state // 2][1], step + 1)
        state -= moves[step, state]
    return [(begin, end) for begin, end in spans]


def _later(score: NDArray[np.float64], by: int) -> NDArray[np.float64]:
    """Each state's score moved `by` states on."""
    return np.concatenate([np.full(min(by, len(score)), -np.inf), score[:-by]])
