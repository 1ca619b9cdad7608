"""What comes back of texts and of rows of vectors, beside what was read."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from torch import Tensor

from recurra.storage.colours import colours
from recurra.storage.panels import caption, colour_bar, panels, step_ticks
from recurra.tasks.parts.word_lines import Word, draw_words


def draw_texts(pairs: Sequence[tuple[Sequence[str], Sequence[str]]], dark: bool) -> Any:
    """A figure of texts, as their tokens: above what was read, below what came back, strange tokens red."""
    tint = colours(dark)
    lines = []
    for text, restored in pairs:
        lines.append([Word("read", colour=tint.grey), *map(Word, text)])
        same = {
            place
            for block in SequenceMatcher(None, text, restored, autojunk=False).get_matching_blocks()
            for place in range(block.b, block.b + block.size)
        }
        back = [Word(token, colour=None if k in same else tint.red) for k, token in enumerate(restored)]
        lines.append([Word("back", colour=tint.blue), *back])
    return draw_words(lines, dark)


def draw_vectors(pairs: Sequence[tuple[Tensor, Tensor]], dark: bool) -> Any:
    """A figure of rows `[T, F]`: lines over steps where vectors are narrow, else two images, one over the
    other.
    """
    tint = colours(dark)
    narrow = pairs[0][0].shape[1] <= len(tint.series)
    figure, column = panels(7.2, [1.9 if narrow else 2.6] * len(pairs), dark)
    for axes, (row, restored) in zip(column, pairs, strict=True):
        error = float((row - restored).square().mean())
        if narrow:
            for k, colour in zip(range(row.shape[1]), tint.series, strict=False):
                axes.plot(row[:, k].tolist(), color=colour, lw=1.2)
                axes.plot(restored[:, k].tolist(), color=colour, lw=1.2, ls="--")
            caption(axes, f"read, and back (dashed); mean square {error:.3g}", dark)
        else:
            both = [*row.T.tolist(), [float("nan")] * len(row), *restored.T.tolist()]
            image = axes.imshow(both, aspect="auto", cmap=tint.ramp, interpolation="nearest")
            axes.set_yticks([row.shape[1] / 2, 1.5 * row.shape[1] + 1], ["read", "back"])
            caption(axes, f"mean square {error:.3g}", dark)
            colour_bar(figure, image, axes, "value", dark)
        step_ticks(axes)
    return figure
