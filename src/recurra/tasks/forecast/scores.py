"""A rolling back-test: every window forecast as if its future were not there, and how far off."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from recurra.data.series import Windows
from recurra.models.forecaster import Ahead, Forecaster
from recurra.models.frames import Scaling
from recurra.tasks.forecast.direction import Directions
from recurra.tasks.parts.contexts import device_of, evaluating

_AT_ONCE = 256


def forecasts(model: Forecaster, windows: Windows) -> Iterator[tuple[range, Tensor, Tensor, Ahead]]:
    """Windows in order, some at a time: their numbers, contexts, futures and forecasts."""
    device = device_of(model)
    with evaluating(model):
        for start in range(0, len(windows), _AT_ONCE):
            chosen = range(start, min(start + _AT_ONCE, len(windows)))
            context, future, known = (part.to(device) for part in windows.take(chosen))
            yield chosen, context, future, model(context, known)


def back_test(
    model: Forecaster, windows: Windows, interval: float, season: int | None, majority: Tensor | None
) -> Mapping[str, float]:
    """Metrics over all windows.

    `mse` and `mae` are of targets in deviations from their training mean; `last_` is the same for repeating
    the last value, `season_` for repeating the last season. `loss` is what training minimises. A distribution
    gives `nll`, nats a number at that scale, and `coverage`: the share of numbers within the interval told.

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
    spoken: dict[int, int] = {}
    levels = interval_levels(model, interval)
    numbers = 0
    for chosen, context, future, ahead in forecasts(model, windows):
        truth = future[..., : frame.targets]
        numbers += truth.numel()
        sums["loss"] += float(model.loss(ahead, truth).sum())
        told = model.mean(ahead)
        wanted = frame.standard(truth)
        seen = context[..., : frame.targets]
        candidates = {"": told, "last_": seen[:, -1:].expand_as(truth)}
        if season is not None:
            candidates["season_"] = seasonal(seen, season, truth.shape[1])
        for name, said in candidates.items():
            errors = (frame.standard(said) - wanted).double()
            sums[f"{name}mse"] += float(errors.square().sum())
            sums[f"{name}mae"] += float(errors.abs().sum())
        if levels is not None:
            low, high = model.quantiles(ahead, levels).unbind(-1)
            sums["coverage"] += float(((low <= truth) & (truth <= high)).sum())
        if signs is not None:
            _signs(signs, windows, chosen, seen, told[:, -1], truth[:, -1], spoken)
    means = {name: total / numbers for name, total in sums.items()}
    if model.output.density:
        means["nll"] = means["loss"] + math.log(float(frame.change))
    return {**means, **(signs.scores() if signs is not None else {})}


def seasonal(seen: Tensor, season: int, steps: int) -> Tensor:
    """The last `season` steps of `[B, L, ...]`, repeated over `steps`."""
    last = seen[:, -season:]
    return last[:, torch.arange(steps, device=seen.device) % last.shape[1]]


def interval_levels(model: Forecaster, share: float) -> tuple[float, float] | None:
    """The quantiles around the share in the middle; those learnt farthest out, where only some are."""
    known = model.output.levels
    if known is None:
        return (1 - share) / 2, (1 + share) / 2
    return (known[0], known[-1]) if len(known) > 1 else None


def last_change(seen: Tensor, horizon: int) -> Tensor:
    """`[B, targets]`: the change over the last `horizon` steps of the context, fewer if it is shorter."""
    return seen[:, -1] - seen[:, -1 - min(horizon, seen.shape[1] - 1)]


def _signs(
    signs: Directions,
    windows: Windows,
    chosen: range,
    seen: Tensor,
    told: Tensor,
    truth: Tensor,
    spoken: dict[int, int],
) -> None:
    now, before = seen[:, -1], last_change(seen, windows.horizon)
    for row, number in enumerate(chosen):
        series, origin = windows.origins[number]
        if origin < spoken.get(series, -1):
            continue
        spoken[series] = origin + windows.horizon
        time = windows.series[series].times[origin]
        signs.add(time, told[row] - now[row], truth[row] - now[row], before[row])


def majority_signs(windows: Windows, targets: int) -> Tensor:
    """`[targets]`: the sign of most changes over the horizon in these windows."""
    total = torch.zeros(targets)
    for start in range(0, len(windows), _AT_ONCE):
        context, future, _ = windows.take(range(start, min(start + _AT_ONCE, len(windows))))
        total += (future[:, -1, :targets] - context[:, -1, :targets]).sign().sum(0)
    return torch.where(total < 0, -1.0, 1.0)


__all__ = ["back_test", "forecasts", "interval_levels", "last_change", "majority_signs", "seasonal"]
