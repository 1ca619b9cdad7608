"""Trees of constituents drawn: words in a line, phrases above them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from recurra.data import Tree
from recurra.data.text.constituents import brackets
from recurra.errors import Fault
from recurra.storage.colours import Colours, colours
from recurra.storage.figures import new_figure

_LETTER, _GAP, _LEVEL = 0.085, 0.16, 0.42  # inches: a letter, between words, between levels
_DPI, _MOST = 120, 60_000  # pixels on a side, at most


class _Layout(NamedTuple):
    """Of a tree: of each node, children first, the place of its text in inches (the baseline at 0) and the
    numbers of its children; the whole width and height.
    """

    nodes: list[Tree]
    places: list[tuple[float, float]]
    children: list[list[int]]
    width: float
    height: float


def draw_trees(trees: Sequence[Tree], truths: Sequence[Tree | None], dark: bool = False) -> Any:
    """A figure of one tree below the other, each followed by the true one where it is another.

    Raises:
        Fault: more than a picture holds.
    """
    trees, corrections = _with_truths(trees, truths)
    layouts = [
        each._replace(height=each.height + _LEVEL * true)
        for each, true in zip(map(_layout, trees), corrections, strict=True)
    ]
    width, height = max(each.width for each in layouts), sum(each.height for each in layouts)
    if max(width, height) * _DPI > _MOST:
        raise Fault(
            f"a picture of {width * _DPI:,.0f} x {height * _DPI:,.0f} pixels is needed for these trees, at "
            f"most {_MOST:,} on a side can be drawn: give fewer or shorter sentences"
        )
    tint = colours(dark)
    figure = new_figure(width, height, dpi=_DPI, layout=None)
    figure.set_facecolor(tint.ground)
    bottom = height
    for layout, true in zip(layouts, corrections, strict=True):
        bottom -= layout.height
        axes = figure.add_axes((0, bottom / height, layout.width / width, layout.height / height))
        axes.set_xlim(0, layout.width)
        axes.set_ylim(-_LEVEL / 2, layout.height - _LEVEL / 2)
        axes.set_axis_off()
        _draw(axes, layout, tint)
        if true:
            axes.text(0.1, layout.height - _LEVEL, "true:", color=tint.red, fontsize=9)
    return figure


def _with_truths(trees: Sequence[Tree], truths: Sequence[Tree | None]) -> tuple[list[Tree], list[bool]]:
    """All trees in their order, and whether each is a true one that was not answered."""
    both: list[tuple[Tree, bool]] = []
    for tree, truth in zip(trees, truths, strict=True):
        both.append((tree, False))
        if truth is not None and brackets(truth) != brackets(tree):
            both.append((truth, True))
    return [tree for tree, _ in both], [wrong for _, wrong in both]


def _layout(tree: Tree) -> _Layout:
    nodes = list(tree.nodes())
    places: list[tuple[float, float]] = []
    children: list[list[int]] = []
    waiting: list[int] = []  # nodes whose parent has not come yet
    right = _GAP
    for number, node in enumerate(nodes):
        first = len(waiting) - len(node.children)
        own = waiting[first:]
        del waiting[first:]
        if node.word is not None:
            width = _LETTER * max(len(node.word), len(node.label), 3)
            places.append((right + width / 2, _LEVEL))
            right += width + _GAP
        else:
            x = (places[own[0]][0] + places[own[-1]][0]) / 2
            places.append((x, max(places[child][1] for child in own) + _LEVEL))
        children.append(own)
        waiting.append(number)
    left = max(0.0, _LETTER * len(tree.label) / 2 - places[-1][0] + _GAP)
    shifted = [(x + left, y) for x, y in places]
    return _Layout(nodes, shifted, children, right + 2 * left, places[-1][1] + _LEVEL)


def _draw(axes: Any, layout: _Layout, tint: Colours) -> None:
    half = 0.11  # inches from the middle of a text to the end of a line
    for node, (x, y), children in zip(layout.nodes, layout.places, layout.children, strict=True):
        # straight up from each child to a bar below the node: slanted lines of a flat phrase would cross
        bar = y - _LEVEL / 2
        tops = [layout.places[child] for child in children]
        if children:
            axes.plot([x, x], [y - half, bar], color=tint.grey, linewidth=0.9)
            axes.plot([tops[0][0], tops[-1][0]], [bar, bar], color=tint.grey, linewidth=0.9)
        for across, down in tops:
            axes.plot([across, across], [bar, down + half], color=tint.grey, linewidth=0.9)
        leaf = node.word is not None
        _write(axes, x, y, node.label, tint.grey if leaf else tint.blue, 8 if leaf else 9)
        if node.word is not None:
            _write(axes, x, 0.0, node.word, tint.ink, 10)
            axes.plot([x, x], [y - half, half], color=tint.grey, linewidth=0.6, linestyle=":")


def _write(axes: Any, x: float, y: float, text: str, colour: str, size: float) -> None:
    plain = text.replace("$", r"\$")
    axes.text(x, y, plain, color=colour, fontsize=size, ha="center", va="center", family="monospace")
