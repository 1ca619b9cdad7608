"""Paths drawn: observed, true and forecast."""

from __future__ import annotations

import math
from pathlib import Path

from recurra.data.series import Windows
from recurra.models.forecaster import Forecaster
from recurra.storage.figures import check_ending, new_figure, save_figure
from recurra.tasks.forecast.plot import FORECAST, TRUTH
from recurra.tasks.forecast.windows import forecasts


def plot_paths(model: Forecaster, windows: Windows, path: Path) -> None:
    """One panel a window."""
    check_ending(path)
    across = math.ceil(math.sqrt(len(windows)))
    down = math.ceil(len(windows) / across)
    figure = new_figure(2.8 * across, 2.8 * down + 0.4)
    grid = figure.subplots(down, across, squeeze=False).flatten()
    for axes in grid[len(windows) :]:
        axes.set_axis_off()
    for numbers, context, future, ahead in forecasts(model, windows):
        means = model.mean(ahead)
        for row, number in enumerate(numbers):
            axes = grid[number]
            last = context[row, -1:].cpu().tolist()
            for points, colour, marker, label in (
                (context[row].cpu().tolist(), "#7f8c8d", ".", "walked"),
                (last + future[row].cpu().tolist(), TRUTH, ".", "came"),
                (last + means[row].cpu().tolist(), FORECAST, "x", "told"),
            ):
                x, y = zip(*points, strict=True)
                axes.plot(x, y, color=colour, marker=marker, markersize=4, linewidth=1, label=label)
            axes.set_aspect("equal", adjustable="datalim")
            axes.tick_params(labelsize=8)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    save_figure(figure, path)
