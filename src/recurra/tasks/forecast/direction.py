"""The sign of a change: how often a forecast has it right, and what knowing nothing would give."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import Tensor

from recurra.data.clocks import Ticks

_Z = 1.959964  # of 95 %


class Directions:
    """Hits and misses of signs, gathered window by window.

    Series without a change are left out. A forecast made at one time counts as one observation for the
    interval, however many targets it has: they move together.

    Args:
        majority: `[targets]`, the most frequent sign in training, for a baseline.
    """

    def __init__(self, majority: Tensor) -> None:
        self.majority = majority
        self._hits: dict[Ticks | float, list[float]] = defaultdict(list)
        self._counts = torch.zeros(3, dtype=torch.float64)

    def add(self, time: Ticks | float, forecast: Tensor, truth: Tensor, last: Tensor) -> None:
        """Changes `[targets]` over the horizon, forecast and true, and the last change before them."""
        moves = truth != 0
        hits = [(change.sign() == truth.sign())[moves] for change in (forecast, self.majority, last)]
        self._hits[time] += hits[0].double().tolist()
        self._counts += torch.stack([each.sum() for each in hits]).cpu()

    def scores(self) -> Mapping[str, float]:
        """Hit rate with its 95 % interval; the two baselines: the training majority's sign, and the last
        change's sign; and the number of changes.
        """
        groups = [hits for hits in self._hits.values() if hits]
        count = sum(map(len, groups))
        if not count:
            return {}
        rate, majority, persistence = (self._counts / count).tolist()
        low, high = interval(groups)
        return {
            "hit_rate": rate,
            "hit_rate_low": low,
            "hit_rate_high": high,
            "hit_rate_majority": majority,
            "hit_rate_persistence": persistence,
            "changes": float(count),
        }


def interval(groups: list[list[float]]) -> tuple[float, float]:
    """The 95 % interval of the mean of zeros and ones in independent groups (Wilson, 1927, with the number of
    observations that the spread between groups is worth).
    """
    count = sum(map(len, groups))
    rate = sum(map(sum, groups)) / count
    worth = float(len(groups))
    if 0 < rate < 1 and len(groups) > 1:
        spread = sum((sum(hits) - rate * len(hits)) ** 2 for hits in groups)
        variance = spread / count**2 * len(groups) / (len(groups) - 1)
        worth = min(float(count), rate * (1 - rate) / variance) if variance > 0 else float(count)
    middle = (rate + _Z**2 / (2 * worth)) / (1 + _Z**2 / worth)
    half = _Z / (1 + _Z**2 / worth) * math.sqrt(rate * (1 - rate) / worth + _Z**2 / (4 * worth**2))
    return max(0.0, middle - half), min(1.0, middle + half)
