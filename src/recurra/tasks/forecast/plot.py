"""Forecasts drawn: what was read, the truth, the forecast and its interval."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recurra.data.series import Windows
from recurra.models.forecaster import Forecaster
from recurra.storage.figures import check_ending, new_figure, save_figure
from recurra.tasks.forecast.options import ForecastOptions
from recurra.tasks.forecast.scores import interval_levels
from recurra.tasks.forecast.windows import forecasts

_MOST_TARGETS = 4
TRUTH, FORECAST = "#333333", "#c0392b"


def plot_windows(model: Forecaster, windows: Windows, options: ForecastOptions, path: Path) -> None:
    """One row a target (four at most), one column a window."""
    check_ending(path)
    names = options.targets[:_MOST_TARGETS]
    figure = new_figure(3.6 * len(windows) + 0.6, 2.1 * len(names) + 0.9)
    grid = figure.subplots(len(names), len(windows), squeeze=False)
    levels = interval_levels(model, options.interval)
    for numbers, context, future, ahead in forecasts(model, windows):
        means = model.mean(ahead).cpu()
        intervals = None if levels is None else model.quantiles(ahead, levels).cpu()
        for row, number in enumerate(numbers):
            series, origin = windows.series[windows.origins[number][0]], windows.origins[number][1]
            for k in range(len(names)):
                history, truth = context[row, :, k].cpu(), future[row, :, k].cpu()
                band = None if intervals is None else intervals[row, :, k]
                _draw(grid[k][number], history, truth, means[row, :, k], band)
            time = series.clock.text(series.times[origin])
            grid[0][number].set_title(f"{series.name} {time}".strip(), fontsize=9)
    for k, name in enumerate(names):
        grid[k][0].set_ylabel(name)
    for axes in grid[-1]:
        axes.set_xlabel("steps")
    handles, labels = grid[0][0].get_legend_handles_labels()
    if levels is not None:
        share = levels[1] - levels[0]
        labels = [f"{share:.0%} interval" if label == "interval" else label for label in labels]
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    save_figure(figure, path)


def _draw(axes: Any, history: Any, truth: Any, forecast: Any, band: Any) -> None:
    visible = min(len(history), 2 * len(truth) + 10)
    joined = [*history[-visible:].tolist(), *truth.tolist()]
    ahead = range(1, len(truth) + 1)
    axes.plot(range(1 - visible, len(truth) + 1), joined, color=TRUTH, linewidth=1.1, label="truth")
    few = len(truth) < 5
    if band is not None:
        style = {"color": FORECAST, "alpha": 0.25, "label": "interval"}
        ends = band[:, 0].tolist(), band[:, 1].tolist()
        if few:
            axes.vlines(ahead, *ends, linewidth=5, **style)
        else:
            axes.fill_between(ahead, *ends, linewidth=0, **style)
    marker = "o" if few else None
    style = {"color": FORECAST, "linewidth": 1.4, "marker": marker, "markersize": 3, "label": "forecast"}
    axes.plot(ahead, forecast.tolist(), **style)
    axes.axvline(0.5, color="#999999", linewidth=0.8, linestyle=":")
    axes.tick_params(labelsize=8)
