"""How probable each label is: bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from recurra.storage.colours import colours
from recurra.storage.panels import caption, panels

MOST_BARS = 8


class Labelled(NamedTuple):
    """What is drawn of one answer.

    Attributes:
        title: what was read. answer: with `label` and `probabilities`. truth: the true label, or None.
    """

    title: str
    answer: Mapping[str, Any]
    truth: str | None


def draw_labels(rows: Sequence[Labelled], dark: bool) -> Any:
    """A figure of a panel for each answer: the likeliest labels, the answered one in blue, a true one that
    was not answered in red.
    """
    tint = colours(dark)
    shares = [_likeliest(row) for row in rows]
    figure, column = panels(7.2, [0.75 + 0.24 * len(each) for each in shares], dark)
    for axes, row, bars in zip(column, rows, shares, strict=True):
        names = list(bars)
        paints = [
            tint.blue if name == row.answer["label"] else tint.red if name == row.truth else tint.grey
            for name in names
        ]
        axes.barh(range(len(names)), [bars[name] for name in names], color=paints, height=0.7)
        axes.set_yticks(range(len(names)), [name.replace("$", r"\$") for name in names], fontsize=8)
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        caption(axes, row.title, dark, most=95)
        axes.set_xlabel(f"probability; {verdict(row.answer, row.truth)}".replace("$", r"\$"), fontsize=8)
    return figure


def verdict(answer: Mapping[str, Any], truth: str | None) -> str:
    """The answered label, how sure that is, and what is true where it is something else."""
    text = f"{answer['label']} {answer['probability']:.0%}"
    return (
        text if truth is None else f"{text}, right" if truth == answer["label"] else f"{text}, true: {truth}"
    )


def _likeliest(row: Labelled) -> dict[str, float]:
    shares = row.answer["probabilities"]
    best = sorted(shares, key=lambda name: -shares[name])[:MOST_BARS]
    if row.truth in shares and row.truth not in best:
        best[-1] = row.truth
    return {name: shares[name] for name in best}
