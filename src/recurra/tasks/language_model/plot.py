"""A text as a language model reads it: how unexpected each token was, and what is expected next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from recurra.storage.colours import colours
from recurra.storage.panels import caption, colour_bar, paint, panels, token_text, token_ticks

MOST_TOKENS = 100
"""Of a text that is drawn."""

SURPRISING = 4.0
"""Bits above which a token is red."""

_SURPRISAL, _NEXT, _NAMES = 1.6, 1.15, 0.25  # inches: of a panel of bars, of one of likely tokens, of names


def draw_readings(readings: Sequence[Sequence[Mapping[str, Any]]], dark: bool) -> Any:
    """A figure of two panels for each text.

    Args:
        readings: of each token, see `LanguageModelStream`: `token`, `surprisal_bits` and `next`.
    """
    cut = [reading[:MOST_TOKENS] for reading in readings]
    longest = max(sum(max(2.0, len(one["token"])) for one in reading) for reading in cut)
    names = [_NAMES + (0.06 * max(len(one["token"]) for one in reading)) for reading in cut]
    heights = [height for name in names for height in (_SURPRISAL + name, _NEXT + name)]
    figure, column = panels(max(7.2, min(40.0, 0.13 * longest)), heights, dark)
    for number, reading in enumerate(cut):
        _bars(column[2 * number], reading, dark)
        more = len(readings[number]) - len(reading)
        if more:
            caption(column[2 * number], f"the first {len(reading)} of {len(readings[number])} tokens", dark)
        _likely(figure, column[2 * number + 1], reading, dark)
    return figure


def _bars(axes: Any, reading: Sequence[Mapping[str, Any]], dark: bool) -> None:
    tint = colours(dark)
    bits = [one["surprisal_bits"] for one in reading]
    axes.bar(
        range(len(bits)), bits, color=[tint.red if b > SURPRISING else tint.blue for b in bits], width=0.8
    )
    _ticks(axes, reading)
    axes.set_ylabel("surprisal (bits)")


def _likely(figure: Any, axes: Any, reading: Sequence[Mapping[str, Any]], dark: bool) -> None:
    tint = colours(dark)
    shares = [[(one["token"], one["probability"]) for one in each["next"]] for each in reading]
    depth = max(len(each) for each in shares)
    table = [[each[row][1] if row < len(each) else 0.0 for each in shares] for row in range(depth)]
    image = axes.imshow(table, cmap=tint.ramp, vmin=0, vmax=1, aspect="auto")
    for column, each in enumerate(shares):
        for row, (token, share) in enumerate(each):
            strong = share > 0.55
            ink = (tint.ground if strong else tint.ink) if not dark else ("#1f2328" if strong else tint.ink)
            text = token_text(token)
            axes.text(column, row, text, ha="center", va="center", color=ink, family="monospace", fontsize=8)
    _ticks(axes, reading)
    axes.set_yticks(range(depth), [f"{row + 1}." for row in range(depth)])
    axes.set_xlabel("read so far; above: what is expected next", fontsize=8)
    colour_bar(figure, image, axes, "probability", dark)
    paint(axes, dark)


def _ticks(axes: Any, reading: Sequence[Mapping[str, Any]]) -> None:
    tokens = [one["token"] for one in reading]
    token_ticks(axes, tokens, 45 if max(map(len, tokens)) > 2 else 0)
    axes.set_xlim(-0.6, len(tokens) - 0.4)
