"""A binary tree over each sentence, chosen greedily from the whole sentence down."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from numpy.typing import NDArray

from recurra.decode.trees.binary import Numbers, Span, require_scores, spans_of


def top_down_spans(scores: NDArray[Any], lengths: Sequence[int]) -> list[list[Span]]:
    """The spans of a binary tree over each sentence: each is split where its two parts score most together,
    whatever can be made of these parts (Stern et al., 2017, without their scores of splits alone).

    Work of order n^2. Its tree has at most the score of `chart_spans`'.

    Args, Returns, Raises: as `chart_spans`.
    """
    table = require_scores(scores, lengths)
    return [spans_of(length, partial(_best_split, own)) for own, length in zip(table, lengths, strict=True)]


def _best_split(own: Numbers, start: int, end: int) -> int:
    return start + 1 + int((own[start, start + 1 : end] + own[start + 1 : end, end]).argmax())
