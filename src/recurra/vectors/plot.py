"""A map of the most frequent words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recurra.errors import Fault
from recurra.storage.colours import colours
from recurra.storage.figures import check_ending, new_figure, save_figure
from recurra.vectors.vectors import WordVectors

FONT = 7.0


def plot(
    vectors: WordVectors,
    path: str | os.PathLike[str],
    *,
    words: int = 300,
    skip: int = 0,
    seed: int = 1,
    dark: bool = False,
) -> None:
    """Draws ``words`` words, after the ``skip`` first, so that words with alike vectors lie close together.

    t-SNE (van der Maaten and Hinton, 2008) of the cosines. The picture's kind follows from the path's ending
    (.png, .svg, .pdf); `dark` draws on dark ground. Needs matplotlib and scikit-learn.
    """
    target = Path(path)
    check_ending(target)
    selection = vectors.words[skip : skip + words]
    if len(selection) < 3:
        raise Fault(
            f"{len(vectors):,} words, {skip:,} skipped: {len(selection)} are left, expected three or more"
        )
    places = _places(vectors.unit[skip : skip + words], seed)
    save_figure(_draw(selection, places, dark), target)


def _places(unit: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    try:
        from sklearn.manifold import TSNE
    except ImportError:
        raise Fault("plot: needs scikit-learn, which is not installed: pip install scikit-learn") from None
    around = min(30.0, (len(unit) - 1) / 3)
    method = TSNE(2, perplexity=around, metric="cosine", init="random", random_state=seed)
    places: NDArray[np.float32] = method.fit_transform(unit)
    return places


def _draw(words: list[str], places: NDArray[np.float32], dark: bool) -> Any:
    tint = colours(dark)
    side = max(8.0, 0.75 * len(words) ** 0.5)
    figure = new_figure(side, side, layout=None)
    figure.set_facecolor(tint.ground)
    axes = figure.add_axes((0.02, 0.02, 0.96, 0.96))
    axes.set_axis_off()
    span = np.ptp(places, axis=0)
    points = (places - places.min(axis=0)) / np.where(span > 0, span, 1) * (0.92 * 72 * side)
    sizes = np.array([[0.62 * FONT * len(word) + 2, 1.25 * FONT] for word in words])
    labels = _apart(points + np.array([0.0, 6.0]), sizes)
    axes.set_xlim(-0.04 * 72 * side, 0.96 * 72 * side)
    axes.set_ylim(-0.04 * 72 * side, 0.96 * 72 * side)
    axes.plot(
        *np.stack([points, labels]).transpose(2, 0, 1), color=tint.grey, alpha=0.4, linewidth=0.5, zorder=1
    )
    axes.scatter(points[:, 0], points[:, 1], s=5, color=tint.amber, linewidths=0, zorder=2)
    style = {"ha": "center", "va": "center", "fontsize": FONT, "color": tint.ink}
    for word, (x, y) in zip(words, labels.tolist(), strict=True):
        axes.text(x, y, word, parse_math=False, zorder=3, **style)
    return figure


def _apart(centres: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Moves labels, boxes of [n, 2] points around their centres, until none covers another."""
    centres = centres.copy()
    reach = (sizes[:, None] + sizes) / 2
    upper = np.triu(np.ones((len(centres), len(centres)), bool), 1)
    for _ in range(200):
        between = centres[:, None] - centres
        overlap = reach - np.abs(between)
        first, second = np.nonzero(upper & (overlap > 0).all(axis=2))
        if not first.size:
            break
        both = overlap[first, second]
        axis = both.argmin(axis=1)
        side = np.where(between[first, second, axis] < 0, -1.0, 1.0)
        push = side * (0.5 * both[np.arange(len(axis)), axis] + 0.01)
        np.add.at(centres, (first, axis), push)
        np.add.at(centres, (second, axis), -push)
    return centres
