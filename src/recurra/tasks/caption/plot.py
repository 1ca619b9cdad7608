"""Captions drawn: the picture, and where each word looked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.models import EncoderDecoder, PicturePlaces
from recurra.models.pictures import Pictures
from recurra.storage.figures import check_ending, new_figure, save_figure


def plot_captions(
    model: EncoderDecoder,
    sources: Sequence[Tensor],
    words: Sequence[list[str]],
    weights: Sequence[Tensor | None],
    path: Path,
) -> None:
    """One row an item: a picture, and over it the weights of each word; or of a film, below its frames, the
    weight of each frame for each word.

    Args:
        sources: `[T, height, width, channels]` each. words: of each caption. weights: `[words, places]`;
            None draws the pictures and captions alone.
    """
    check_ending(path)
    pictures = model.source
    if not isinstance(pictures, Pictures):
        raise Fault("this model reads features, not pictures: there is nothing to draw their weights over")
    if isinstance(pictures, PicturePlaces) and all(len(row) == 1 for row in sources):
        grid = (pictures.convolution.rows, pictures.convolution.columns)
        _plot_places(sources, words, weights, grid, path)
    else:
        frames = [None if w is None else _per_frame(w, pictures.places) for w in weights]
        _plot_films(sources, words, frames, path)


def _per_frame(weights: Tensor, places: int) -> Tensor:
    """`[words, frames * places]` -> `[words, frames]`."""
    return weights.reshape(len(weights), weights.shape[1] // places, places).sum(2)


def _plot_places(
    sources: Sequence[Tensor],
    words: Sequence[list[str]],
    weights: Sequence[Tensor | None],
    grid: tuple[int, int],
    path: Path,
) -> None:
    across = 1 + max(len(line) for line, w in zip(words, weights, strict=True) if w is not None or not line)
    figure = new_figure(1.15 * across, 1.4 * len(sources))
    cells = figure.subplots(len(sources), across, squeeze=False)
    for axes in cells.flatten():
        axes.set_axis_off()
    for row, caption, attention, panels in zip(sources, words, weights, cells, strict=True):
        _show(panels[0], row[0])
        if attention is None:
            panels[0].set_title(" ".join(caption), fontsize=7, loc="left")
            continue
        for axes, word, share in zip(panels[1:], caption, attention, strict=False):
            height, width = row.shape[1:3]
            _show(axes, row[0])
            # from dark, where the word did not look, to clear
            veil = torch.zeros(*grid, 4)
            veil[..., 3] = 0.85 * (1 - share.reshape(grid) / share.max())
            extent = (-0.5, width - 0.5, height - 0.5, -0.5)
            axes.imshow(veil.numpy(), extent=extent, interpolation="bilinear")
            axes.set_title(word, fontsize=8)
    save_figure(figure, path)


def _plot_films(
    sources: Sequence[Tensor], words: Sequence[list[str]], weights: Sequence[Tensor | None], path: Path
) -> None:
    longest = max(len(row) for row in sources)
    heights = [0.95 + 0.2 * len(caption) for caption in words]
    figure = new_figure(0.75 * longest + 1.2, sum(heights))
    parts = figure.subfigures(len(sources), 1, squeeze=False, height_ratios=heights)
    for row, caption, attention, part in zip(sources, words, weights, parts.flatten(), strict=True):
        axes = part.subplots(2, 1, height_ratios=[0.95, 0.2 * len(caption) + 0.01])
        width = row.shape[2]
        strip = torch.cat(list(row), 1)
        _show(axes[0], strip)
        axes[0].set_aspect("auto")  # each frame stands above its weights
        axes[0].set_xlim(-0.5, longest * width - 0.5)
        axes[0].set_title(" ".join(caption), fontsize=8, loc="left")
        axes[0].set_axis_off()
        if attention is None or not caption:
            axes[1].set_axis_off()
            continue
        axes[1].imshow(
            attention.numpy(),
            cmap="Blues",
            vmin=0,
            vmax=1,
            aspect="auto",
            extent=(-0.5, len(row) * width - 0.5, len(caption) - 0.5, -0.5),
        )
        axes[1].set_xlim(-0.5, longest * width - 0.5)
        axes[1].set_yticks(range(len(caption)), caption, fontsize=7)
        axes[1].set_xticks([])
    save_figure(figure, path)


def _show(axes: Any, picture: Tensor) -> None:
    grey = picture.shape[-1] == 1
    pixels = picture.numpy()
    axes.imshow(pixels[..., 0] if grey else pixels, cmap="gray" if grey else None, vmin=0, vmax=255)
