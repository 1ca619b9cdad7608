"""How good predictions are, as plain functions of what was true and what was predicted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.data.text.spans import spans
from recurra.tasks.parts.confusions import Confusion
from recurra.tasks.parts.measurement import Figures, ratios, share
from recurra.tasks.parts.thresholds import UNSURE, Threshold


def label_figures(outputs: Tensor, targets: Sequence[int], threshold: Threshold | None = None) -> Figures:
    """`accuracy`, `macro_f1` (the mean over labels, those predicted or true) and `nats`, the mean of
    -ln P(label), of rows with weights. With a threshold `answered` is the share of rows that get a label, and
    `accuracy` is over these alone.

    Args:
        outputs: `[N, labels]`, logits. targets: the true label of each row.
    """
    true = torch.tensor(targets)
    predicted = chosen_labels(outputs, threshold)
    sure = (predicted >= 0).double()
    hits = (true == predicted).double()
    costs = F.cross_entropy(outputs.float(), true, reduction="none").double()
    labels = outputs.shape[-1]

    def figures(weights: Tensor) -> dict[str, float]:
        matched = torch.bincount(true, weights * hits, labels)
        answers = torch.bincount(predicted.clamp(min=0), weights * sure, labels)
        counts = torch.bincount(true, weights, labels) + answers
        present = counts > 0
        total = float(weights.sum())
        return {
            "accuracy": share(float(weights @ hits), float(weights @ sure)),
            **({} if threshold is None else {"answered": share(float(weights @ sure), total)}),
            "macro_f1": share(float((2 * matched[present] / counts[present]).sum()), int(present.sum())),
            "nats": share(float(weights @ costs), total),
        }

    return figures


def macro_f1(true: Tensor, predicted: Tensor, labels: int) -> Figures:
    """`macro_f1` of rows with weights: the mean over labels that are predicted or true.

    Args:
        true, predicted: `[N]`, below `labels`.
    """

    def figures(weights: Tensor) -> dict[str, float]:
        matched = torch.bincount(true, weights * (true == predicted), labels)
        counts = torch.bincount(true, weights, labels) + torch.bincount(predicted, weights, labels)
        present = counts > 0
        return {"macro_f1": share(float((2 * matched[present] / counts[present]).sum()), int(present.sum()))}

    return figures


def grouped_accuracy(hits: Tensor, groups: Sequence[str], by: str | None) -> Figures:
    """`accuracy_BY_VALUE` of rows with weights, for each value: numbers by size, before words.

    Args:
        hits: `[N]`, 1 where a row is right. groups: the value of each row; empty where there are none.
    """
    inside = {
        f"accuracy_{by}_{group}": torch.tensor([value == group for value in groups])
        for group in sorted(set(groups), key=_in_order)
    }
    return ratios({name: (hits * mask, mask) for name, mask in inside.items()})


def chosen_labels(outputs: Tensor, threshold: Threshold | None) -> Tensor:
    """The label of each row of logits `[N, labels]`; -1 for none."""
    return outputs.argmax(-1) if threshold is None else threshold.choose(outputs.softmax(-1))


def label_confusion(
    names: Sequence[str], outputs: Tensor, targets: Sequence[int], threshold: Threshold | None = None
) -> Confusion:
    """Of rows with one label each; see `label_figures`."""
    answers = chosen_labels(outputs, threshold).tolist()
    pairs = zip(targets, answers, strict=True)
    return Confusion(((names[true], names[k] if k >= 0 else UNSURE) for true, k in pairs), (UNSURE,))


def label_table(names: Sequence[str], outputs: Tensor, threshold: Threshold | None = None) -> dict[str, Any]:
    """The answer to one row of logits `[labels]`, JSON-ready."""
    shares = outputs.softmax(-1)
    label = int(chosen_labels(outputs.unsqueeze(0), threshold))
    return {
        "label": names[label] if label >= 0 else UNSURE,
        "probability": float(shares[label] if label >= 0 else shares.max()),
        "probabilities": dict(zip(names, shares.tolist(), strict=True)),
    }


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


def _in_order(value: str) -> tuple[float, str]:
    return (float(value), "") if value.isdecimal() else (float("inf"), value)
