"""Dependency trees drawn: arcs over the words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recurra.errors import Fault
from recurra.storage.colours import Colours, colours
from recurra.storage.figures import new_figure

MOST_WORDS = 150
"""Of a sentence that is drawn: a picture of more is wider than any program shows."""

_LETTER, _GAP = 0.095, 0.3  # inches
_STEP, _BASE = 0.42, 0.3  # height of each level of arcs, and of the first
_FEET = 0.7  # for words, tags and what is true below the arcs


Truth = Sequence[tuple[int, str]]
"""Of each word the head and the label that the data have."""


def draw_trees(
    answers: Sequence[Mapping[str, Any]], truths: Sequence[Truth | None], dark: bool = False
) -> Any:
    """A panel for each sentence: an arrow from each head to its word, with the label on it, and the tag below
    the word; an arrow that is wrong is amber, and the true head and label stand below the word.

    Args:
        answers: see `DependencyTask.answers`; the first column of tags is shown.

    Raises:
        Fault: nothing to draw, or a sentence of more than `MOST_WORDS` words.
    """
    pairs = [(answer, truth) for answer, truth in zip(answers, truths, strict=True) if answer["tokens"]]
    trees = [answer for answer, _ in pairs]
    if not trees:
        raise Fault("there is no word to draw a tree over")
    longest = max(len(answer["tokens"]) for answer in trees)
    if longest > MOST_WORDS:
        raise Fault(f"a sentence of {longest:,} words found, a picture has at most {MOST_WORDS}: --as tree")
    places = [_places(answer, _notes(answer, truth)) for answer, truth in pairs]
    levels = [_levels(answer["heads"]) for answer in trees]
    width = max(row[-1] for row in places) + 1.2
    heights = [_BASE + _STEP * (max(row) + 1) + _FEET for row in levels]
    tint = colours(dark)
    figure = new_figure(width, sum(heights), layout=None)
    figure.set_facecolor(tint.ground)
    bottom = 1.0
    for (answer, truth), row, depths, height in zip(pairs, places, levels, heights, strict=True):
        bottom -= height / sum(heights)
        axes = figure.add_axes((0, bottom, 1, height / sum(heights)))
        axes.set_axis_off()
        axes.set_xlim(0, width)
        axes.set_ylim(-_FEET, height - _FEET)
        _draw(axes, answer, truth, row, depths, tint)
    return figure


def _notes(answer: Mapping[str, Any], truth: Truth | None) -> list[str]:
    """What is true of each word instead of what was answered; empty where that is right, or nothing known."""
    if truth is None:
        return [""] * len(answer["tokens"])
    pairs = zip(answer["heads"], answer["labels"], truth, strict=True)
    origins = ["root", *answer["tokens"]]
    return [
        "" if (head, label) == (number, name) else f"✗ {origins[number]} → {name}"
        for head, label, (number, name) in pairs
    ]


def _places(answer: Mapping[str, Any], notes: Sequence[str]) -> list[float]:
    """Where the middle of each word stands, in inches, so that neither words nor labels overlap."""
    tags = next(iter(answer["tags"].values()), [""] * len(answer["tokens"]))
    widths = [
        _LETTER * max(len(word), 0.8 * len(tag), 0.62 * len(note), 3)
        for word, tag, note in zip(answer["tokens"], tags, notes, strict=True)
    ]
    places = [0.6 + widths[0] / 2]
    for k in range(1, len(widths)):
        distance = (widths[k - 1] + widths[k]) / 2 + _GAP
        for word, other in ((k, k - 1), (k - 1, k)):
            if answer["heads"][word] == other + 1:  # the label has to fit between them
                distance = max(distance, 0.07 * len(answer["labels"][word]) + 0.2)
        places.append(places[-1] + distance)
    return places


def _levels(heads: Sequence[int]) -> list[int]:
    """How high the arc to each word goes: above all those that it spans; that of the root stands over all."""
    arcs = sorted((abs(word - head), word, head) for word, head in enumerate(heads, 1) if head)
    tops = [0] * (len(heads) + 1)  # of the arcs over the gap before each word
    levels = [0] * len(heads)
    for _, word, head in arcs:
        gaps = slice(min(word, head), max(word, head))
        levels[word - 1] = level = max(tops[gaps]) + 1
        tops[gaps] = [level] * len(tops[gaps])
    for word, head in enumerate(heads):
        if not head:
            levels[word] = max(levels) + 1
    return levels


def _draw(
    axes: Any,
    answer: Mapping[str, Any],
    truth: Truth | None,
    places: Sequence[float],
    levels: Sequence[int],
    tint: Colours,
) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Line

    tags = next(iter(answer["tags"].values()), None)
    for k, word in enumerate(answer["tokens"]):
        axes.text(places[k], -0.04, _plain(word), ha="center", va="top", fontsize=11, color=tint.ink)
        if tags is not None:
            axes.text(places[k], -0.29, _plain(tags[k]), ha="center", va="top", fontsize=7, color=tint.grey)
    notes = _notes(answer, truth)
    for k, (head, label, level) in enumerate(zip(answer["heads"], answer["labels"], levels, strict=True)):
        end, top = places[k], _STEP * level
        colour = tint.amber if notes[k] else tint.blue if head else tint.red
        if notes[k]:
            style = {"ha": "center", "va": "top", "fontsize": 6.5, "color": tint.red}
            axes.text(places[k], -0.43, _plain(notes[k]), **style)
        if head:
            towards = 0.1 if places[head - 1] < end else -0.1
            start, end = places[head - 1] + towards, end - towards / 3
            bend = min(0.25, abs(end - start) / 3) * (1 if towards > 0 else -1)
            points = [
                (start, 0.0), (start, top), (start, top), (start + bend, top),
                (end - bend, top), (end, top), (end, top), (end, 0.02),
            ]  # fmt: skip
            codes = [
                Line.MOVETO, Line.CURVE4, Line.CURVE4, Line.CURVE4,
                Line.LINETO, Line.CURVE4, Line.CURVE4, Line.CURVE4,
            ]  # fmt: skip
        else:
            points, codes = [(end, top), (end, 0.02)], [Line.MOVETO, Line.LINETO]
        middle = (points[0][0] + end) / 2
        arrow = FancyArrowPatch(
            path=Line(points, codes), arrowstyle="-|>", mutation_scale=7, color=colour, fill=False, lw=1
        )
        axes.add_patch(arrow)
        box = {"facecolor": tint.ground, "edgecolor": "none", "pad": 0.8}
        axes.text(middle, top, _plain(label), ha="center", va="center", fontsize=7.5, color=colour, bbox=box)


def _plain(text: str) -> str:
    """What matplotlib shows as it stands."""
    return text.replace("$", r"\$")
