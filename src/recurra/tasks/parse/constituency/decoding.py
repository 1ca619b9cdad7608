"""From the scores of spans to labelled spans that are a tree."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from recurra.data.text.constituents import Span
from recurra.decode.trees import chart_spans, top_down_spans
from recurra.decode.trees.binary import require_scores
from recurra.models.span_parser import SpanPlaces, SpanScores

Decoder = Literal["chart", "top_down"]


def best_labels(
    labels: Tensor, places: SpanPlaces, rooted: bool
) -> tuple[NDArray[np.floating[Any]], NDArray[np.int64]]:
    """The largest score of each span, and its label: `[M]` each.

    Args:
        labels: `[M, K]`.
        rooted: whether a root stands above every tree anyhow; otherwise a label is needed for all words of a
            sentence, where they are several.
    """
    table = labels.detach().float().cpu().numpy()
    if not rooted:
        lengths = np.asarray(places.lengths)[places.rows.numpy()]
        whole = (places.starts.numpy() == 0) & (places.ends.numpy() == lengths) & (lengths > 1)
        table = table.copy()
        table[whole, 0] = -np.inf
    numbers = table.argmax(1)
    return np.take_along_axis(table, numbers[:, None], 1)[:, 0], numbers


def split_scores(scores: SpanScores, best: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """`[M]`: how good each span is as a part; `best`, the largest score of its labels, where nothing else
    says it.

    Raises:
        Fault: a best score that is not finite: a tree could hide it.
    """
    if scores.splits is None:
        return best
    require_scores(scores.places.spread(best), scores.places.lengths)
    return scores.splits.detach().float().cpu().numpy()


def decode(scores: SpanScores, decoder: Decoder, rooted: bool) -> list[dict[Span, int]]:
    """The spans of each sentence's tree that have a label, and its number.

    Raises:
        Fault: a score that is not finite.
    """
    best, numbers = best_labels(scores.labels, scores.places, rooted)
    table = scores.places.spread(numbers)
    if decoder == "chart":
        trees = chart_spans(scores.places.spread(best), scores.places.lengths)
    else:
        trees = top_down_spans(scores.places.spread(split_scores(scores, best)), scores.places.lengths)
    return [
        {span: int(own[span]) for span in spans if own[span]} for own, spans in zip(table, trees, strict=True)
    ]
