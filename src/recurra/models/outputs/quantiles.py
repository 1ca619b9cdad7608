"""Quantiles, each learnt for itself."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.models.outputs.base import Output
from recurra.registry import MODULES


@MODULES.register("quantiles")
class Quantiles(Output):
    """A number for each level, learnt by the pinball loss `max(q e, (q - 1) e)` (Koenker and Bassett, 1978).

    Answers are sorted, so that quantiles never cross (Chernozhukov et al., 2010).

    Args:
        levels: rising, between 0 and 1, 0.5 among them: the median is the forecast itself.
    """

    def __init__(self, levels: Sequence[float] = (0.1, 0.5, 0.9)) -> None:
        rising = all(a < b for a, b in pairwise(levels))
        if not levels or not rising or not levels[0] > 0 or not levels[-1] < 1 or 0.5 not in levels:
            raise Fault(
                f"quantiles at {list(levels)}, expected rising levels between 0 and 1 with 0.5 among them"
            )
        self.levels = tuple(levels)
        self.size = len(levels)
        self.register_buffer("at", torch.tensor(self.levels), persistent=False)
        self.at: Tensor

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        error = target.unsqueeze(-1) - raw
        return torch.maximum(self.at * error, (self.at - 1) * error).sum(-1)

    def mean(self, raw: Tensor) -> Tensor:
        assert self.levels is not None
        return raw.sort(-1).values[..., self.levels.index(0.5)]

    def crps(self, raw: Tensor, target: Tensor) -> Tensor:
        """Twice the mean pinball loss over the levels, which comes to the CRPS as levels fill 0 to 1 evenly
        (Gneiting and Ranjan, 2011); an approximation for few.
        """
        return 2 / self.size * self.loss(raw.sort(-1).values, target)

    def quantiles(self, raw: Tensor, levels: Sequence[float]) -> Tensor:
        assert self.levels is not None
        missing = [level for level in levels if level not in self.levels]
        if missing:
            raise Fault(f"the model learnt the quantiles {list(self.levels)}, not {missing[0]}")
        return raw.sort(-1).values[..., [self.levels.index(level) for level in levels]]
