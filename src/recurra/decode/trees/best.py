"""The best tree of each sentence, the quick way where it will do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from recurra.decode.trees.eisner import eisner
from recurra.decode.trees.heads import Heads, Scores, projective, require_scores, trees
from recurra.decode.trees.maximum_arborescence import maximum_arborescence

_MOST = 1 << 22  # pairs of words whose charts are filled together: some 300 MB

Decoder = Literal["eisner", "chu_liu_edmonds"]


def best_trees(scores: Scores, lengths: Heads, decoder: Decoder) -> list[Heads]:
    """The tree with one root and the largest sum of scores, for each sentence: of the projective ones
    ("eisner"), or of all ("chu_liu_edmonds").

    Where each word's best head alone gives such a tree it is the best one, and nothing is searched.

    Args:
        scores: `[B, T, T + 1]`, see `eisner`.
        lengths: `[B]`, at least 1 each.

    Raises:
        Fault: a score that is no finite number.
    """
    require_scores(scores, lengths)
    steps = scores.shape[1]
    own = np.arange(1, steps + 1)[:, None] == np.arange(steps + 1)
    outside = np.arange(steps + 1) > lengths[:, None]
    greedy = np.where(own | outside[:, None], -np.inf, scores).argmax(2)
    greedy[np.arange(steps) >= lengths[:, None]] = 0
    good = trees(greedy, lengths)
    answers: list[Heads] = [row[:length] for row, length in zip(greedy, lengths, strict=True)]
    if decoder == "eisner":
        good &= np.array([bool(fine) and projective(row) for fine, row in zip(good, answers, strict=True)])
    rest = np.flatnonzero(~good)
    if not len(rest):
        return answers
    for row, tree in zip(rest.tolist(), _searched(scores, lengths, rest, decoder), strict=True):
        answers[row] = tree
    return answers


def _searched(scores: Scores, lengths: Heads, rows: Heads, decoder: Decoder) -> Iterator[Heads]:
    """The best trees of these rows."""
    if decoder == "chu_liu_edmonds":
        for row in rows.tolist():
            yield maximum_arborescence(scores[row, : lengths[row], : lengths[row] + 1])
        return
    longest = int(lengths[rows].max())
    size = max(1, _MOST // longest**2)
    for first in range(0, len(rows), size):
        some = rows[first : first + size]
        yield from eisner(scores[some, :longest, : longest + 1], lengths[some])
