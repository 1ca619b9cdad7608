"""What the decoders of binary trees share: checked scores, and the spans that splits lead to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault

Span = tuple[int, int]
"""Where a part of a sentence starts, and where it ends: its words are `words[start:end]`."""
Numbers = NDArray[np.float64]


def require_scores(scores: NDArray[Any], lengths: Sequence[int]) -> Numbers:
    """Scores of spans as numbers that can be added up without an overflow.

    Args:
        scores: `[B, n + 1, n + 1]`: that of the words `start` to `end` of sentence b at `[b, start, end]`;
            what no span of the sentence has as its place is not read.
        lengths: words of each sentence, 1 to n.

    Raises:
        Fault: shapes that do not fit, or a score that is not finite, by its sentence and span.
    """
    size = scores.shape[1] - 1 if scores.ndim == 3 else 0
    if scores.ndim != 3 or scores.shape != (len(lengths), size + 1, size + 1):
        raise Fault(
            f"scores of spans have the shape {list(scores.shape)}, expected [sentences, words + 1, "
            f"words + 1] with {len(lengths)} sentences"
        )
    for number, length in enumerate(lengths):
        if not 1 <= length <= size:
            raise Fault(f"sentence {number + 1} has {length} words, expected 1 to {size}")
    places = np.arange(size + 1)
    spans = (places[:, None] < places) & (places <= np.asarray(lengths)[:, None, None])
    wrong = np.argwhere(spans & ~np.isfinite(scores))
    if len(wrong):
        row, start, end = (int(each) for each in wrong[0])
        raise Fault(
            f"the score of the words {start + 1} to {end} of sentence {row + 1} is "
            f"{scores[row, start, end]}, expected a finite number"
        )
    return np.where(spans, scores, 0.0).astype(np.float64)


def spans_of(length: int, split: Callable[[int, int], int]) -> list[Span]:
    """The spans of a binary tree over `length` words, each before those within it, left to right.

    Args:
        split: of a span of at least two words, where its right part starts.
    """
    spans, stack = [], [(0, length)]
    while stack:
        start, end = stack.pop()
        spans.append((start, end))
        if end - start > 1:
            middle = split(start, end)
            stack += [(middle, end), (start, middle)]
    return spans
