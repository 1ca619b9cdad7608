"""Captions drawn: the picture, and where each word looked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from recurra.models import PicturePlaces
from recurra.models.pictures import Pictures
from recurra.storage.colours import Colours, colours
from recurra.storage.figures import new_figure


def draw_captions(
    pictures: Pictures,
    sources: Sequence[Tensor],
    words: Sequence[list[str]],
    weights: Sequence[Tensor | None],
    truths: Sequence[str | None],
    dark: bool,
) -> Any:
    """A figure of one row an item: a picture, and over it the weights of each word; or of a film, below its
    frames, the weight of each frame for each word.

    Args:
        pictures: what reads them. sources: `[T, height, width, channels]` each. words: of each caption.
        weights: `[words, places]`; None draws the pictures and captions alone. truths: a true caption of
            each, told where it is another.
    """
    tint = colours(dark)
    notes = [
        f"true: {truth}" if truth is not None and truth.split() != caption else ""
        for truth, caption in zip(truths, words, strict=True)
    ]
    if isinstance(pictures, PicturePlaces) and all(len(row) == 1 for row in sources):
        grid = (pictures.convolution.rows, pictures.convolution.columns)
        return _draw_places(sources, words, weights, notes, grid, tint)
    frames = [None if w is None else _per_frame(w, pictures.places) for w in weights]
    return _draw_films(sources, words, frames, notes, tint)


def _per_frame(weights: Tensor, places: int) -> Tensor:
    """`[words, frames * places]` -> `[words, frames]`."""
    return weights.reshape(len(weights), weights.shape[1] // places, places).sum(2)


def _draw_places(
    sources: Sequence[Tensor],
    words: Sequence[list[str]],
    weights: Sequence[Tensor | None],
    notes: Sequence[str],
    grid: tuple[int, int],
    tint: Colours,
) -> Any:
    across = 1 + max(len(line) for line, w in zip(words, weights, strict=True) if w is not None or not line)
    figure = new_figure(max(2.3, 1.15 * across), 1.5 * len(sources))
    figure.set_facecolor(tint.ground)
    cells = figure.subplots(len(sources), across, squeeze=False)
    for axes in cells.flatten():
        axes.set_axis_off()
    for row, caption, attention, note, panels in zip(sources, words, weights, notes, cells, strict=True):
        _show(panels[0], row[0])
        if note:
            style = {"fontsize": 7, "color": tint.red, "ha": "left", "va": "top", "parse_math": False}
            panels[0].text(0, -0.06, note, transform=panels[0].transAxes, in_layout=False, **style)
        if attention is None:
            panels[0].set_title(_plain(" ".join(caption)), fontsize=7, loc="left", color=tint.ink)
            continue
        for axes, word, share in zip(panels[1:], caption, attention, strict=False):
            height, width = row.shape[1:3]
            _show(axes, row[0])
            # from dark, where the word did not look, to clear
            veil = torch.zeros(*grid, 4)
            veil[..., 3] = 0.85 * (1 - share.reshape(grid) / share.max())
            extent = (-0.5, width - 0.5, height - 0.5, -0.5)
            axes.imshow(veil.numpy(), extent=extent, interpolation="bilinear")
            axes.set_title(_plain(word), fontsize=8, color=tint.ink)
    return figure


def _draw_films(
    sources: Sequence[Tensor],
    words: Sequence[list[str]],
    weights: Sequence[Tensor | None],
    notes: Sequence[str],
    tint: Colours,
) -> Any:
    longest = max(len(row) for row in sources)
    heights = [0.95 + 0.2 * len(caption) for caption in words]
    figure = new_figure(0.75 * longest + 1.2, sum(heights))
    figure.set_facecolor(tint.ground)
    parts = figure.subfigures(len(sources), 1, squeeze=False, height_ratios=heights)
    for row, caption, attention, note, part in zip(
        sources, words, weights, notes, parts.flatten(), strict=True
    ):
        part.set_facecolor(tint.ground)
        axes = part.subplots(2, 1, height_ratios=[0.95, 0.2 * len(caption) + 0.01])
        width = row.shape[2]
        strip = torch.cat(list(row), 1)
        _show(axes[0], strip)
        axes[0].set_aspect("auto")  # each frame stands above its weights
        axes[0].set_xlim(-0.5, longest * width - 0.5)
        title = " ".join(caption) + (f"   ({note})" if note else "")
        axes[0].set_title(_plain(title), fontsize=8, loc="left", color=tint.ink)
        axes[0].set_axis_off()
        if attention is None or not caption:
            axes[1].set_axis_off()
            continue
        axes[1].imshow(
            attention.numpy(),
            cmap=tint.ramp,
            vmin=0,
            vmax=1,
            aspect="auto",
            extent=(-0.5, len(row) * width - 0.5, len(caption) - 0.5, -0.5),
        )
        axes[1].set_xlim(-0.5, longest * width - 0.5)
        axes[1].set_yticks(range(len(caption)), [*map(_plain, caption)], fontsize=7, color=tint.ink)
        axes[1].set_xticks([])
    return figure


def _show(axes: Any, picture: Tensor) -> None:
    grey = picture.shape[-1] == 1
    pixels = picture.numpy()
    axes.imshow(pixels[..., 0] if grey else pixels, cmap="gray" if grey else None, vmin=0, vmax=255)


def _plain(text: str) -> str:
    """What matplotlib shows as it stands."""
    return text.replace("$", r"\$")
