"""Attachment scores by the rules of the CoNLL 2018 shared task (Zeman et al., 2018), for gold tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain


def attachment_scores(
    heads: Sequence[Sequence[int]],
    labels: Sequence[Sequence[str]],
    predicted_heads: Sequence[Sequence[int]],
    predicted_labels: Sequence[Sequence[str]],
) -> Mapping[str, float]:
    """`uas`, the share of words with the right head; `las`, of those with the right label besides, up to its
    first ":". Punctuation counts; 0 where there is no word.
    """
    right_heads, right_labels = 0, 0
    count = sum(map(len, heads))
    for true, predicted, names, predicted_names in zip(
        heads, predicted_heads, labels, predicted_labels, strict=True
    ):
        for head, guess, name, label in zip(true, predicted, names, predicted_names, strict=True):
            right_heads += head == guess
            right_labels += head == guess and universal(name) == universal(label)
    return {"uas": right_heads / max(1, count), "las": right_labels / max(1, count)}


def tag_accuracy(tags: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    """The share of words with the right tag; 0 where there is no word."""
    pairs = zip(chain.from_iterable(tags), chain.from_iterable(predicted), strict=True)
    return sum(true == guess for true, guess in pairs) / max(1, sum(map(len, tags)))


def universal(label: str) -> str:
    """A label without its subtype: `nsubj` of `nsubj:pass`."""
    return label.partition(":")[0]
