"""What follows the last row of a file or table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from recurra.data import Examples, Place, columns
from recurra.data.series import Series
from recurra.data.times import calendar, to_text
from recurra.errors import Fault
from recurra.models.forecaster import Forecaster
from recurra.tasks.forecast.data import ForecastData
from recurra.tasks.forecast.scores import interval_levels
from recurra.tasks.parts.contexts import device_of, evaluating
from recurra.tasks.parts.sources import SourceOptions, read_like


def answers(model: Forecaster, data: ForecastData, item: Any) -> dict[str, Any]:
    """The steps after the last row of each series of an item.

    Args:
        item: a file of the training data's format, or a table `{column: [cells]}`. Where columns are known
            ahead, its last rows hold them and leave the targets empty.

    Returns:
        {"forecasts": [{"series", "time": [...], "targets": {name: {"forecast": [...], "low", "high" where
        an interval is told, "direction" of the change over the horizon}}}]}
    """
    examples = _read(data, item)
    past, future = _split(examples, data)
    series, step = data.read(past), data.step
    last = {(each.places[0].file, each.name): each for each in series}
    return {
        "forecasts": [_one(model, data, each, _ahead(data, each, step, future)) for each in last.values()]
    }


def table_of(item: Mapping[str, Any]) -> Examples:
    """Columns given by hand, as a table."""
    lengths = {name: len(cells) for name, cells in item.items()}
    if len(set(lengths.values())) != 1:
        raise Fault(f"columns of different lengths found: {lengths}")
    count = next(iter(lengths.values()))
    return Examples(
        {name: list(cells) for name, cells in item.items()},
        [Place("item", n + 1, "row") for n in range(count)],
        "item",
    )


def _read(data: ForecastData, item: Any) -> Examples:
    if isinstance(item, Mapping):
        return table_of(item)
    if isinstance(item, str):
        return read_like(SourceOptions(train=data.options.train), item)
    raise Fault(f"{item!r} found, expected a file, or a table {{column: [cells]}}")


def _split(examples: Examples, data: ForecastData) -> tuple[Examples, Examples]:
    """Rows with measurements, and those that hold what is known ahead alone."""
    if not data.options.known:
        return examples, examples.take([])
    cells = [examples[name] for name in data.options.targets]
    empty = [all(cell in (None, "") for cell in row) for row in zip(*cells, strict=True)]
    return (
        examples.take(i for i, e in enumerate(empty) if not e),
        examples.take(i for i, e in enumerate(empty) if e),
    )


def _ahead(data: ForecastData, series: Series, step: float, future: Examples) -> Tensor:
    """`[H, K]`: what is known of the steps to come."""
    options = data.options
    parts = []
    if options.known:
        if options.series is not None:
            labels = columns.labels(future, options.series)
            future = future.take(i for i, label in enumerate(labels) if label == series.name)
        if len(future) < options.horizon:
            raise Fault(
                f"{series.places[-1].file}: {len(future)} rows after the last measurement, expected "
                f"{options.horizon} with {', '.join(options.known)}, which are known ahead"
            )
        parts.append(columns.numbers(future, *options.known)[: options.horizon])
    times = [series.times[-1] + step * (k + 1) for k in range(options.horizon)]
    return torch.cat([*parts, calendar(times, options.calendar)], 1)


def _one(model: Forecaster, data: ForecastData, series: Series, known: Tensor) -> dict[str, Any]:
    options = data.options
    if len(series.values) < options.context:
        raise Fault(
            f"{series.places[-1]}: the series ends {len(series.values)} rows after its start or last gap, "
            f"expected at least context = {options.context}"
        )
    context = series.values[-options.context :].unsqueeze(0)
    device = device_of(model)
    with evaluating(model):
        both = torch.cat([series.known[-options.context :], known]).unsqueeze(0)
        ahead = model(context.to(device), both.to(device))
        means = model.mean(ahead)[0].cpu()
        levels = interval_levels(model, options.interval)
        bounds = None if levels is None else model.quantiles(ahead, levels)[0].cpu()
    targets = {}
    for k, name in enumerate(options.targets):
        change = float(means[-1, k] - series.values[-1, k])
        targets[name] = {
            "forecast": means[:, k].tolist(),
            **({} if bounds is None else {"low": bounds[:, k, 0].tolist(), "high": bounds[:, k, 1].tolist()}),
            "direction": "up" if change > 0 else "down" if change < 0 else "none",
        }
    heading: dict[str, Any] = {"series": series.name} if series.name else {}
    if options.gaps != "allow":
        times = [series.times[-1] + data.step * (k + 1) for k in range(options.horizon)]
        heading["time"] = [to_text(each, series.clock) for each in times]
    return {**heading, "targets": targets}
