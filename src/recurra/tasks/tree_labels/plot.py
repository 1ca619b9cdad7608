"""Trees drawn, each node in the colour of its label, on light ground or on dark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recurra.errors import Fault
from recurra.storage.colours import colours
from recurra.storage.figures import new_figure
from recurra.tasks.readers.trees import TreeRow

MOST_WORDS = 200
"""Of a tree that is drawn: a picture of more is wider than any program shows."""

_LONGEST_LABEL = 3  # characters that are written at inner nodes
_EDGES = (0.06, 0.94)  # of the poles: beyond, colours are all but black
_BRIGHT = 0.5  # luminance from which dark ink reads better than light ink
_LETTER, _ROW = 0.085, 0.34  # inches


def draw_trees(
    rows: Sequence[TreeRow],
    names: Sequence[str],
    shares: Sequence[Sequence[Sequence[float]]],
    truths: Sequence[Sequence[str] | None],
    dark: bool = False,
) -> Any:
    """A figure of one tree below the other.

    Labels that are whole numbers, or two labels, are a scale from red to blue, on which a node stands at the
    mean over its probabilities; others have a colour each, which is the paler the less probable it is.

    Args:
        rows: the trees. names: of the labels. shares: of each node of each tree, the probability of every
            label. truths: the true label of each node, empty where there is none: a node with another has a
            red edge. dark: on dark ground.

    Raises:
        Fault: a tree is too wide to be drawn.
    """
    widest = max(len(row.words) for row in rows)
    if widest > MOST_WORDS:
        raise Fault(f"a tree of {widest:,} words found, a picture has at most {MOST_WORDS}: --as outline")
    paint = Paint(names, dark)
    key = sum(map(_word_width, names))
    widths = [sum(map(_word_width, row.words)) for row in rows]
    heights = [_ROW * (row.height + 2) for row in rows]
    width, height = max(key, *widths) + 0.2, sum(heights) + _ROW
    figure = new_figure(width, height, layout=None)
    figure.set_facecolor(paint.tint.ground)
    top = height - _ROW
    _key(_panel(figure, top, _ROW), paint)
    for row, nodes, truth, part in zip(rows, shares, truths, heights, strict=True):
        top -= part
        axes = _panel(figure, top, part)
        axes.set_ylim(-0.8, row.height + 1.2)
        _draw(axes, row, nodes, truth, paint)
    return figure


class Paint:
    """The colours of labels.

    Args:
        names: of the labels.
        dark: on dark ground.
    """

    def __init__(self, names: Sequence[str], dark: bool) -> None:
        from matplotlib import colormaps, colors

        self.names, self.tint, self.scale = names, colours(dark), scale_of(names)
        self._poles = colormaps[self.tint.poles].reversed()  # red first
        self._ground = colors.to_rgb(self.tint.ground)
        self._kinds = [colors.to_rgb(colour) for colour in self.tint.series]

    def of(self, shares: Sequence[float]) -> tuple[float, ...]:
        """Red, green and blue, from 0 to 1, of a node with these probabilities."""
        if self.scale is not None:
            low, high = _EDGES
            place = sum(share * value for share, value in zip(shares, self.scale, strict=True))
            return tuple(self._poles(low + (high - low) * place)[:3])
        best = max(range(len(shares)), key=shares.__getitem__)
        kind, share = self._kinds[best % len(self._kinds)], shares[best]
        return tuple(
            share * part + (1 - share) * ground for part, ground in zip(kind, self._ground, strict=True)
        )

    def box(
        self, axes: Any, x: float, y: float, text: str, shares: Sequence[float], wrong: bool = False
    ) -> None:
        """A box around a text, in the colour of these probabilities."""
        red, green, blue = colour = self.of(shares)
        bright = 0.299 * red + 0.587 * green + 0.114 * blue > _BRIGHT
        axes.text(
            x,
            y,
            text.replace("$", r"\$") or "   ",
            ha="center",
            va="center",
            fontsize=8,
            color="#1f2328" if bright else "white",
            zorder=2,
            bbox={
                "boxstyle": "round,pad=0.25",
                "facecolor": colour,
                "edgecolor": self.tint.red if wrong else self.tint.grey,
                "linewidth": 1.8 if wrong else 0.6,
            },
        )


def scale_of(names: Sequence[str]) -> list[float] | None:
    """Where each label stands from 0 to 1 where they are a scale; None where they are kinds."""
    if len(names) == 2 and not all(map(_is_whole, names)):
        return [0.0, 1.0]
    if not all(map(_is_whole, names)):
        return None
    values = [int(name) for name in names]
    low, high = min(values), max(values)
    return [(value - low) / (high - low) for value in values]


def _is_whole(name: str) -> bool:
    return name.removeprefix("-").isdecimal()


def _panel(figure: Any, bottom: float, height: float) -> Any:
    """Axes of the figure's width, in inches from the left."""
    whole = figure.get_figheight()
    axes = figure.add_axes((0, bottom / whole, 1, height / whole))
    axes.set_axis_off()
    axes.set_xlim(0, figure.get_figwidth())
    return axes


def _key(axes: Any, paint: Paint) -> None:
    """A box for each label, in its colour."""
    axes.set_ylim(0, 1)
    place = 0.1
    for k, name in enumerate(paint.names):
        sure = [float(k == other) for other in range(len(paint.names))]
        size = _word_width(name)
        paint.box(axes, place + size / 2, 0.5, name, sure)
        place += size


def _draw(
    axes: Any,
    row: TreeRow,
    shares: Sequence[Sequence[float]],
    truth: Sequence[str] | None,
    paint: Paint,
) -> None:
    places: list[tuple[float, float]] = []
    waiting: list[int] = []  # nodes whose parent has not come yet
    words, start = iter(row.words), 0.1
    for node, arity in enumerate(row.arities):
        label = paint.names[max(range(len(paint.names)), key=shares[node].__getitem__)]
        if arity:
            children = waiting[-arity:]
            del waiting[-arity:]
            middle = sum(places[child][0] for child in children) / arity
            places.append((middle, 1 + max(places[child][1] for child in children)))
            for child in children:
                # straight up over the child: no line crosses another then
                (x, y), (below, foot) = places[node], places[child]
                axes.plot([x, below, below], [y, y, foot], color=paint.tint.grey, lw=1, zorder=1)
            text = label if len(label) <= _LONGEST_LABEL else ""
        else:
            text = next(words)
            size = _word_width(text)
            places.append((start + size / 2, 0.0))
            start += size
        waiting.append(node)
        wrong = truth is not None and truth[node] not in ("", label)
        paint.box(axes, *places[node], text, shares[node], wrong)


def _word_width(word: str) -> float:
    return _LETTER * max(2, len(word)) + 0.2
