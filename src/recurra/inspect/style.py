"""How every picture of the laboratory looks: axes in the colours of light or dark ground."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recurra.storage.colours import colours as colours
from recurra.storage.figures import figure_bytes, new_figure


def picture(
    width: float, height: float, dark: bool, xlabel: str, ylabel: str, columns: int = 1
) -> tuple[Any, Any]:
    """A figure, in inches, and its axes (an array of them for several columns), named with their units."""
    figure = new_figure(width, height, dpi=110)
    figure.set_facecolor(colours(dark).ground)
    axes = figure.subplots(1, columns)
    for each in [axes] if columns == 1 else axes:
        paint(each, dark)
        each.set_xlabel(xlabel)
        each.set_ylabel(ylabel)
    return figure, axes


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
    bar.set_label(label, color=tint.ink)
    bar.ax.tick_params(which="both", colors=tint.ink)
    bar.outline.set_edgecolor(tint.grey)
    return bar


def token_ticks(axes: Any, tokens: Sequence[str]) -> None:
    """The tokens of a text as ticks of the axis of steps."""
    axes.set_xticks(
        range(len(tokens)), [token_text(token) for token in tokens], family="monospace", fontsize=8
    )


def token_text(token: str) -> str:
    """A token as a picture shows it: blanks and line ends as signs."""
    return {" ": "␣", "\n": "⏎", "\t": "⇥"}.get(token, token).replace("$", r"\$")


def png(figure: Any) -> bytes:
    """The picture's file."""
    return figure_bytes(figure)
