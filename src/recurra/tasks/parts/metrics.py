"""How good answers are, as plain functions of what was said and what was true."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.data.text.spans import convert
from recurra.errors import Fault


def accuracy(true: Sequence[Any], said: Sequence[Any]) -> float:
    """The share of equal pairs; 0 for none."""
    return sum(bool(a == b) for a, b in zip(true, said, strict=True)) / max(1, len(true))


def macro_f1(true: Sequence[str], said: Sequence[str]) -> float:
    """The mean over labels, those said or true, of `2 tp / (2 tp + fp + fn)`."""
    hits = Counter(a for a, b in zip(true, said, strict=True) if a == b)
    trues, saids = Counter(true), Counter(said)
    labels = trues.keys() | saids.keys()
    return sum(2 * hits[label] / (trues[label] + saids[label]) for label in labels) / max(1, len(labels))


def span_scores(
    true: Sequence[Sequence[str]], said: Sequence[Sequence[str]], scheme: str
) -> Mapping[str, float]:
    """Precision, recall and F1 over whole spans, all labels together (Tjong Kim Sang and Buchholz, 2000).

    Args:
        true, said: the tags of each sentence.
        scheme: of the tags, see `recurra.data.text.spans`.
    """
    try:
        scorer = importlib.import_module("seqeval.metrics.sequence_labeling")
    except ModuleNotFoundError:
        raise Fault("scores over spans need seqeval: install recurra[text]") from None
    pairs = [[convert(tags, scheme, "BIO") for tags in rows] for rows in (true, said)]
    precision, recall, f1, _ = scorer.precision_recall_fscore_support(
        *pairs, average="micro", zero_division=0
    )
    return {"f1": float(f1), "precision": float(precision), "recall": float(recall)}


def regression_scores(true: Tensor, said: Tensor) -> Mapping[str, float]:
    """Mean squared and mean absolute error over all numbers, and R2: the share of the variance explained,
    the mean over the columns of `[N, K]`; 0 for a column that is constant.
    """
    true, said = true.double(), said.double()
    errors = said - true
    left = errors.square().sum(0)
    whole = (true - true.mean(0)).square().sum(0)
    explained = torch.where(whole > 0, 1 - left / whole.clamp_min(torch.finfo(whole.dtype).tiny), 0.0)
    return {
        "mse": float(errors.square().mean()),
        "mae": float(errors.abs().mean()),
        "r2": float(explained.mean()),
    }
