"""A picture's ground, ink and axes."""

from __future__ import annotations

from typing import Any, NamedTuple

from recurra.storage.figures import figure_bytes, new_figure


class Colours(NamedTuple):
    """Of a picture on light or on dark ground."""

    ink: str
    ground: str
    blue: str
    red: str
    grey: str
    green: str


def colours(dark: bool) -> Colours:
    """Those of the ground."""
    if dark:
        return Colours("#e6edf3", "#0d1117", "#58a6ff", "#ff7b72", "#8b949e", "#3fb950")
    return Colours("#24292f", "white", "#1f6feb", "#cf222e", "#6e7781", "#1a7f37")


def picture(
    width: float, height: float, dark: bool, xlabel: str, ylabel: str, columns: int = 1
) -> tuple[Any, Any]:
    """A figure, in inches, and its axes (an array of them for several columns), named."""
    c = colours(dark)
    figure = new_figure(width, height, dpi=110)
    figure.set_facecolor(c.ground)
    axes = figure.subplots(1, columns)
    for each in [axes] if columns == 1 else axes:
        each.set_facecolor(c.ground)
        each.spines[["top", "right"]].set_visible(False)
        each.spines[["left", "bottom"]].set_color(c.ink)
        each.tick_params(colors=c.ink, which="both")
        each.set_xlabel(xlabel, color=c.ink)
        each.set_ylabel(ylabel, color=c.ink)
        each.title.set_color(c.ink)
    return figure, axes


def legend(axes: Any, dark: bool, **options: Any) -> None:
    """A legend without a frame, in the ground's ink."""
    axes.legend(frameon=False, labelcolor=colours(dark).ink, fontsize=9, **options)


def png(figure: Any) -> bytes:
    """The picture's file."""
    return figure_bytes(figure)
