"""Forecasts drawn: what was read, the truth, the forecast and its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from recurra.storage.colours import Colours, colours
from recurra.storage.figures import new_figure
from recurra.storage.panels import caption, grid, paint, step_ticks

_MOST_TARGETS, _MOST_COLUMNS = 4, 4
_WIDTH, _HEIGHT = 3.6, 2.1  # inches of a panel


class Band(NamedTuple):
    """What is drawn of one target of one series.

    Attributes:
        history: what was read, the last value at step 0. forecast: of the steps ahead.
        low, high: of its interval; None where no interval is told. truth: what came; None where it has not.
    """

    history: Sequence[float]
    forecast: Sequence[float]
    low: Sequence[float] | None
    high: Sequence[float] | None
    truth: Sequence[float] | None


def draw_forecasts(
    windows: Sequence[tuple[str, Sequence[Band]]], names: Sequence[str], share: float | None, dark: bool
) -> Any:
    """A figure of a column for each window and a row for each target (four at most); further windows stand
    below.

    Args:
        windows: a title and the targets of each. names: of the targets. share: of the interval, such as 0.8.
    """
    tint = colours(dark)
    names = names[:_MOST_TARGETS]
    across = min(len(windows), _MOST_COLUMNS)
    blocks = -(-len(windows) // across)
    figure = new_figure(max(5.4, _WIDTH * across + 0.6), _HEIGHT * len(names) * blocks + 0.9)
    figure.set_facecolor(tint.ground)
    table = figure.subplots(len(names) * blocks, across, squeeze=False)
    for axes in table.flatten():
        axes.set_axis_off()
    handles: dict[str, Any] = {}
    for number, (title, bands) in enumerate(windows):
        block, column = divmod(number, across)
        for k, (name, band) in enumerate(zip(names, bands, strict=False)):
            axes = table[block * len(names) + k][column]
            axes.set_axis_on()
            paint(axes, dark)
            _draw(axes, band, tint)
            if not column:
                axes.set_ylabel(name.replace("$", r"\$"))
            if not k:
                caption(axes, title, dark, most=44)
            if k == len(names) - 1:
                step_ticks(axes, "steps")
            grid(axes, dark)
            handles |= dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    labels = [f"{share:.0%} interval" if name == "interval" and share else name for name in handles]
    legend = {"loc": "outside lower center", "ncols": max(1, len(labels)), "labelcolor": tint.ink}
    figure.legend(list(handles.values()), labels, frameon=False, **legend)
    return figure


def band(values: Tensor, means: Tensor, bounds: Tensor | None, truth: Tensor | None, number: int) -> Band:
    """Of target `number` of `[T, K]` values, `[H, K]` means and truth, and `[H, K, 2]` bounds."""
    visible = min(len(values), 2 * len(means) + 10)
    return Band(
        values[-visible:, number].tolist(),
        means[:, number].tolist(),
        None if bounds is None else bounds[:, number, 0].tolist(),
        None if bounds is None else bounds[:, number, 1].tolist(),
        None if truth is None else truth[:, number].tolist(),
    )


def _draw(axes: Any, target: Band, tint: Colours) -> None:
    steps = len(target.forecast)
    ahead, few = range(1, steps + 1), steps < 5
    joined = [*target.history, *(target.truth or [])]
    first = 1 - len(target.history)
    label = "read, and what came" if target.truth is not None else "read"
    axes.plot(range(first, first + len(joined)), joined, color=tint.ink, linewidth=1.1, label=label)
    if target.low is not None and target.high is not None:
        style = {"color": tint.blue, "alpha": 0.25, "label": "interval"}
        if few:
            axes.vlines(ahead, target.low, target.high, linewidth=5, **style)
        else:
            axes.fill_between(ahead, target.low, target.high, linewidth=0, **style)
    style = {"linewidth": 1.4, "marker": "o" if few else None, "markersize": 3, "label": "forecast"}
    axes.plot(ahead, target.forecast, color=tint.blue, **style)
    axes.axvline(0.5, color=tint.grey, linewidth=0.8, linestyle=":")
    axes.tick_params(labelsize=8)
