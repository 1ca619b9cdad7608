"""The likeliest path through scores with blanks, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Transcript(NamedTuple):
    """Symbols that a row of steps says.

    Attributes:
        ids: the symbols.
        spans: for each symbol the step that it begins at, and the one after its last.
        log_probability: ln P of what was searched for: of the one path (greedy), or of all paths that say
            these symbols.
        score: what transcripts are ranked by: log_probability, and what a language model adds.
    """

    ids: list[int]
    spans: list[tuple[int, int]]
    log_probability: float
    score: float


def ctc_greedy(log_probabilities: Sequence[Tensor], blank: int) -> list[Transcript]:
    """Of each row `[T, V]` the path of the likeliest symbol at each step (Graves et al., 2006, "best path").

    Several steps of one symbol are one; blanks are left out.

    Args:
        log_probabilities: `[T, V]` each, normalised.
        blank: the index of the blank.
    """
    if not log_probabilities:
        return []
    best, path = torch.cat(list(log_probabilities)).max(-1)
    lengths = [len(row) for row in log_probabilities]
    transcripts = []
    for ids, shares in zip(torch.split(path, lengths), torch.split(best, lengths), strict=True):
        symbols = collapse(ids.tolist(), blank)
        total = float(shares.double().sum())
        transcripts.append(Transcript([i for i, _ in symbols], [span for _, span in symbols], total, total))
    return transcripts


def collapse(path: Sequence[int], blank: int) -> list[tuple[int, tuple[int, int]]]:
    """The symbols of a path, each with its first step and the one after its last."""
    symbols: list[tuple[int, tuple[int, int]]] = []
    previous = blank
    for step, symbol in enumerate(path):
        if symbol != blank:
            if symbol == previous:
                symbols[-1] = (symbol, (symbols[-1][1][0], step + 1))
            else:
                symbols.append((symbol, (step, step + 1)))
        previous = symbol
    return symbols
