"""Words in lines, as a text is read, each with what is said of it below: tags, symbols, what came back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from recurra.storage.colours import Colours, colours
from recurra.storage.figures import new_figure

_WIDTH = 9.6  # inches of a line
_LETTER, _GAP = 0.092, 0.14  # inches
_WORD, _ROW, _SPACE = 0.28, 0.19, 0.1  # heights: of words, of each row below them, between lines
_FAINT = 0.25


class Word(NamedTuple):
    """One word of a line.

    Attributes:
        text: the word. rows: texts below it, the first one in the word's colour, the others grey.
        colour: of the ground behind the word and of the first row; None: neither is coloured.
        share: how sure that is, 0 to 1: the stronger the ground.
        correction: what is true, in red, where the first row is wrong.
        joined: whether the next word belongs to the same span.
    """

    text: str
    rows: Sequence[str] = ()
    colour: str | None = None
    share: float = 1.0
    correction: str = ""
    joined: bool = False


def draw_words(sentences: Sequence[Sequence[Word]], dark: bool) -> Any:
    """A figure of sentences, one below the other, each in as many lines as it needs."""
    tint = colours(dark)
    lines = [list(_lines(words)) for words in sentences]
    heights = [[_height(line) for line in each] for each in lines]
    total = sum(sum(each) + _SPACE for each in heights) + _SPACE
    width = max((_right(line) for each in lines for line in each), default=1.0) + 2 * _GAP
    figure = new_figure(width, total, layout=None)
    figure.set_facecolor(tint.ground)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, width)
    axes.set_ylim(0, total)
    top = total - _SPACE
    for each, tall in zip(lines, heights, strict=True):
        for line, height in zip(each, tall, strict=True):
            _draw(axes, line, top, tint)
            top -= height
        top -= _SPACE
    return figure


def _size(word: Word) -> float:
    below = (*word.rows, word.correction)
    return _LETTER * max(len(word.text), 0.75 * max(map(len, below)), 1)


def _lines(words: Sequence[Word]) -> Iterator[list[tuple[float, Word]]]:
    """Each line as words and where their middles stand, in inches."""
    line: list[tuple[float, Word]] = []
    start = _GAP
    for word in words:
        size = _size(word)
        if line and start + size > _WIDTH:
            yield line
            line, start = [], _GAP
        line.append((start + size / 2, word))
        start += size + _GAP
    if line:
        yield line


def _right(line: Sequence[tuple[float, Word]]) -> float:
    place, word = line[-1]
    return place + _size(word) / 2


def _height(line: Sequence[tuple[float, Word]]) -> float:
    rows = max(len(word.rows) + bool(word.correction) for _, word in line)
    return _WORD + _ROW * rows + _SPACE


def _draw(axes: Any, line: Sequence[tuple[float, Word]], top: float, tint: Colours) -> None:
    from matplotlib.patches import FancyBboxPatch

    middle = top - _WORD / 2
    for k, (place, word) in enumerate(line):
        if word.colour is not None:
            half = _size(word) / 2 + 0.03
            right = place + half
            if word.joined and k + 1 < len(line):
                right = line[k + 1][0] - _size(line[k + 1][1]) / 2 - 0.03  # where the next box begins
            box = FancyBboxPatch(
                (place - half, middle - 0.11),
                right - place + half,
                0.22,
                boxstyle="round,pad=0.0,rounding_size=0.04",
                facecolor=word.colour,
                edgecolor="none",
                alpha=_FAINT + 0.45 * word.share,
            )
            axes.add_patch(box)
        style = {"ha": "center", "va": "center", "parse_math": False}
        axes.text(place, middle, word.text, color=tint.ink, fontsize=10, family="monospace", **style)
        y = top - _WORD
        for number, text in enumerate(word.rows):
            colour = (word.colour or tint.grey) if not number else tint.grey
            axes.text(place, y - _ROW / 2, text, color=colour, fontsize=7.5, **style)
            y -= _ROW
        if word.correction:
            axes.text(place, y - _ROW / 2, word.correction, color=tint.red, fontsize=7.5, **style)
