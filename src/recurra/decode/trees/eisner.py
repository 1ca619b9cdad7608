"""The best projective tree (Eisner, 1996), for many sentences at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recurra.decode.trees.heads import Heads, Scores, below_one, require_scores

Table = NDArray[np.float64]


class _Chart:
    """The best scores of all spans, and where they are split.

    A span of width w holds w + 1 words. A complete span has its head at one end, and all of its words are
    the head's, directly or not; in an incomplete one the word at the other end may still take more words
    from outside. The tables `[B, T, T]` of spans are by their width and the end that their name says: so
    all spans of a width, and all their splits, are plain slices.
    """

    def __init__(self, scores: Scores) -> None:
        batch, words = scores.shape[:2]
        self.arcs = scores[:, :, 1:]  # [B, word, head], without the root
        shape = (batch, words, words)
        # head at the left end, by that end and by the other; then head at the right end
        self.right_by_left, self.right_by_right = np.zeros(shape), np.zeros(shape)
        self.left_by_right, self.left_by_left = np.zeros(shape), np.zeros(shape)
        # incomplete: the arc goes from the left end to the right one, and the other way
        self.arc_right, self.arc_left = np.zeros(shape), np.zeros(shape)
        self.arc_splits = np.zeros(shape, np.int64)
        self.right_splits, self.left_splits = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for width in range(1, words):
            self._fill(width, words)

    def _fill(self, width: int, words: int) -> None:
        """All spans of this width, from the narrower ones."""
        here, there = slice(0, words - width), slice(width, words)  # their left and their right ends
        shorter = slice(width - 1, None, -1)  # widths from width - 1 to 0
        both = self.right_by_left[:, here, :width] + self.left_by_right[:, there, shorter]
        split, best = _largest(both)
        self.arc_splits[:, here, width] = split
        starts = np.arange(words - width)
        self.arc_right[:, here, width] = best + self.arcs[:, starts + width, starts]
        self.arc_left[:, there, width] = best + self.arcs[:, starts, starts + width]

        wider = slice(1, width + 1)
        both = self.arc_right[:, here, wider] + self.right_by_right[:, there, shorter]
        split, best = _largest(both)
        self.right_splits[:, here, width] = split
        self.right_by_left[:, here, width] = self.right_by_right[:, there, width] = best

        both = self.arc_left[:, there, wider] + self.left_by_left[:, here, shorter]
        split, best = _largest(both)
        self.left_splits[:, there, width] = split
        self.left_by_right[:, there, width] = self.left_by_left[:, here, width] = best

    def heads(self, row: int, root: int, length: int) -> Heads:
        """The heads of the best tree of a row below this root, a word counted from 0."""
        heads = np.zeros(length, np.int64)
        # spans still to be opened: left end, right end, whether the head is the left end, whether complete
        spans = [(0, root, False, True), (root, length - 1, True, True)]
        while spans:
            left, right, leftward, complete = spans.pop()
            width = right - left
            if not width:
                continue
            if not complete:
                heads[right if leftward else left] = (left if leftward else right) + 1
                split = left + int(self.arc_splits[row, left, width])
                spans += [(left, split, True, True), (split + 1, right, False, True)]
            elif leftward:
                split = left + 1 + int(self.right_splits[row, left, width])
                spans += [(left, split, True, False), (split, right, True, True)]
            else:
                split = right - 1 - int(self.left_splits[row, right, width])
                spans += [(left, split, False, True), (split, right, False, False)]
        return heads


def eisner(scores: Scores, lengths: Heads) -> list[Heads]:
    """The projective tree with one root whose arcs have the largest sum of scores, for each sentence.

    Args:
        scores: `[B, T, T + 1]`: of the heads 0 (the root) to T of each word; what stands past a sentence's
            length, or for a word as its own head, is not looked at.
        lengths: `[B]`, at least 1 each.

    Raises:
        Fault: a score that is no finite number.
    """
    require_scores(scores, lengths)
    numbers = np.arange(scores.shape[1] + 1)
    beyond = numbers > np.asarray(lengths)[:, None]
    unread = beyond[:, 1:, None] | beyond[:, None] | (numbers[1:, None] == numbers)
    table = below_one(np.where(unread, 0.0, scores))
    chart = _Chart(table)
    trees = []
    for row, length in enumerate(int(number) for number in lengths):
        # one root: the best of its two halves and its own arc
        words = np.arange(length)
        whole = (
            chart.left_by_right[row, words, words]
            + chart.right_by_left[row, words, length - 1 - words]
            + table[row, :length, 0]
        )
        trees.append(chart.heads(row, int(whole.argmax()), length))
    return trees


def _largest(both: Table) -> tuple[Heads, Table]:
    """Along the last dimension: where, and how much."""
    split = both.argmax(-1)
    return split, np.take_along_axis(both, split[..., None], -1)[..., 0]
