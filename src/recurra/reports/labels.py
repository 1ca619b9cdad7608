"""How good each label is, and which is taken for which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Pairs = Counter[tuple[str, str]]
"""True label, answered label -> how often."""


class LabelScore(NamedTuple):
    """Of one label: shares from 0 to 1, a share of nothing is 0; `support`: how often it is true."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


def label_pairs(answers: Iterable[tuple[Mapping[str, Any], Any]]) -> Pairs:
    """Of answers with a `label`, or `tags`, and what is true. Empty where answers are no labels."""
    pairs: Pairs = Counter()
    for answer, truth in answers:
        if "label" in answer:
            true = truth[-1] if isinstance(truth, list) else truth  # of a tree the root's
            pairs.update([(true, answer["label"])] if true else [])
        elif "tags" in answer and isinstance(truth, list):
            pairs.update(zip(truth, answer["tags"], strict=True))
    return pairs


def label_scores(pairs: Pairs) -> list[LabelScore]:
    """Of every label that is true or answered, the most frequent first."""
    true, answers = Counter[str](), Counter[str]()
    for (truth, answer), count in pairs.items():
        true[truth] += count
        answers[answer] += count
    rows = []
    for label in sorted(true | answers, key=lambda name: (-true[name], name)):
        hits, total = pairs[label, label], true[label] + answers[label]
        precision, recall = _share(hits, answers[label]), _share(hits, true[label])
        rows.append(LabelScore(label, precision, recall, _share(2 * hits, total), true[label]))
    return rows


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
