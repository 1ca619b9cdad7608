"""How every picture of the laboratory looks: colours on light and on dark ground, and axes that use them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from recurra.storage.figures import figure_bytes, new_figure


class Colours(NamedTuple):
    """The colours of one ground.

    Attributes:
        ink: text and axes. ground: behind everything. faint: grids, and what stands back.
        series: lines that are told apart, the most important first; `blue` and `red` are among them.
        ramp: a colour map from little to much. poles: one from below zero to above it.
    """

    ink: str
    ground: str
    faint: str
    blue: str
    red: str
    green: str
    amber: str
    violet: str
    ramp: str
    poles: str

    @property
    def series(self) -> tuple[str, ...]:
        """Lines that are told apart, the most important first."""
        return (self.blue, self.red, self.green, self.amber, self.violet)


_LIGHT = Colours(
    "#24292f", "#ffffff", "#afb8c1", "#1f6feb", "#cf222e", "#1a7f37", "#9a6700", "#8250df", "Blues", "RdBu_r"
)
_DARK = Colours(
    "#e6edf3",
    "#0d1117",
    "#484f58",
    "#58a6ff",
    "#ff7b72",
    "#3fb950",
    "#d29922",
    "#bc8cff",
    "cividis",
    "berlin",
)


def colours(dark: bool = False) -> Colours:
    """Those of the light or the dark ground."""
    return _DARK if dark else _LIGHT


def new_axes(
    width: float, height: float, dark: bool = False, *, rows: int = 1, columns: int = 1
) -> tuple[Any, list[Any]]:
    """A figure of the ground's colour, in inches, and its axes, row by row, without names and units yet."""
    figure = new_figure(width, height, dpi=110)
    figure.set_facecolor(colours(dark).ground)
    axes = [figure.add_subplot(rows, columns, number + 1) for number in range(rows * columns)]
    for each in axes:
        paint(each, dark)
    return figure, axes


def paint(axes: Any, dark: bool = False) -> None:
    """Gives axes the colours of the ground: text, ticks, spines and grid."""
    tint = colours(dark)
    axes.set_facecolor(tint.ground)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[:].set_color(tint.ink)
    axes.tick_params(which="both", colors=tint.ink, labelcolor=tint.ink)
    for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
        text.set_color(tint.ink)
    axes.xaxis.get_offset_text().set_color(tint.ink)
    axes.yaxis.get_offset_text().set_color(tint.ink)


def add_grid(axes: Any, dark: bool = False) -> None:
    """Faint lines at the ticks, behind what is drawn."""
    axes.grid(color=colours(dark).faint, alpha=0.4, linewidth=0.6)
    axes.set_axisbelow(True)


def add_legend(axes: Any, dark: bool = False, **options: Any) -> None:
    """A legend without a frame; `options` are matplotlib's."""
    axes.legend(frameon=False, labelcolor=colours(dark).ink, **options)


def add_colour_bar(figure: Any, image: Any, axes: Any, label: str, dark: bool = False) -> None:
    """The scale of an image's colours beside it, with its unit."""
    tint = colours(dark)
    bar = figure.colorbar(image, ax=axes, pad=0.02)
    bar.set_label(label, color=tint.ink)
    bar.ax.tick_params(which="both", colors=tint.ink, labelcolor=tint.ink)
    bar.outline.set_edgecolor(tint.faint)


def name_tokens(axes: Any, tokens: Sequence[str]) -> None:
    """The tokens of a text as ticks of the axis of steps; blanks and line ends are shown as signs."""
    axes.set_xticks(
        range(len(tokens)), [visible(token) for token in tokens], family="monospace", fontsize=8, rotation=90
    )


def visible(token: str) -> str:
    """A token as a picture shows it."""
    return {" ": "␣", "\n": "⏎", "\t": "⇥"}.get(token, token).replace("$", r"\$")


def png(figure: Any) -> bytes:
    """The picture's file."""
    return figure_bytes(figure)
