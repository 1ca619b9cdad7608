"""Where a model looked, drawn: over sentences, words, places of a picture, or time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.storage.colours import Colours, colours
from recurra.storage.figures import new_figure

_LETTER, _LINE = 0.078, 0.24  # inches
_WIDTH = 8.0


class Panel(NamedTuple):
    """One question of a picture.

    Attributes:
        title: question and answer. body: the evidence. looks: how much each part of it was looked at.
    """

    title: str
    body: Any
    looks: Tensor


class Span(NamedTuple):
    """The best span: its first and its last word, its probability, and how much each word was looked at."""

    first: int
    last: int
    probability: float
    looks: Tensor


def draw_sentences(panels: Sequence[Panel], dark: bool) -> Any:
    """The sentences of each story, with a column for each hop, the darker the more it looked there."""
    letters = max((len(text) for panel in panels for text in (panel.title, *panel.body)), default=1)
    unit = _LINE / _LETTER  # a square, in letters
    hops = max((panel.looks.numel() // len(panel.body) for panel in panels if panel.body), default=0)
    heights = [_LINE * (len(panel.body) + 3) for panel in panels]
    width = _LETTER * (letters + (hops + 1) * unit) + 0.2
    tint, figure, parts = _canvas(dark, panels, heights, width)
    for panel, part in zip(panels, parts, strict=True):
        axes = _axes(part, panel.title, tint)
        if not panel.body:
            continue
        weights = panel.looks.reshape(len(panel.body), -1)
        right = (weights.shape[1] + 0.5) * unit
        axes.imshow(
            weights.numpy(),
            extent=(unit / 2, right, len(panel.body), 0),
            cmap=tint.ramp,
            vmin=0,
            vmax=max(1e-9, float(weights.max())),
            aspect="auto",
            interpolation="nearest",
        )
        axes.set_xlim(-letters, (hops + 0.5) * unit)
        axes.set_ylim(len(panel.body), -1)
        for k, sentence in enumerate(panel.body):
            axes.text(0, k + 0.5, sentence, ha="right", va="center", fontsize=8, color=tint.ink)
        for hop in range(weights.shape[1]):
            axes.text(
                (hop + 1) * unit, -0.4, str(hop + 1), ha="center", va="center", fontsize=7, color=tint.grey
            )
    return figure


def draw_words(panels: Sequence[tuple[str, list[str], Span]], dark: bool) -> Any:
    """The words of each passage over their weights, the answer in a frame."""
    lines = [_broken(words) for _, words, _ in panels]
    heights = [_LINE * 1.4 * (max((line for line, _ in places), default=0) + 2) for places in lines]
    tint, figure, parts = _canvas(dark, panels, heights)
    from matplotlib import colormaps

    ramp = colormaps[tint.ramp]
    for (question, words, span), places, part in zip(panels, lines, parts, strict=True):
        axes = _axes(part, question, tint)
        axes.set_xlim(0, _WIDTH / _LETTER)
        axes.set_ylim(max(line for line, _ in places) + 1, 0)
        largest = max(1e-9, float(span.looks.max()))
        for k, (word, (line, start)) in enumerate(zip(words, places, strict=True)):
            share = float(span.looks[k]) / largest
            box = {"facecolor": ramp(share), "pad": 1.5, "linewidth": 0}
            if span.first <= k <= span.last:
                box |= {"linewidth": 1.2, "edgecolor": tint.red}
            red, green, blue = ramp(share)[:3]
            ink = "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"
            axes.text(
                start, line + 0.5, word, fontsize=8, va="center", family="monospace", bbox=box, color=ink
            )
    return figure


def draw_places(panels: Sequence[Panel], dark: bool) -> Any:
    """Each picture beside itself in a veil, clear where the model looked.

    Args:
        panels: `body` is a picture `[height, width, channels]` of bytes, `looks` `[rows, columns]`.
    """
    tint, figure, parts = _canvas(dark, panels, [2.2] * len(panels), width=4.6)
    for panel, part in zip(panels, parts, strict=True):
        part.suptitle(panel.title, fontsize=8, color=tint.ink)
        height, width = panel.body.shape[:2]
        for number, axes in enumerate(part.subplots(1, 2)):
            axes.set_axis_off()
            plain = panel.body[..., 0] if panel.body.shape[-1] == 1 else panel.body
            axes.imshow(plain.numpy(), cmap="gray")
            if number:
                veil = torch.zeros(*panel.looks.shape, 4)
                veil[..., 3] = 0.85 * (1 - panel.looks / panel.looks.max().clamp_min(1e-9))
                extent = (-0.5, width - 0.5, height - 0.5, -0.5)
                axes.imshow(veil.numpy(), extent=extent, interpolation="bilinear")
    return figure


def draw_frames(panels: Sequence[Panel], seconds: Sequence[float], dark: bool) -> Any:
    """The bands of each recording over time, and below how much the model looked at each moment.

    Args:
        panels: `body` is `[T, bands]`, `looks` `[steps]`. seconds: how long each recording is.
    """
    tint, figure, parts = _canvas(dark, panels, [2.2] * len(panels))
    for panel, length, part in zip(panels, seconds, parts, strict=True):
        upper, lower = part.subplots(2, 1, height_ratios=[1, 0.5], sharex=True)
        upper.set_title(panel.title, fontsize=8, loc="left", color=tint.ink)
        upper.imshow(
            panel.body.T.numpy(),
            origin="lower",
            aspect="auto",
            extent=(0, length, 0, panel.body.shape[1]),
            cmap="magma",
        )
        steps = [(k + 0.5) * length / len(panel.looks) for k in range(len(panel.looks))]
        lower.fill_between(steps, panel.looks.tolist(), color=tint.blue)
        lower.set_ylim(0)
        lower.set_xlabel("seconds", fontsize=8, color=tint.ink)
        for axes in (upper, lower):
            axes.set_yticks([])
            axes.set_facecolor(tint.ground)
            axes.tick_params(colors=tint.ink, labelsize=7)
            for side in axes.spines.values():
                side.set_color(tint.grey)
    return figure


def _canvas(
    dark: bool, panels: Sequence[Any], heights: Sequence[float], width: float = _WIDTH
) -> tuple[Colours, Any, list[Any]]:
    """Colours, the figure, and a part of it for each panel."""
    tint = colours(dark)
    figure = new_figure(width, sum(heights))
    figure.set_facecolor(tint.ground)
    parts = figure.subfigures(len(panels), 1, squeeze=False, height_ratios=heights).flatten()
    for part in parts:
        part.set_facecolor(tint.ground)
    return tint, figure, list(parts)


def _axes(part: Any, title: str, tint: Colours) -> Any:
    axes = part.subplots()
    axes.set_axis_off()
    axes.set_title(title, fontsize=9, loc="left", color=tint.ink)
    return axes


def _broken(words: Sequence[str]) -> list[tuple[int, float]]:
    """Line and letter at which each word begins."""
    places, line, at = [], 0, 0.0
    for word in words:
        if at and at + len(word) > _WIDTH / _LETTER - 4:
            line, at = line + 1, 0.0
        places.append((line, at))
        at += 1.03 * len(word) + 1.2
    return places
