"""Which labels are taken for which, and how good each one is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from recurra.data.text.spans import Span, spans
from recurra.tasks.parts.measurement import share

NONE = "(none)"
"""Where a span is on one side alone."""


class LabelScore(NamedTuple):
    """Of one label; support: how often it is true. A share of nothing is 0."""

    label: str
    precision: float
    recall: float
    f1: float
    support: int


class Confusion:
    """How often each label was taken for each.

    Attributes:
        counts: (true label, predicted label) -> how often.
        labels: all of them, sorted; those that mean none (`NONE`, "unsure") last.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]], nothing: Sequence[str] = (NONE,)) -> None:
        self.counts = Counter(pairs)
        names = {label for pair in self.counts for label in pair}
        self.labels = [*sorted(names - set(nothing)), *(label for label in nothing if label in names)]
        self._nothing = set(nothing)

    def scores(self) -> list[LabelScore]:
        """Of each label that means one."""
        true, predicted = Counter[str](), Counter[str]()
        for (truth, answer), count in self.counts.items():
            true[truth] += count
            predicted[answer] += count
        rows = []
        for label in self.labels:
            if label not in self._nothing:
                hits = self.counts[label, label]
                rows.append(
                    LabelScore(
                        label,
                        share(hits, predicted[label]),
                        share(hits, true[label]),
                        share(2 * hits, true[label] + predicted[label]),
                        true[label],
                    )
                )
        return rows

    def matrix(self) -> list[list[int]]:
        """Rows are true labels, columns predicted ones, both in the order of `labels`."""
        return [[self.counts[row, column] for column in self.labels] for row in self.labels]

    def mistakes(self, count: int) -> list[tuple[str, str, int]]:
        """The most frequent ones: true label, predicted label, how often."""
        wrong = [(*pair, number) for pair, number in self.counts.items() if pair[0] != pair[1]]
        return sorted(wrong, key=lambda each: (-each[2], each[0], each[1]))[:count]


def span_pairs(targets: Sequence[str], predictions: Sequence[str], scheme: str) -> list[tuple[str, str]]:
    """Of the tags of one sentence: the labels of spans with the same words, and `NONE` beside one whose words
    are no span on the other side.
    """
    true, predicted = (_places(spans(tags, scheme)) for tags in (targets, predictions))
    return [(true.get(place, NONE), predicted.get(place, NONE)) for place in true.keys() | predicted.keys()]


def _places(row: Sequence[Span]) -> dict[tuple[int, int], str]:
    return {(span.start, span.end): span.label for span in row}
