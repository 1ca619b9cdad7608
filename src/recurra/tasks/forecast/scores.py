"""A rolling back-test: every window forecast as if its future were not there, and how far off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import Tensor

from recurra.data.series import Windows
from recurra.models.forecaster import Forecaster
from recurra.models.frames import Scaling
from recurra.tasks.forecast.baselines import baselines, steps_a_day
from recurra.tasks.forecast.direction import Directions
from recurra.tasks.forecast.errors import naive_scales, symmetric_errors
from recurra.tasks.forecast.windows import AT_ONCE, forecasts
from recurra.tasks.parts.contexts import device_of
from recurra.tasks.parts.measurement import Figures, ordinals, ratios


def back_test(
    model: Forecaster, windows: Windows, interval: float, season: int | None, majority: Tensor | None
) -> tuple[Figures, Mapping[str, float]]:
    """Metrics over windows with weights, and others.

    `mse` and `mae` are of targets in deviations from their training mean, `smape` and `mase` of targets in
    their own unit; see `recurra.tasks.forecast.errors`. A name that begins with `last_`, `season_` or
    `yesterday_` is the same of a baseline; see `recurra.tasks.forecast.baselines`. `loss` is what training
    minimises. A distribution gives `nll`, nats a number at the scale of `mse`. Quantiles or a distribution
    give `crps`, to be compared with `mae` (a number alone has its error as CRPS), `coverage`: the share of
    numbers within the interval, and `width`: how wide that is, both at the scale of `mae`.

    Args:
        interval: the share that it is to hold.
        season: steps; None leaves that baseline out.
        majority: `[targets]` signs; None scores no directions. Windows that overlap are then left out, so
            that no change counts twice.
    """
    frame = model.frame
    assert isinstance(frame, Scaling)
    sums: dict[str, list[Tensor]] = defaultdict(list)
    signs = None if majority is None else Directions(majority.to(device_of(model)))
    ends: dict[int, int] = {}  # series -> the first step after its last window that was scored
    levels, day = interval_levels(model, interval), steps_a_day(windows)
    scales = naive_scales(windows, frame.targets, season or 1)
    for indices, context, future, ahead in forecasts(model, windows):
        truth = future[..., : frame.targets]
        means = model.mean(ahead)
        history = context[..., : frame.targets]
        scale = scales[[windows.origins[k][0] for k in indices]].to(truth.device).unsqueeze(1)
        exact = frame.standard(truth).double()
        sums["loss"].append(_total(model.loss(ahead, truth)))
        unit = frame.unit(ahead.memo)
        if model.output.density:
            sums["nll"].append(_total(model.loss(ahead, truth).double() + unit.double().log()))
        for name, forecast in (("", means), *baselines(history, truth.shape[1], season, day)):
            errors = frame.standard(forecast).double() - exact
            own = (forecast - truth).double().abs()
            sums[f"{name}mse"].append(_total(errors.square()))
            sums[f"{name}mae"].append(_total(errors.abs()))
            sums[f"{name}smape"].append(_total(symmetric_errors(forecast.double(), truth.double())))
            sums[f"{name}mase"].append(_total(torch.where(scale > 0, own / scale, 0.0)))
        sums["scaled"].append(_total((scale > 0).expand_as(exact)))
        if levels is not None:
            bounds = model.quantiles(ahead, levels)
            low, high = bounds.unbind(-1)
            sums["coverage"].append(_total((low <= truth) & (truth <= high)))
            sums["width"].append(_total(frame.standard(high) - frame.standard(low)))
            sums["crps"].append(_total(model.crps(ahead, truth) * unit))
        if signs is not None:
            _add_signs(signs, windows, indices, history, means[:, -1], truth[:, -1], ends)
    columns = {name: torch.cat(parts) for name, parts in sums.items()}
    scaled = columns.pop("scaled")
    if not bool(scaled.any()):
        columns = {name: column for name, column in columns.items() if not name.endswith("mase")}
    figures = ratios(
        {
            name: (
                column,
                scaled if name.endswith("mase") else torch.full_like(column, numbers_of(windows, frame)),
            )
            for name, column in columns.items()
        }
    )
    return figures, signs.scores() if signs is not None else {}


def numbers_of(windows: Windows, frame: Scaling) -> int:
    """How many numbers a window forecasts."""
    return windows.horizon * frame.targets


def blocks(windows: Windows) -> list[int]:
    """For each window the number of its block: windows that begin within the same 2 x horizon steps of a
    series, and so largely tell the same numbers, are drawn together (Künsch, 1989).
    """
    return ordinals((series, origin // (2 * windows.horizon)) for series, origin in windows.origins)


def _total(numbers: Tensor) -> Tensor:
    """`[B]`: the sums over all but the first dimension, on the CPU."""
    return numbers.flatten(1).double().sum(1).cpu()


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
