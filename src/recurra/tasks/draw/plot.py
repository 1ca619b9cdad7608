"""Drawings in a grid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from recurra.storage.figures import check_ending, new_figure, save_figure

INK = "#1f2d3d"


def plot_drawings(drawings: Sequence[Tensor], path: Path) -> None:
    """Each drawing `[T, 3]` (dx, dy, lifted; y runs downwards) in a cell of its own, at its own size."""
    check_ending(path)
    across = math.ceil(math.sqrt(len(drawings)))
    down = math.ceil(len(drawings) / across)
    figure = new_figure(1.5 * across, 1.5 * down)
    grid = figure.subplots(down, across, squeeze=False).flatten()
    for axes in grid:
        axes.set_axis_off()
    for axes, drawing in zip(grid, drawings, strict=False):
        for x, y in lines(drawing):
            dot = "." if len(x) == 1 else None
            axes.plot(x, y, color=INK, linewidth=1.3, solid_capstyle="round", marker=dot, markersize=2)
        axes.set_aspect("equal", adjustable="datalim")
        axes.invert_yaxis()
    save_figure(figure, path)


def lines(drawing: Tensor) -> list[tuple[list[float], list[float]]]:
    """The points of each stroke. The step after a lift, and the first one, moves without drawing."""
    points = drawing[:, :2].cumsum(0)
    ends = (drawing[:, 2] > 0).nonzero().flatten().add(1).tolist()
    if len(drawing) not in ends:
        ends.append(len(drawing))
    return [
        (points[a:b, 0].tolist(), points[a:b, 1].tolist()) for a, b in zip([0, *ends[:-1]], ends, strict=True)
    ]
