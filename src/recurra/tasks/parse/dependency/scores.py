"""Attachment scores by the rules of the CoNLL 2018 shared task (Zeman et al., 2018), for gold tokens."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from recurra.tasks.parts.measurement import Figures, ratios


def attachment_figures(
    heads: Sequence[Sequence[int]],
    labels: Sequence[Sequence[str]],
    predicted_heads: Sequence[Sequence[int]],
    predicted_labels: Sequence[Sequence[str]],
) -> Figures:
    """`uas`, the share of words with the right head; `las`, of those with the right label besides, up to its
    first ":", of sentences with weights. Punctuation counts; 0 where there is no word.
    """
    rows = zip(heads, labels, predicted_heads, predicted_labels, strict=True)
    counts = torch.tensor([_counts(*row) for row in rows]).reshape(-1, 2)
    words = [len(row) for row in heads]
    return ratios({"uas": (counts[:, 0], words), "las": (counts[:, 1], words)})


def _counts(
    heads: Sequence[int],
    labels: Sequence[str],
    predicted_heads: Sequence[int],
    predicted_labels: Sequence[str],
) -> tuple[int, int]:
    """Of one sentence: words with the right head, and those with the right label besides."""
    right_heads, right_labels = 0, 0
    for head, name, guess, label in zip(heads, labels, predicted_heads, predicted_labels, strict=True):
        right_heads += head == guess
        right_labels += head == guess and universal(name) == universal(label)
    return right_heads, right_labels


def universal(label: str) -> str:
    """A label without its subtype: `nsubj` of `nsubj:pass`."""
    return label.partition(":")[0]
