"""How good predictions are, as plain functions of what was true and what was predicted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.data.text.spans import spans


def accuracy(targets: Sequence[Any], predictions: Sequence[Any]) -> float:
    """The share of equal pairs; 0 for none."""
    return sum(bool(a == b) for a, b in zip(targets, predictions, strict=True)) / max(1, len(targets))


def macro_f1(targets: Sequence[str], predictions: Sequence[str]) -> float:
    """The mean over labels, those predicted or true, of `2 tp / (2 tp + fp + fn)`."""
    hits = Counter(a for a, b in zip(targets, predictions, strict=True) if a == b)
    true, predicted = Counter(targets), Counter(predictions)
    labels = true.keys() | predicted.keys()
    return sum(2 * hits[label] / (true[label] + predicted[label]) for label in labels) / max(1, len(labels))


def span_scores(
    targets: Sequence[Sequence[str]], predictions: Sequence[Sequence[str]], scheme: str
) -> Mapping[str, float]:
    """Precision, recall and F1 over whole spans, all labels together (Tjong Kim Sang and Buchholz, 2000).

    Args:
        targets, predictions: the tags of each sentence.
        scheme: of the tags, see `recurra.data.text.spans`.
    """
    true = [{*spans(tags, scheme)} for tags in targets]
    predicted = [{*spans(tags, scheme)} for tags in predictions]
    hits = sum(len(a & b) for a, b in zip(true, predicted, strict=True))
    answers, truths = sum(map(len, predicted)), sum(map(len, true))
    return {
        "f1": 2 * hits / max(1, answers + truths),
        "precision": hits / max(1, answers),
        "recall": hits / max(1, truths),
    }


def regression_scores(targets: Tensor, predictions: Tensor) -> Mapping[str, float]:
    """Mean squared and mean absolute error over all numbers, and R2: the share of the variance explained,
    the mean over the columns of `[N, K]`; 0 for a column that is constant.
    """
    targets, predictions = targets.double(), predictions.double()
    errors = predictions - targets
    residual = errors.square().sum(0)
    total = (targets - targets.mean(0)).square().sum(0)
    shares = torch.where(total > 0, 1 - residual / total.clamp_min(torch.finfo(total.dtype).tiny), 0.0)
    return {
        "mse": float(errors.square().mean()),
        "mae": float(errors.abs().mean()),
        "r2": float(shares.mean()),
    }
