"""How sure a model has to be of a label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from recurra.errors import Fault, nearest, quoted

UNSURE = "unsure"
"""What is answered in place of a label that is not probable enough."""


class Threshold(NamedTuple):
    """A least probability.

    Attributes:
        value: from 0 to 1.
        label: the number of the label that is given from that probability on, and not below; None: any
            label below it is not given.
    """

    value: float
    label: int | None = None

    def choose(self, shares: Tensor) -> Tensor:
        """The labels of rows `[N, K]` of probabilities, `[N]` int64; -1 for one that is not sure."""
        best = shares.argmax(-1)
        if self.label is None:
            return torch.where(shares.amax(-1) >= self.value, best, -1)
        others = shares.clone()
        others[:, self.label] = -1.0
        return torch.where(shares[:, self.label] >= self.value, self.label, others.argmax(-1))


def read_threshold(text: str, names: Sequence[str]) -> Threshold:
    """A number, or LABEL=NUMBER.

    Raises:
        Fault: it is neither, outside 0 to 1, or of a label that there is none of.
    """
    label, equals, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        raise Fault(
            f"--threshold {quoted(text)}: expected a probability from 0 to 1, or one of a label, as yes=0.4"
        ) from None
    if not 0 <= value <= 1:
        raise Fault(f"--threshold {quoted(text)}: {value:g} found, expected a probability from 0 to 1")
    if not equals:
        return Threshold(value)
    if label not in names:
        raise Fault(f"--threshold {quoted(text)}: no label is called {label!r}{nearest(label, names)}")
    return Threshold(value, list(names).index(label))


class Best(NamedTuple):
    """The threshold of a label with the best F1, and what it gives."""

    threshold: float
    f1: float
    precision: float
    recall: float


def best_threshold(shares: Tensor, true: Tensor) -> Best:
    """Of all thresholds that tell rows apart, the one with the best F1; of equals the highest.

    Args:
        shares: `[N]`, the label's probability in each row. true: `[N]` bool, whether the row has it.
    """
    order = shares.double().argsort(descending=True, stable=True)
    ranked, hits = shares.double()[order], true[order].double().cumsum(0)
    answers = torch.arange(1, len(ranked) + 1, dtype=torch.float64)
    scores = 2 * hits / (answers + true.sum())
    apart = torch.cat([ranked[:-1] > ranked[1:], torch.tensor([True])])  # a threshold can't part equals
    at = int(torch.where(apart, scores, -1.0).argmax())
    below = float(ranked[at + 1]) if at + 1 < len(ranked) else 0.0
    return Best(
        (float(ranked[at]) + below) / 2,
        float(scores[at]),
        float(hits[at] / answers[at]),
        float(hits[at] / true.sum().clamp(min=1)),
    )
