"""The best tree of each sentence, the quick way where it will do."""

from __future__ import annotations

from typing import Literal

import numpy as np

from recurra.decode.trees.eisner import eisner
from recurra.decode.trees.heads import Heads, Scores, projective, require_scores, trees
from recurra.decode.trees.maximum_arborescence import maximum_arborescence

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
    if decoder == "eisner":
        longest = int(lengths[rest].max())
        searched = eisner(scores[rest, :longest, : longest + 1], lengths[rest])
    else:
        searched = [
            maximum_arborescence(scores[row, : lengths[row], : lengths[row] + 1]) for row in rest.tolist()
        ]
    for row, tree in zip(rest.tolist(), searched, strict=True):
        answers[row] = tree
    return answers
