"""What a wrong tree costs a parser of spans."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from recurra.decode.trees import chart_spans
from recurra.models.span_parser import SpanScores
from recurra.tasks.parse.constituency.decoding import best_labels, split_scores


def tree_hinge(scores: SpanScores, gold: Tensor, rooted: bool) -> Tensor:
    """By how much the best wrong tree beats the true one, summed over sentences.

    A tree is wrong by one for each of its spans whose label is not the true one, and has to score as much
    less than the true tree (Taskar et al., 2005; Stern et al., 2017).

    Args:
        gold: `[M]` int64, the true label of each span. rooted: see `best_labels`.
    """
    margins = _margins(scores.labels, gold)
    best, labels = best_labels(margins, scores.places, rooted)
    numbers = scores.places.numbers
    spans = chart_spans(scores.places.spread(best), scores.places.lengths)
    parts = torch.tensor(
        [numbers[row, start, end] for row, tree in enumerate(spans) for start, end in tree],
        device=gold.device,
    )
    worst = margins[parts, torch.from_numpy(labels).to(gold.device)[parts]]
    true = scores.labels.gather(1, gold.unsqueeze(1))
    return worst.sum() - true.sum()


def label_likelihood(scores: SpanScores, gold: Tensor) -> Tensor:
    """The negative log-likelihood of the true label of every span, each for itself, summed.

    Args:
        gold: `[M]` int64, the true label of each span.
    """
    return F.cross_entropy(scores.labels, gold, reduction="sum")


def decision_hinge(scores: SpanScores, gold: Tensor, rooted: bool) -> Tensor:
    """By how much the best wrong decisions of a parser from the top down beat the right ones, summed.

    It goes the way that it chooses itself with its margins, and is told at each span what is right from
    there (Cross and Huang, 2016; Stern et al., 2017): the true label of the span, and a split that cuts
    through no true constituent in it. Each wrong decision has to score one less than the best right one.

    Args:
        gold: `[M]` int64, the true label of each span. rooted: see `best_labels`.
    """
    margins = _margins(scores.labels, gold)
    _, worst = best_labels(margins, scores.places, rooted)
    own, labels = best_labels(scores.labels, scores.places, rooted)
    values = scores.places.spread(split_scores(scores, own))
    numbers = scores.places.numbers
    true = scores.places.spread(gold.cpu().numpy()) > 0
    visited: list[int] = []
    raised: list[int] = []
    lowered: list[int] = []
    missed = 0
    for row, length in enumerate(scores.places.lengths):
        inner = np.argwhere(true[row])
        stack = [(0, length)]
        while stack:
            start, end = stack.pop()
            visited.append(int(numbers[row, start, end]))
            if end - start < 2:
                continue
            sums = values[row, start, start + 1 : end] + values[row, start + 1 : end, end]
            right = _uncut(inner, start, end)
            guess = int((sums + ~right).argmax())
            if not right[guess]:
                target = int(np.where(right, sums, -np.inf).argmax())
                missed += 1
                raised += _parts(numbers[row], start, start + 1 + target, end)
                lowered += _parts(numbers[row], start, start + 1 + guess, end)
            middle = start + 1 + guess
            stack += [(middle, end), (start, middle)]
    places = torch.tensor(visited, device=gold.device)
    wrong = margins[places, torch.from_numpy(worst).to(gold.device)[places]]
    cost = wrong.sum() - scores.labels.gather(1, gold.unsqueeze(1))[places].sum()
    parts = scores.splits
    if parts is None:
        parts = scores.labels.gather(1, torch.from_numpy(labels).to(gold.device).unsqueeze(1)).squeeze(1)
    return cost + missed + parts[lowered].sum() - parts[raised].sum()


def _margins(labels: Tensor, gold: Tensor) -> Tensor:
    """The scores, and one more for each label that is not the true one."""
    return labels + 1 - F.one_hot(gold, labels.shape[1]).to(labels.dtype)


def _parts(numbers: NDArray[Any], start: int, middle: int, end: int) -> list[int]:
    return [int(numbers[start, middle]), int(numbers[middle, end])]


def _uncut(constituents: NDArray[np.int64], start: int, end: int) -> NDArray[np.bool_]:
    """`[end - start - 1]`: whether a split of words `start` to `end` there cuts no constituent in them."""
    within = (constituents[:, 0] >= start) & (constituents[:, 1] <= end)
    within &= (constituents[:, 1] - constituents[:, 0]) < end - start
    cuts = np.zeros(end - start + 2, np.int64)
    np.add.at(cuts, constituents[within, 0] + 1 - start, 1)
    np.add.at(cuts, constituents[within, 1] - start, -1)
    uncut: NDArray[np.bool_] = cuts.cumsum()[1 : end - start] == 0
    return uncut
