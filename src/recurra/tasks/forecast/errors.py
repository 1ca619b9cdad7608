"""Errors of forecasts that can be compared from one series to another."""

from __future__ import annotations

import torch
from torch import Tensor

from recurra.data.series import Windows


def symmetric_errors(forecast: Tensor, truth: Tensor) -> Tensor:
    """`2 |y - f| / (|y| + |f|)` of each number, 0 to 2; 0 where both are 0 (sMAPE: Makridakis, 1993, in the
    form of the M4 competition, 2020).
    """
    total = truth.abs() + forecast.abs()
    errors = 2 * (truth - forecast).abs() / total
    return torch.where(total > 0, errors, 0.0)


def naive_scales(windows: Windows, targets: int, season: int) -> Tensor:
    """`[series, targets]`: the mean absolute error of repeating what was `season` steps before, over the rows
    of each series that precede the first step measured (Hyndman and Koehler, 2006: what MASE is scaled by).
    0 where such rows are missing, or never change.
    """
    scales = torch.zeros(len(windows.series), targets, dtype=torch.float64)
    first: dict[int, int] = {}
    for number, origin in windows.origins:
        first[number] = min(origin, first.get(number, origin))
    for number, origin in first.items():
        rows = windows.series[number].values[:origin, :targets].double()
        if len(rows) > season:
            scales[number] = (rows[season:] - rows[:-season]).abs().mean(0)
    return scales
