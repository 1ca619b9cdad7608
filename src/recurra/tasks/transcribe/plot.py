"""Transcripts drawn: each symbol where it is heard, over the spectrogram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from recurra.storage.colours import colours
from recurra.storage.panels import caption, panels, token_text

_SECOND, _LEAST, _MOST = 2.6, 7.2, 40.0  # inches of a second, and of a picture
_HEIGHT = 2.3


class Heard(NamedTuple):
    """What is drawn of one recording.

    Attributes:
        features: `[T, bands]`. sounding: `[T']`, at each step of the answer how probable any symbol is.
        answer: see `TranscribeTask.answers`. truth: what is said; None where the data do not tell.
        start: of the first frame, in seconds. hop: seconds from one frame to the next.
        step: seconds from one step of the answer to the next.
    """

    features: Tensor
    sounding: Tensor
    answer: Mapping[str, Any]
    truth: str | None
    start: float
    hop: float
    step: float


def draw_transcripts(rows: Sequence[Heard], dark: bool) -> Any:
    """A figure of a panel for each recording: energy in bands, low sounds at the bottom; each symbol at the
    place of its likeliest alignment; as a line how probable it is that any symbol begins or lasts.
    """
    tint = colours(dark)
    width = min(_MOST, max(_LEAST, max(_SECOND * row.hop * len(row.features) for row in rows)))
    figure, column = panels(width, [_HEIGHT] * len(rows), dark)
    for axes, row in zip(column, rows, strict=True):
        end = row.start + row.hop * len(row.features)
        bands = row.features.shape[1]
        low, high = torch.quantile(row.features.flatten()[:100_000], torch.tensor([0.3, 0.995])).tolist()
        axes.imshow(
            row.features.T.numpy(),
            origin="lower",
            aspect="auto",
            cmap="Greys_r" if dark else "Greys",
            vmin=low,
            vmax=max(high, low + 1e-6),
            extent=(row.start, end, 0, bands),
            alpha=0.75,
        )
        times = [row.start + row.step * (k + 0.5) for k in range(len(row.sounding))]
        axes.plot(times, (bands * row.sounding).tolist(), color=tint.amber, lw=1.0)
        for symbol in row.answer["symbols"]:
            middle = (symbol["start"] + symbol["end"]) / 2
            axes.axvline(middle, color=tint.red, lw=0.6, alpha=0.5)
            axes.text(
                middle,
                1.05 * bands,
                token_text(symbol["symbol"]),
                color=tint.red,
                ha="center",
                va="bottom",
                fontsize=9,
                family="monospace",
            )
        axes.set_ylim(0, 1.22 * bands)
        axes.set_xlim(row.start, end)
        axes.set_yticks([])
        axes.set_ylabel("low to high", fontsize=8)
        axes.set_xlabel("seconds", fontsize=8)
        title = f"“{row.answer['text']}”"
        if row.truth is not None:
            title += ", right" if row.truth == row.answer["text"] else f", true: “{row.truth}”"
        name = row.answer.get("audio")
        caption(axes, f"{name}: {title}" if name else title, dark, most=int(14 * width))
    return figure
