"""The network of a transcription, as a recipe describes it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from recurra.layers import (
    Convolution,
    Downsample,
    FeedForward,
    Layer,
    RunningNorm,
    SpecAugment,
    Stack,
    UtteranceNorm,
)
from recurra.models import Transcriber, Vectors
from recurra.tasks.base import Options
from recurra.tasks.parts.network import DirectedOptions, build_body
from recurra.tasks.transcribe.search import TranscribeSearchOptions


class AugmentOptions(Options):
    """Masks over the features in training; see `recurra.layers.SpecAugment`."""

    bands: int = Field(default=2, ge=0)
    width: int = Field(default=8, ge=0)
    moments: int = Field(default=2, ge=0)
    length: int = Field(default=20, ge=0)
    share: float = Field(default=0.2, ge=0, le=1)


class TranscribeModelOptions(DirectedOptions):
    """The network, and how transcripts are searched for.

    Attributes:
        normalise: features are brought to mean 0 and deviation 1 as in training; "utterance" takes each
            recording's own mean away as well, "running" its mean so far, which a stream can do, too.
        augment: see there; None: no masks.
        convolution: outputs of a convolution over time that reads the features, and of the layer above it
            (ReLU); 0: none.
        width: frames that it sees, an odd number.
        frames: so many frames side by side make a step of the layers above.
        search: see there.
    """

    normalise: Literal["training", "utterance", "running"] = "training"
    augment: AugmentOptions | None = None
    convolution: int = Field(default=0, ge=0)
    width: int = Field(default=5, ge=1)
    frames: int = Field(default=3, ge=1)
    search: TranscribeSearchOptions = TranscribeSearchOptions()


def build_model(options: TranscribeModelOptions, bands: int, symbols: int) -> Transcriber:
    """The network, with fresh weights."""
    parts: list[Layer] = []
    if options.normalise == "utterance":
        parts.append(UtteranceNorm(bands))
    if options.normalise == "running":
        parts.append(RunningNorm(bands))
    if options.augment is not None:
        parts.append(SpecAugment(bands, **options.augment.model_dump()))
    size = options.convolution or bands
    if options.convolution:
        parts += [Convolution(bands, size, options.width), FeedForward(size, size)]
    parts.append(Downsample(size, options.frames))
    body = build_body(options, options.frames * size)
    return Transcriber(Vectors(bands), Stack(*parts, body), symbols, options.dropout)
