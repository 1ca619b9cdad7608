"""How an answer moves while a row is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from recurra.storage.colours import colours
from recurra.storage.panels import caption, grid, legend, panels, step_ticks, text_width, token_ticks

MOST_LINES = 5
_MOST_NAMES = 150
_HEIGHT, _NAMES = 1.9, 0.9  # inches of a panel, and of the names of its steps


class Course(NamedTuple):
    """What is drawn of one row.

    Attributes:
        steps: what each step is called. lines: name -> its value after each step, the most important first.
        title: what was answered, and what is true.
    """

    steps: Sequence[str]
    lines: Mapping[str, Sequence[float]]
    title: str


def draw_courses(courses: Sequence[Course], label: str, shares: bool, dark: bool) -> Any:
    """A figure of a panel for each row, its steps from left to right.

    Args:
        label: of the vertical axis. shares: whether values lie between 0 and 1.
    """
    tint = colours(dark)
    texts = [_named(course.steps) for course in courses]
    width = max(
        [7.2, *(text_width(c.steps, 0, 0.06) for c, named in zip(courses, texts, strict=True) if named)]
    )
    figure, column = panels(width, [_HEIGHT + _NAMES * named for named in texts], dark)
    for axes, course, named in zip(column, courses, texts, strict=True):
        first = 0 if named else 1  # steps without names are counted
        few = len(course.steps) < 40
        for (name, values), colour in zip(list(course.lines.items())[:MOST_LINES], tint.series, strict=False):
            axes.plot(
                range(first, first + len(values)),
                values,
                ".-" if few else "-",
                color=colour,
                lw=1.4,
                label=name,
            )
        if named:
            token_ticks(axes, course.steps, 45 if max(map(len, course.steps)) > 1 else 0)
        else:
            step_ticks(axes)
        if shares:
            axes.set_ylim(-0.03, 1.03)
        axes.set_xlim(first - 0.5, first + max(len(course.steps) - 0.5, 0.5))
        axes.set_ylabel(label)
        caption(axes, course.title, dark)
        grid(axes, dark)
        legend(axes, dark, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _named(steps: Sequence[str]) -> bool:
    """Whether steps have names worth reading: not where they are numbers."""
    return len(steps) <= _MOST_NAMES and not all(name.isdecimal() for name in steps)
