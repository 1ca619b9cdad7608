"""The best binary tree over each sentence, by the algorithm of Cocke, Younger and Kasami."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.decode.trees.binary import Span, require_scores, spans_of


def chart_spans(scores: NDArray[Any], lengths: Sequence[int]) -> list[list[Span]]:
    """The spans of the binary tree over each sentence whose scores have the largest sum (Stern et al., 2017).

    All sentences at once, all spans of one length at once: work of order n^3, in n steps. Of trees that are
    equally good, the one that splits first at the left.

    Args:
        scores, lengths: see `require_scores`.

    Returns:
        for each sentence its `2 n - 1` spans (start, end), each before those within it, left to right.

    Raises:
        Fault: see `require_scores`.
    """
    own = require_scores(scores, lengths)
    size = own.shape[1] - 1
    # the best tree of each span: by its start and length, and the same by its end and length
    by_start, by_end = np.zeros_like(own), np.zeros_like(own)
    splits = np.zeros(own.shape, np.int64)  # words of the left part, by start and length
    for length in range(1, size + 1):
        starts = np.arange(size - length + 1)
        best = own[:, starts, starts + length]
        if length > 1:
            left = by_start[:, : len(starts), 1:length]
            right = by_end[:, length:, length - 1 : 0 : -1]
            sums = left + right
            choice = sums.argmax(-1)
            splits[:, : len(starts), length] = choice + 1
            best = best + np.take_along_axis(sums, choice[..., None], -1)[..., 0]
        by_start[:, : len(starts), length] = best
        by_end[:, length:, length] = best
    return [spans_of(length, partial(_split, row)) for row, length in zip(splits, lengths, strict=True)]


def _split(splits: NDArray[np.int64], start: int, end: int) -> int:
    return start + int(splits[start, end - start])
