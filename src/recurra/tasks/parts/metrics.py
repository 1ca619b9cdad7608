"""How good predictions are, as plain functions of what was true and what was predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.data.text.spans import spans
from recurra.tasks.parts.measurement import Figures, ratios, share


def label_figures(outputs: Tensor, targets: Sequence[int]) -> Figures:
    """`accuracy`, `macro_f1` (the mean over labels, those predicted or true) and `nats`, the mean of
    -ln P(label), of rows with weights.

    Args:
        outputs: `[N, labels]`, logits. targets: the true label of each row.
    """
    true, predicted = torch.tensor(targets), outputs.argmax(-1)
    hits = (true == predicted).double()
    costs = F.cross_entropy(outputs.float(), true, reduction="none").double()
    labels = outputs.shape[-1]

    def figures(weights: Tensor) -> dict[str, float]:
        matched = torch.bincount(true, weights * hits, labels)
        counts = torch.bincount(true, weights, labels) + torch.bincount(predicted, weights, labels)
        present = counts > 0
        total = float(weights.sum())
        return {
            "accuracy": share(float(weights @ hits), total),
            "macro_f1": share(float((2 * matched[present] / counts[present]).sum()), int(present.sum())),
            "nats": share(float(weights @ costs), total),
        }

    return figures


class SpanCounts(NamedTuple):
    """Whole spans of one sentence: right ones, answers, true ones."""

    hits: int
    answers: int
    truths: int


def span_counts(targets: Sequence[str], predictions: Sequence[str], scheme: str) -> SpanCounts:
    """Of the tags of one sentence; a span is right where label, start and end are (Tjong Kim Sang and
    Buchholz, 2000).

    Args:
        scheme: of the tags, see `recurra.data.text.spans`.
    """
    true, predicted = {*spans(targets, scheme)}, {*spans(predictions, scheme)}
    return SpanCounts(len(true & predicted), len(predicted), len(true))


def span_figures(counts: Sequence[SpanCounts]) -> Figures:
    """`f1`, `precision` and `recall` of sentences with weights."""
    hits, answers, truths = torch.tensor(counts, dtype=torch.float64).reshape(-1, 3).unbind(1)
    return ratios(
        {"f1": (2 * hits, answers + truths), "precision": (hits, answers), "recall": (hits, truths)}
    )


def regression_figures(targets: Tensor, predictions: Tensor) -> Figures:
    """Mean squared and mean absolute error over all numbers, and R2: the share of the variance explained,
    the mean over the columns of `[N, K]`; 0 for a column that is constant.
    """
    targets, predictions = targets.double(), predictions.double()
    errors = predictions - targets

    def figures(weights: Tensor) -> dict[str, float]:
        rows = weights.unsqueeze(1)
        mean = (rows * targets).sum(0) / weights.sum()
        residual = (rows * errors.square()).sum(0)
        total = (rows * (targets - mean).square()).sum(0)
        shares = torch.where(total > 0, 1 - residual / total.clamp_min(torch.finfo(total.dtype).tiny), 0.0)
        numbers = float(weights.sum()) * targets.shape[1]
        return {
            "mse": share(float(residual.sum()), numbers),
            "mae": share(float((rows * errors.abs()).sum()), numbers),
            "r2": float(shares.mean()),
        }

    return figures
