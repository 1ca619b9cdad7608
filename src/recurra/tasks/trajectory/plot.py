"""Paths drawn: observed, true and forecast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from recurra.storage.colours import colours
from recurra.storage.figures import new_figure
from recurra.storage.panels import grid, paint


def draw_paths(rows: Sequence[tuple[Tensor, Tensor, Tensor | None]], dark: bool) -> Any:
    """A figure of a panel for each path: the points `[L, 2]` that were read, those forecast, `[H, 2]`, and
    those that came, where they are known.
    """
    tint = colours(dark)
    across = math.ceil(math.sqrt(len(rows)))
    down = math.ceil(len(rows) / across)
    figure = new_figure(2.8 * across, 2.8 * down + 0.4)
    figure.set_facecolor(tint.ground)
    table = figure.subplots(down, across, squeeze=False).flatten()
    for axes in table[len(rows) :]:
        axes.set_axis_off()
    for axes, (context, forecast, truth) in zip(table, rows, strict=False):
        paint(axes, dark)
        last = context[-1:].tolist()
        lines = [(context.tolist(), tint.grey, ".", "read")]
        if truth is not None:
            lines.append((last + truth.tolist(), tint.ink, ".", "came"))
        lines.append((last + forecast.tolist(), tint.blue, "x", "forecast"))
        for points, colour, marker, label in lines:
            x, y = zip(*points, strict=True)
            axes.plot(x, y, color=colour, marker=marker, markersize=4, linewidth=1.2, label=label)
        axes.set_aspect("equal", adjustable="datalim")
        axes.tick_params(labelsize=8)
        grid(axes, dark)
    handles, labels = table[0].get_legend_handles_labels()
    legend = {"loc": "outside lower center", "ncols": 3, "labelcolor": tint.ink}
    figure.legend(handles, labels, frameon=False, **legend)
    return figure
