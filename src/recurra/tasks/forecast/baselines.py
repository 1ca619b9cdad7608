"""Forecasts without a model: what any model has to beat."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from recurra.data.clocks import Clock
from recurra.data.series import Windows
from recurra.data.stamps import SECOND
from recurra.data.steps import Elapsed, WallClock


def baselines(
    history: Tensor, steps: int, season: int | None, day: int | None
) -> Iterator[tuple[str, Tensor]]:
    """By the beginning of their figures' names: `last_` repeats the last value, `season_` the last season,
    `yesterday_` the last day, where no season says otherwise.

    Args:
        history: `[B, L, targets]`. steps: ahead. season, day: steps of each; None leaves that one out.
    """
    yield "last_", history[:, -1:].expand(-1, steps, -1)
    if season is not None:
        yield "season_", seasonal(history, season, steps)
    elif day is not None:
        yield "yesterday_", seasonal(history, day, steps)


def seasonal(history: Tensor, season: int, steps: int) -> Tensor:
    """The last `season` steps of `[B, L, ...]`, repeated over `steps`."""
    last = history[:, -season:]
    return last[:, torch.arange(steps, device=history.device) % last.shape[1]]


def steps_a_day(windows: Windows) -> int | None:
    """How many steps a day has; None where it is no whole number of several, or contexts are shorter."""
    series = windows.series[0]
    if not isinstance(series.step, (Elapsed, WallClock)) or not isinstance(series.clock, Clock):
        return None
    day, rest = divmod(24 * 3600 * SECOND, series.step.size)
    return int(day) if not rest and 1 < day <= windows.context else None
