"""How every picture of the laboratory looks: axes in the colours of light or dark ground."""

from __future__ import annotations

from typing import Any

from recurra.storage.colours import colours as colours
from recurra.storage.figures import figure_bytes, new_figure
from recurra.storage.panels import colour_bar as colour_bar
from recurra.storage.panels import grid as grid
from recurra.storage.panels import legend as legend
from recurra.storage.panels import paint as paint
from recurra.storage.panels import token_text as token_text
from recurra.storage.panels import token_ticks as token_ticks


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


def png(figure: Any) -> bytes:
    """The picture's file."""
    return figure_bytes(figure)
