"""A rolling back-test: every window forecast as if its future were not there, and how far off."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import Tensor

from recurra.data.series import Windows
from recurra.models.forecaster import Forecaster
from recurra.models.frames import Scaling
from recurra.tasks.forecast.direction import Directions
from recurra.tasks.forecast.windows import AT_ONCE, forecasts
from recurra.tasks.parts.contexts import device_of


def back_test(
    model: Forecaster, windows: Windows, interval: float, season: int | None, majority: Tensor | None
) -> Mapping[str, float]:
    """Metrics over all windows.

    `mse` and `mae` are of targets in deviations from their training mean; `last_` is the same for repeating
    the last value, `season_` for repeating the last season. `loss` is what training minimises. A distribution
    gives `nll`, nats a number at that scale, and `coverage`: the share of numbers within the interval.

    Args:
        interval: the share that it is to hold.
        season: steps; None leaves that baseline out.
        majority: `[targets]` signs; None scores no directions. Windows that overlap are then left out, so
            that no change counts twice.
    """
    frame = model.frame
    assert isinstance(frame, Scaling)
    sums: dict[str, float] = defaultdict(float)
    signs = None if majority is None else Directions(majority.to(device_of(model)))
    ends: dict[int, int] = {}  # series -> the first step after its last window that was scored
    levels = interval_levels(model, interval)
    numbers = 0
    for indices, context, future, ahead in forecasts(model, windows):
        truth = future[..., : frame.targets]
        numbers += truth.numel()
        sums["loss"] += float(model.loss(ahead, truth).sum())
        means = model.mean(ahead)
        history = context[..., : frame.targets]
        candidates = {"": means, "last_": history[:, -1:].expand_as(truth)}
        if season is not None:
            candidates["season_"] = seasonal(history, season, truth.shape[1])
        for name, forecast in candidates.items():
            errors = (frame.standard(forecast) - frame.standard(truth)).double()
            sums[f"{name}mse"] += float(errors.square().sum())
            sums[f"{name}mae"] += float(errors.abs().sum())
        if levels is not None:
            low, high = model.quantiles(ahead, levels).unbind(-1)
            sums["coverage"] += float(((low <= truth) & (truth <= high)).sum())
        if signs is not None:
            _add_signs(signs, windows, indices, history, means[:, -1], truth[:, -1], ends)
    scores = {name: total / numbers for name, total in sums.items()}
    if model.output.density:
        scores["nll"] = scores["loss"] + math.log(float(frame.change))
    return {**scores, **(signs.scores() if signs is not None else {})}


def seasonal(history: Tensor, season: int, steps: int) -> Tensor:
    """The last `season` steps of `[B, L, ...]`, repeated over `steps`."""
    last = history[:, -season:]
    return last[:, torch.arange(steps, device=history.device) % last.shape[1]]


def interval_levels(model: Forecaster, share: float) -> tuple[float, float] | None:
    """The quantiles around the share in the middle; those learnt farthest out, where only some are."""
    levels = model.output.levels
    if levels is None:
        return (1 - share) / 2, (1 + share) / 2
    return (levels[0], levels[-1]) if len(levels) > 1 else None


def last_change(history: Tensor, horizon: int) -> Tensor:
    """`[B, targets]`: the change over the last `horizon` steps of the context, fewer if it is shorter."""
    return history[:, -1] - history[:, -1 - min(horizon, history.shape[1] - 1)]


def _add_signs(
    signs: Directions,
    windows: Windows,
    indices: range,
    history: Tensor,
    forecast: Tensor,
    truth: Tensor,
    ends: dict[int, int],
) -> None:
    now, last = history[:, -1], last_change(history, windows.horizon)
    for row, number in enumerate(indices):
        series, origin = windows.origins[number]
        if origin < ends.get(series, -1):
            continue
        ends[series] = origin + windows.horizon
        time = windows.series[series].times[origin].instant
        signs.add(time, forecast[row] - now[row], truth[row] - now[row], last[row])


def majority_signs(windows: Windows, targets: int) -> Tensor:
    """`[targets]`: the sign of most changes over the horizon in these windows."""
    total = torch.zeros(targets)
    for start in range(0, len(windows), AT_ONCE):
        context, future, _ = windows.take(range(start, min(start + AT_ONCE, len(windows))))
        total += (future[:, -1, :targets] - context[:, -1, :targets]).sign().sum(0)
    return torch.where(total < 0, -1.0, 1.0)
