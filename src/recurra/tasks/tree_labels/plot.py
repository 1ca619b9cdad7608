"""Trees drawn, each node in the colour of its label.

All text stands on colour and the ground is clear, so that a picture reads well on light ground and on dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recurra.errors import Fault
from recurra.storage.figures import check_ending, new_figure, save_figure
from recurra.tasks.readers.trees import TreeRow

_MOST_WORDS = 300
_LONGEST_LABEL = 3  # characters that are written at inner nodes
_LINE, _DARK, _LIGHT = "#8b949e", "#1f2328", "#ffffff"
_POLES = "RdBu"
_EDGES = (0.08, 0.92)  # of the poles: beyond, colours are all but black
_KINDS = ("#4c8df6", "#e5534b", "#46954a", "#c69026", "#986ee2", "#39c5cf", "#e275ad", "#768390")
_LETTER, _ROW = 0.085, 0.34  # inches


def plot_trees(
    rows: Sequence[TreeRow], names: Sequence[str], shares: Sequence[Sequence[Sequence[float]]], path: Path
) -> None:
    """One tree below the other.

    Labels that are whole numbers, or two labels, are a scale from red to blue, on which a node stands at the
    mean over its probabilities; others have a colour each, which is the paler the less probable it is.

    Args:
        rows: the trees. names: of the labels. shares: of each node of each tree, the probability of every
            label. path: its ending tells the kind of picture.

    Raises:
        Fault: there is no tree, or one too wide to be drawn; no picture has this ending.
    """
    check_ending(path)
    if not rows:
        raise Fault("no tree to draw: give at least one")
    widest = max(len(row.words) for row in rows)
    if widest > _MOST_WORDS:
        raise Fault(f"a tree of {widest:,} words is too wide to draw: expected at most {_MOST_WORDS}")
    widths = [sum(map(_word_width, row.words)) for row in rows]
    heights = [_ROW * (row.height + 2) for row in rows]
    figure = new_figure(max(3.2, *widths) + 0.2, sum(heights) + _ROW, layout=None)
    figure.patch.set_alpha(0)
    total, top = float(figure.get_figheight()), float(figure.get_figheight())
    _key(figure.add_axes((0, 1 - _ROW / total, 1, _ROW / total)), names, figure.get_figwidth())
    top -= _ROW
    for row, nodes, height in zip(rows, shares, heights, strict=True):
        axes = figure.add_axes((0, (top - height) / total, 1, height / total))
        _draw(axes, row, names, nodes, figure.get_figwidth())
        top -= height
    save_figure(figure, path)


def scale_of(names: Sequence[str]) -> list[float] | None:
    """Where each label stands from 0 to 1 where they are a scale; None where they are kinds."""
    if len(names) == 2:
        return [0.0, 1.0]
    if not all(name.removeprefix("-").isdecimal() for name in names):
        return None
    values = [int(name) for name in names]
    low, high = min(values), max(values)
    return [(value - low) / (high - low) for value in values]


def node_colour(names: Sequence[str], shares: Sequence[float]) -> Any:
    """Red, green and blue, from 0 to 1, of a node with these probabilities."""
    from matplotlib import colormaps, colors

    scale = scale_of(names)
    if scale is not None:
        low, high = _EDGES
        place = sum(share * value for share, value in zip(shares, scale, strict=True))
        return colormaps[_POLES](low + (high - low) * place)[:3]
    best = max(range(len(names)), key=shares.__getitem__)
    pure = colors.to_rgb(_KINDS[best % len(_KINDS)])
    return tuple(1 - shares[best] * (1 - part) for part in pure)


def _key(axes: Any, names: Sequence[str], width: float) -> None:
    """A box for each label, in its colour."""
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(0, 1)
    place = 0.1
    for k, name in enumerate(names):
        sure = [float(k == other) for other in range(len(names))]
        size = _word_width(name)
        _box(axes, place + size / 2, 0.5, name, node_colour(names, sure))
        place += size


def _draw(
    axes: Any, row: TreeRow, names: Sequence[str], shares: Sequence[Sequence[float]], width: float
) -> None:
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(-0.8, row.height + 1.2)
    places: list[tuple[float, float]] = []
    waiting: list[int] = []
    words, at = iter(row.words), 0.1
    for node, arity in enumerate(row.arities):
        label = names[max(range(len(names)), key=shares[node].__getitem__)]
        text = label if len(label) <= _LONGEST_LABEL else ""
        if arity:
            children = waiting[-arity:]
            del waiting[-arity:]
            places.append(
                (
                    sum(places[child][0] for child in children) / arity,
                    1 + max(places[child][1] for child in children),
                )
            )
            for child in children:
                axes.plot(*zip(places[node], places[child], strict=True), color=_LINE, lw=1, zorder=1)
        else:
            text = next(words)
            size = _word_width(text)
            places.append((at + size / 2, 0.0))
            at += size
        waiting.append(node)
        _box(axes, *places[node], text, node_colour(names, shares[node]))


def _box(axes: Any, x: float, y: float, text: str, colour: Any) -> None:
    red, green, blue = colour
    ink = _DARK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else _LIGHT
    axes.text(
        x,
        y,
        text.replace("$", r"\$") or "   ",
        ha="center",
        va="center",
        fontsize=8,
        color=ink,
        zorder=2,
        bbox={"boxstyle": "round,pad=0.25", "facecolor": colour, "edgecolor": _LINE, "linewidth": 0.6},
    )


def _word_width(word: str) -> float:
    return _LETTER * max(2, len(word)) + 0.2
