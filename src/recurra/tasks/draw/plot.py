"""Drawings in a grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from recurra.storage.colours import colours
from recurra.storage.figures import check_ending, new_figure, save_figure

_DEAREST = 0.97  # quantile of the costs that has the last colour


def plot_drawings(drawings: Sequence[Tensor], path: Path) -> None:
    """Each drawing `[T, 3]` (dx, dy, lifted; y runs downwards) in a cell of its own, at its own size."""
    check_ending(path)
    save_figure(draw_drawings(drawings), path)


def draw_drawings(
    drawings: Sequence[Tensor], costs: Sequence[Tensor] | None = None, dark: bool = False
) -> Any:
    """A figure of drawings, in ink, or each step in the colour of its cost.

    Args:
        costs: `[T]` of each drawing, nats a step: a step is grey where it was expected, red where it
            surprised.
    """
    tint = colours(dark)
    across = math.ceil(math.sqrt(len(drawings)))
    down = math.ceil(len(drawings) / across)
    figure = new_figure(1.5 * across, 1.5 * down + (0.3 if costs is not None else 0))
    figure.set_facecolor(tint.ground)
    grid = figure.subplots(down, across, squeeze=False).flatten()
    for axes in grid:
        axes.set_axis_off()
    for number, (axes, drawing) in enumerate(zip(grid, drawings, strict=False)):
        if costs is None:
            for x, y in lines(drawing):
                dot = "." if len(x) == 1 else None
                axes.plot(
                    x, y, color=tint.ink, linewidth=1.3, solid_capstyle="round", marker=dot, markersize=2
                )
        else:
            _draw_costs(axes, drawing, costs[number], dark)
            axes.set_title(f"{float(costs[number].mean()):.2f} nats a step", fontsize=7, color=tint.grey)
        axes.set_aspect("equal", adjustable="datalim")
        axes.invert_yaxis()
    return figure


def _draw_costs(axes: Any, drawing: Tensor, costs: Tensor, dark: bool) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.colors import LinearSegmentedColormap

    tint = colours(dark)
    points = drawing[:, :2].cumsum(0).tolist()
    lifted = (drawing[:, 2] > 0).tolist()
    segments = [k for k in range(1, len(points)) if not lifted[k - 1]]
    values = [float(costs[k]) for k in segments]
    if not segments:
        axes.plot(*zip(*points, strict=True), ".", color=tint.ink, markersize=2)
        return
    ramp = LinearSegmentedColormap.from_list("cost", [tint.grey, tint.ink, tint.red])
    low, high = float(costs.quantile(0.1)), float(costs.quantile(_DEAREST))
    collection = LineCollection(
        [[points[k - 1], points[k]] for k in segments], cmap=ramp, linewidths=1.5, capstyle="round"
    )
    collection.set_array(values)
    collection.set_clim(low, max(high, low + 1e-6))
    axes.add_collection(collection)
    axes.autoscale_view()


def lines(drawing: Tensor) -> list[tuple[list[float], list[float]]]:
    """The points of each stroke. The step after a lift, and the first one, moves without drawing."""
    points = drawing[:, :2].cumsum(0)
    ends = (drawing[:, 2] > 0).nonzero().flatten().add(1).tolist()
    if len(drawing) not in ends:
        ends.append(len(drawing))
    return [
        (points[a:b, 0].tolist(), points[a:b, 1].tolist()) for a, b in zip([0, *ends[:-1]], ends, strict=True)
    ]
