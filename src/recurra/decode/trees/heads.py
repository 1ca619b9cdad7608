"""What makes a list of heads a tree over the words of a sentence.

Words are counted from 1; `heads[i]` is the head of word i + 1, 0 for the root. A tree has one word whose head
is 0, and from every word the heads lead there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault

Heads = NDArray[np.int64]
Scores = NDArray[np.float64]


def trees(heads: Heads, lengths: Heads) -> NDArray[np.bool_]:
    """Which rows of `[B, T]` are trees with one root.

    Args:
        heads: of words past a row's length, anything from 0 to T.
        lengths: `[B]`, at least 1 each.
    """
    batch, steps = heads.shape
    beyond = np.arange(steps) >= lengths[:, None]
    inner = np.where(beyond, 0, heads)
    roots = ((inner == 0) & ~beyond).sum(1)
    # each round doubles how far the links reach; what is on a cycle never comes to 0
    links = np.concatenate([np.zeros((batch, 1), np.int64), inner], 1)
    for _ in range(int(steps).bit_length()):
        links = np.take_along_axis(links, links, 1)
    good: NDArray[np.bool_] = (roots == 1) & (links == 0).all(1)
    return good


def projective(heads: Heads) -> bool:
    """Whether no two arcs of a tree cross, that of the root, from before the first word, among them."""
    words = np.arange(1, len(heads) + 1)
    left, right = np.minimum(heads, words), np.maximum(heads, words)
    return not bool(
        ((left[:, None] < left[None]) & (left[None] < right[:, None]) & (right[:, None] < right[None])).any()
    )


def fault_of(heads: Heads) -> tuple[int, str] | None:
    """The first word (from 0) at which a list of heads is no tree with one root, and why; None: it is one.

    Args:
        heads: numbers from 0 to the number of words; -1 stands for none.
    """
    missing = np.flatnonzero(heads < 0)
    if len(missing):
        return int(missing[0]), "no head found, expected one for each word"
    roots = np.flatnonzero(heads == 0)
    if len(roots) > 1:
        return int(roots[1]), f"a second root found, after word {roots[0] + 1}: expected one a sentence"
    colours = [0] * (len(heads) + 1)  # the walk that first came by
    colours[0] = -1
    for start in range(1, len(heads) + 1):
        word = start
        while not colours[word]:
            colours[word] = start
            word = int(heads[word - 1])
        if colours[word] == start and word:
            return word - 1, f"the heads of word {word} lead back to it: expected a tree"
    return None


def require_scores(scores: Scores, lengths: Heads) -> None:
    """Fault unless the scores `[B, T, T + 1]` of all pairs of two words within the lengths are finite."""
    for row, length in zip(scores, lengths, strict=True):
        table = row[:length, : length + 1]
        wrong = ~np.isfinite(table)
        words = np.arange(length)
        wrong[words, words + 1] = False
        if wrong.any():
            word, head = (int(number) for number in np.argwhere(wrong)[0])
            raise Fault(
                f"the score of head {head} for word {word + 1} is {table[word, head]}, expected a finite "
                f"number: the model's weights are broken, or its input is"
            )


def below_one(scores: Scores) -> Scores:
    """The same divided by a power of two, none of them above 1, so that no sum of them overflows."""
    _, exponent = np.frexp(np.abs(scores).max(initial=0.0))
    return np.ldexp(scores, -max(0, int(exponent)))
