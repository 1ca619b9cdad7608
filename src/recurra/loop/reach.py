"""What the norms of a watched run come to: how far back the gradient reaches, and its growth per step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

REACH_SHARE = 0.01
"""A gradient has reached as far back as it is above this share of the one at the loss."""


class Reach(NamedTuple):
    """Of norms by steps back from where the gradient begins.

    Attributes:
        steps: the last one back up to which the norm stays above REACH_SHARE of the first; -1: all are 0.
        growth: factor of the norm per step back, fitted until it falls below that share; NaN: too few steps.
    """

    steps: int
    growth: float


def steps_back(table: Tensor, lengths: Tensor, of_time: bool = False) -> Tensor:
    """`[T + 1, B]` by steps that a run has done -> by steps back from its end, on the CPU; NaN beyond.

    Args:
        lengths: `[B]` int64, of the rows.
        of_time: of a run that goes from each row's last step to its first, steps back from that last step;
            the state that it starts from has no place then.
    """
    back = torch.arange(len(table))[:, None]
    place = back + 1 if of_time else lengths[None, :] - back
    outside = (place < 0) | (place > lengths[None, :])
    return table.cpu().gather(0, place.clamp(0, len(table) - 1)).masked_fill(outside, math.nan)


def reach_of(norms: Sequence[float], rows: Sequence[int]) -> Reach:
    """Of one line of norms.

    Args:
        rows: how many rows each of them is of: its weight in the fit.
    """
    start = next((d for d, value in enumerate(norms) if value > 0), None)
    if start is None:
        return Reach(-1, math.nan)
    end = start
    while end + 1 < len(norms) and norms[end + 1] >= REACH_SHARE * norms[start]:
        end += 1
    window = [d for d in range(start, min(end + 2, len(norms))) if norms[d] > 0]
    if len(window) < 2:
        return Reach(end, math.nan)
    x = torch.tensor(window, dtype=torch.float64)
    y = torch.tensor([norms[d] for d in window], dtype=torch.float64).log()
    share = torch.tensor([rows[d] for d in window], dtype=torch.float64)
    x, y = x - (share * x).sum() / share.sum(), y - (share * y).sum() / share.sum()
    return Reach(end, float(((share * x * y).sum() / (share * x * x).sum()).exp()))
