"""What follows the last row of a file or table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.data import Examples, Place, columns
from recurra.data.clocks import Moment, near
from recurra.data.columns import excerpt
from recurra.data.notation import PLAIN, Notation
from recurra.data.series import Series
from recurra.data.times import calendar, read_times, wall_seconds
from recurra.errors import Fault
from recurra.models.forecaster import Forecaster
from recurra.tasks.forecast.data import ForecastData
from recurra.tasks.forecast.scores import interval_levels
from recurra.tasks.forecast.windows import AT_ONCE
from recurra.tasks.parts.batches import chunks
from recurra.tasks.parts.contexts import device_of, evaluating
from recurra.tasks.parts.sources import SourceOptions, notation_like, read_like


class Ahead(NamedTuple):
    """One series of an item, and the steps to come: their times, and `[H, K]`, what is known of them."""

    series: Series
    times: list[Moment]
    extra: Tensor


def read_item(data: ForecastData, item: Any) -> list[Ahead]:
    """Each series of an item.

    Args:
        item: a file of the training data's format, or a table `{column: [cells]}`. Where columns are known
            ahead, its last rows hold them and leave the targets empty.

    Raises:
        Fault: it is neither, or a series of it is shorter than what the model reads.
    """
    past, future = _split(read_table(data, item), data)
    last = {(each.places[0].file, each.name): each for each in data.read(past)}
    return [_of_series(data, each, future) for each in last.values()]


def answers(
    model: Forecaster, data: ForecastData, items: Sequence[Sequence[Ahead]]
) -> Iterator[dict[str, Any]]:
    """The steps after the last row of each series, item by item; all series are read together.

    Yields:
        {"forecasts": [{"series", "time": [...], "missing": how many numbers of the context are made up,
        where any are, "targets": {name: {"forecast": [...], "low", "high" where
        an interval is told, "direction" of the change over the horizon}}}]}
    """
    forecasts = (
        forecast
        for chunk in chunks((row for item in items for row in item), AT_ONCE)
        for forecast in _together(model, data, chunk)
    )
    for item in items:
        yield {"forecasts": list(islice(forecasts, len(item)))}


def table_of(item: Mapping[str, Any], notation: Notation = PLAIN) -> Examples:
    """Columns given by hand, as a table."""
    lengths = {name: len(cells) for name, cells in item.items()}
    if len(set(lengths.values())) != 1:
        raise Fault(f"columns of different lengths found: {lengths}")
    count = next(iter(lengths.values()))
    return Examples(
        {name: list(cells) for name, cells in item.items()},
        [Place("item", n + 1, "row") for n in range(count)],
        "item",
        notation,
    )


def read_table(data: ForecastData, item: Any) -> Examples:
    """The rows of a file or table. Fault where it is neither."""
    source = SourceOptions(train=data.options.train)
    if isinstance(item, Mapping):
        return data.readable(table_of(item, notation_like(source)))
    if isinstance(item, str):
        return data.readable(read_like(source, item))
    raise Fault(f"{excerpt(item)} found, expected a file, or a table {{column: [cells]}}")


def _split(examples: Examples, data: ForecastData) -> tuple[Examples, Examples]:
    """Rows with measurements, and those after the last one of their series: they hold what is known ahead."""
    options = data.options
    if not options.known:
        return examples, examples.take([])
    cells = [examples[name] for name in options.targets]
    labels = [""] * len(examples) if options.series is None else columns.labels(examples, options.series)
    keys = [(place.file, label) for place, label in zip(examples.places, labels, strict=True)]
    last = {
        key: row
        for row, key in enumerate(keys)
        if not all(examples.notation.is_missing(column[row]) for column in cells)
    }
    future = [row > last.get(key, -1) for row, key in enumerate(keys)]
    if all(future):
        raise Fault(f"{examples.source}: no row has measurements: there is nothing to forecast from")
    return (
        examples.take(row for row, late in enumerate(future) if not late),
        examples.take(row for row, late in enumerate(future) if late),
    )


def _ahead(data: ForecastData, series: Series, times: Sequence[Moment], future: Examples) -> Tensor:
    """`[H, K]`: what is known of the steps to come."""
    options = data.options
    parts = []
    if options.known:
        file = series.places[-1].file
        labels = [""] * len(future) if options.series is None else columns.labels(future, options.series)
        rows = [
            row
            for row, (label, place) in enumerate(zip(labels, future.places, strict=True))
            if label == series.name and place.file == file
        ]
        if len(rows) < options.horizon:
            raise Fault(
                f"{file}: {len(rows)} rows after the last measurement, expected {options.horizon} with "
                f"{', '.join(options.known)}, which are known ahead"
            )
        future = future.take(rows[: options.horizon])
        _check_times(data, series, times, future)
        parts.append(columns.numbers(future, *options.known))
    parts.append(
        calendar(wall_seconds(times), options.calendar) if times else torch.zeros(options.horizon, 0)
    )
    return torch.cat(parts, 1)


def _check_times(data: ForecastData, series: Series, times: Sequence[Moment], future: Examples) -> None:
    """Fault unless the rows known ahead stand at the times of the forecast."""
    if data.options.time is None or not times:
        return
    group = [range(len(future))]
    zone, dates = data.zone, series.clock.calendar
    (stamps,) = read_times(future, data.options.time, group, zone=zone, calendar=dates)
    for moment, time, place in zip(stamps.moments, times, future.places, strict=True):
        if not near(moment, time, series.clock):
            raise Fault(
                f"{place}: time stamp {stamps.clock.text(moment)} found in a row known ahead, expected "
                f"{series.clock.text(time)}"
            )


def _times(data: ForecastData, series: Series) -> list[Moment]:
    """The steps to come; none where rows only count as evenly spaced."""
    options = data.options
    if options.gaps == "allow":
        return []
    if series.step is None:
        raise Fault(
            f"{series.places[-1]}: one row alone found, expected more: it does not tell the time between rows"
        )
    last, step, clock = series.times[-1], series.step, series.clock
    try:
        times = [step.ahead(last, k + 1, clock) for k in range(options.horizon)]
        for time in times:
            clock.text(time)
    except (OverflowError, ValueError):
        raise Fault(
            f"{series.places[-1]}: {options.horizon} steps of {step.describe()} after {clock.text(last)} lie "
            f"beyond the year 9999"
        ) from None
    return times


def _of_series(data: ForecastData, series: Series, future: Examples) -> Ahead:
    options, times = data.options, _times(data, series)
    extra = _ahead(data, series, times, future)
    if len(series.values) < options.context:
        raise Fault(
            f"{series.places[-1]}: the series ends {len(series.values)} rows after its start or last gap, "
            f"expected at least context = {options.context}"
        )
    return Ahead(series, times, extra)


def ahead_of(series: Series, at: int, horizon: int) -> Ahead:
    """The steps of a series from number `at` on, of which only what is known ahead may be read."""
    past = series._replace(
        values=series.values[:at],
        known=series.known[:at],
        times=series.times[:at],
        places=series.places[:at],
        blanks=None if series.blanks is None else series.blanks[:at],
    )
    return Ahead(past, series.times[at : at + horizon], series.known[at : at + horizon])


def forecast(model: Forecaster, data: ForecastData, rows: Sequence[Ahead]) -> tuple[Tensor, Tensor | None]:
    """`[B, H, K]`, the means of the steps ahead of each series, and `[B, H, K, 2]`, the bounds of their
    interval, where the model tells one.
    """
    options, device = data.options, device_of(model)
    contexts = torch.stack([row.series.values[-options.context :] for row in rows])
    both = torch.stack([torch.cat([row.series.known[-options.context :], row.extra]) for row in rows])
    with evaluating(model):
        ahead = model(contexts.to(device), both.to(device))
        means = model.mean(ahead).cpu()
        levels = interval_levels(model, options.interval)
        bounds = None if levels is None else model.quantiles(ahead, levels).cpu()
    return means, bounds


def _together(model: Forecaster, data: ForecastData, rows: Sequence[Ahead]) -> list[dict[str, Any]]:
    means, bounds = forecast(model, data, rows)
    each_bounds = [None] * len(rows) if bounds is None else list(bounds)
    return [_one(data, *each) for each in zip(rows, means, each_bounds, strict=True)]


def _one(data: ForecastData, row: Ahead, means: Tensor, bounds: Tensor | None) -> dict[str, Any]:
    options, (series, times, _) = data.options, row
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
        heading["time"] = [series.clock.text(time) for time in times]
    if series.blanks is not None and (missing := int(series.blanks[-options.context :].sum())):
        heading["missing"] = missing
    return {**heading, "targets": targets}


def step_rows(forecast: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The steps ahead of one series, as rows."""
    rows = []
    for step in range(len(next(iter(forecast["targets"].values()))["forecast"])):
        row: dict[str, Any] = {"series": forecast["series"]} if "series" in forecast else {}
        if "time" in forecast:
            row["time"] = forecast["time"][step]
        row["step"] = step + 1
        for name, target in forecast["targets"].items():
            row[name] = target["forecast"][step]
            row.update(
                {f"{name}.{bound}": target[bound][step] for bound in ("low", "high") if bound in target}
            )
        rows.append(row)
    return rows
