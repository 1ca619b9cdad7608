"""Axes in the colours of light or dark ground, one below the other where there are several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recurra.storage.colours import colours
from recurra.storage.figures import new_figure

WIDEST = 60.0
"""Inches of a picture over the steps of a text: beyond, steps stand closer."""


def panels(width: float, heights: Sequence[float], dark: bool) -> tuple[Any, list[Any]]:
    """A figure, in inches, and its axes, one below the other, in the colours of the ground."""
    figure = new_figure(width, sum(heights))
    figure.set_facecolor(colours(dark).ground)
    column = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes in column:
        paint(axes, dark)
        axes.tick_params(labelsize=8)
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_fontsize(9)
    return figure, list(column)


def step_ticks(axes: Any, name: str = "step") -> None:
    """Whole numbers alone on the axis of steps."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(name, fontsize=8)


def text_width(tokens: Sequence[str], least: float, letter: float = 0.085) -> float:
    """Inches in which tokens stand beside each other."""
    return min(WIDEST, max(least, letter * sum(max(len(token), 1) + 1.5 for token in tokens)))


def paint(axes: Any, dark: bool) -> None:
    """Gives axes the colours of the ground."""
    tint = colours(dark)
    axes.set_facecolor(tint.ground)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(tint.ink)
    axes.tick_params(colors=tint.ink, which="both")
    for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
        text.set_color(tint.ink)
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_offset_text().set_color(tint.ink)


def grid(axes: Any, dark: bool) -> None:
    """Faint lines at the ticks, behind what is drawn."""
    axes.grid(color=colours(dark).grey, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)


def legend(axes: Any, dark: bool, **options: Any) -> None:
    """A legend without a frame, in the ground's ink; `options` are matplotlib's."""
    axes.legend(**{"frameon": False, "labelcolor": colours(dark).ink, "fontsize": 9, **options})


def colour_bar(figure: Any, image: Any, axes: Any, label: str, dark: bool) -> Any:
    """The scale of an image's colours beside it, named with its unit."""
    tint = colours(dark)
    bar = figure.colorbar(image, ax=axes, pad=0.02)
    bar.set_label(label, color=tint.ink, fontsize=9)
    bar.ax.tick_params(which="both", colors=tint.ink, labelsize=8)
    bar.outline.set_edgecolor(tint.grey)
    return bar


def token_ticks(axes: Any, tokens: Sequence[str], slant: float = 0) -> None:
    """The tokens of a text as ticks of the axis of steps; slanted ones, in degrees, end below their step."""
    names = [token_text(token) for token in tokens]
    turned = {"rotation": slant, "ha": "right", "rotation_mode": "anchor"} if slant else {}
    axes.set_xticks(range(len(tokens)), names, family="monospace", fontsize=8, **turned)


def token_text(token: str) -> str:
    """A token as a picture shows it: blanks and line ends as signs."""
    return {" ": "␣", "\n": "⏎", "\t": "⇥"}.get(token, token).replace("$", r"\$")


def caption(axes: Any, text: str, dark: bool, most: int = 110) -> None:
    """A line over axes, cut where it is long."""
    short = text if len(text) <= most else f"{text[: most - 2]} …"
    axes.set_title(short.replace("$", r"\$"), fontsize=9, loc="left", color=colours(dark).ink)
