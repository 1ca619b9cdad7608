"""Piano rolls drawn: how probable each note was before it came, and which came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from recurra.data.midi import LOWEST
from recurra.storage.colours import colours
from recurra.storage.panels import caption, colour_bar, panels, step_ticks

_NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
_AROUND = 3  # keys above the highest note, and below the lowest
_MOST_STEPS = 160


def draw_rolls(rolls: Sequence[Tensor], shares: Sequence[Tensor], costs: Sequence[float], dark: bool) -> Any:
    """A figure of a panel for each piece: time from left to right, low notes at the bottom.

    Args:
        rolls: `[T, keys]` of zeros and ones, of which the first `_MOST_STEPS` steps are drawn.
        shares: `[T, keys]`, how probable each note was before its step came. costs: nats a step.
    """
    tint = colours(dark)
    steps = [min(len(roll), _MOST_STEPS) for roll in rolls]
    figure, column = panels(max(7.2, 0.09 * max(steps) + 1.6), [2.9] * len(rolls), dark)
    for axes, roll, share, cost, count in zip(column, rolls, shares, costs, steps, strict=True):
        keys = roll[:count].sum(0).nonzero().flatten()
        first = max(0, int(keys.min()) - _AROUND) if len(keys) else 0
        last = min(roll.shape[1], int(keys.max()) + _AROUND + 1) if len(keys) else roll.shape[1]
        image = axes.imshow(
            share[:count, first:last].T.numpy(),
            origin="lower",
            aspect="auto",
            cmap=tint.ramp,
            vmin=0,
            vmax=1,
            extent=(0.5, count + 0.5, first - 0.5, last - 0.5),
            interpolation="nearest",
        )
        times, notes = roll[:count].nonzero().unbind(1)
        times = times + 1
        size = 22 if count < 60 else 8
        axes.scatter(
            times.tolist(), notes.tolist(), s=size, marker="s", facecolors="none", edgecolors=tint.red, lw=0.9
        )
        octaves = [key for key in range(first, last) if (LOWEST + key) % 12 in (0, 7)]
        axes.set_yticks(octaves, [_name(LOWEST + key) for key in octaves], fontsize=8)
        step_ticks(axes)
        more = "" if count == len(roll) else f"; the first {count} of {len(roll)} steps"
        caption(axes, f"{cost:.2f} nats a step{more}; squares: the notes that came", dark)
        colour_bar(figure, image, axes, "probability", dark)
    return figure


def _name(note: int) -> str:
    return f"{_NAMES[note % 12]}{note // 12 - 1}"
