"""Where each token of an answer looked in its source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from recurra.storage.colours import colours
from recurra.storage.panels import panels, token_text, token_ticks
from recurra.tasks.parts.word_lines import Word, draw_words

END = "⟨end⟩"
_CELL = 0.27  # inches of a token of the answer
_TOP = 1.15  # of the names of the source's tokens, and the title


class Aligned(NamedTuple):
    """What is drawn of one answer.

    Attributes:
        source: the tokens that were read. target: those that were written.
        weights: `[T, M]`, how much each of the latter looked at each of the former; None without attention.
        truth: what the data say; None where they say nothing.
    """

    source: Sequence[str]
    target: Sequence[str]
    weights: Tensor | None
    truth: str | None


def draw_alignments(pairs: Sequence[Aligned], dark: bool) -> Any:
    """A figure of a panel for each answer: sources from left to right, answers from top to bottom, and the
    darker (on dark ground the brighter) a place, the more was looked there. Without attention the texts
    alone.
    """
    if any(pair.weights is None for pair in pairs):
        return draw_words([line for pair in pairs for line in _lines(pair, dark)], dark)
    width = 2.4 + max(0.33 * (len(pair.source) + 1) for pair in pairs)
    heights = [_TOP + _CELL * max(len(pair.target), 1) for pair in pairs]
    figure, column = panels(max(width, 4.0), heights, dark)
    for axes, pair in zip(column, pairs, strict=True):
        assert pair.weights is not None
        axes.xaxis.tick_top()
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.tick_params(length=0)
        token_ticks(axes, [*pair.source, END][: pair.weights.shape[1]], 0)
        for name in axes.get_xticklabels():
            name.set(rotation=55, ha="left", rotation_mode="anchor")
        names = [token_text(token) for token in pair.target]
        axes.set_yticks(range(len(names)), names, family="monospace", fontsize=8)
        if len(pair.target):
            ramp = colours(dark).ramp
            axes.imshow(
                pair.weights.numpy(), cmap=ramp, vmin=0, vmax=1, aspect="auto", interpolation="nearest"
            )
        if pair.truth is not None:
            axes.set_xlabel(f"true: {pair.truth}".replace("$", r"\$"), fontsize=8, loc="left")
    return figure


def _lines(pair: Aligned, dark: bool) -> list[list[Word]]:
    tint = colours(dark)
    lines = [
        [Word("read", colour=tint.grey), *map(Word, pair.source)],
        [Word("written", colour=tint.blue), *map(Word, pair.target)],
    ]
    if pair.truth is not None:
        lines.append([Word("true", colour=tint.green), *map(Word, pair.truth.split())])
    return lines
