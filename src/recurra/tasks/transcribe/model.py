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
    VoiceChange,
)
from recurra.models import Transcriber, Vectors
from recurra.tasks.base import Options
from recurra.tasks.parts.network import DirectedOptions, build_body
from recurra.tasks.transcribe.search import TranscribeSearchOptions


class AugmentOptions(Options):
    """Masks over the features in training (Park et al., 2019), and voices that nobody has.

    Attributes:
        frequency_masks: masks over frequency. frequency_width: each covers 0 to so many bands.
        time_masks: masks over time. time_width: each covers 0 to so many frames.
        time_share: share of a recording that one mask over time covers at most.
        warp: bands of a recording are moved by up to this share, as by a longer or shorter vocal tract.
        tilt: a straight line over the bands is added, of up to so many of their deviations.
        noise: normal noise is added, of up to so many of their deviations.
    """

    frequency_masks: int = Field(default=2, ge=0)
    frequency_width: int = Field(default=8, ge=0)
    time_masks: int = Field(default=2, ge=0)
    time_width: int = Field(default=20, ge=0)
    time_share: float = Field(default=0.2, ge=0, le=1)
    warp: float = Field(default=0.0, ge=0, lt=1)
    tilt: float = Field(default=0.0, ge=0)
    noise: float = Field(default=0.0, ge=0)

    def layers(self, bands: int) -> list[Layer]:
        """The layers that change so many bands."""
        changes = [VoiceChange(bands, self.warp, self.tilt, self.noise)]
        masks = SpecAugment(
            bands,
            self.frequency_masks,
            self.frequency_width,
            self.time_masks,
            self.time_width,
            self.time_share,
        )
        return [*(changes if self.warp or self.tilt or self.noise else []), masks]


class FrameLayerOptions(Options):
    """A convolution over time, and the layer above it (ReLU).

    Attributes:
        channels: what both give for each frame.
        width: frames that it sees, an odd number.
    """

    channels: int = Field(ge=1)
    width: int = Field(default=5, ge=1)


class HearingOptions(DirectedOptions):
    """The network that hears.

    Attributes:
        normalise: features are brought to mean 0 and deviation 1 as in training; "utterance" takes each
            recording's own mean away as well, "running" its mean so far, which a stream can do, too.
        augment: see there; None: no masks.
        convolution: the layers over time that read the features, one table each; see there.
        frames: so many frames side by side make a step of the layers above.
    """

    normalise: Literal["training", "utterance", "running"] = "training"
    augment: AugmentOptions | None = None
    convolution: list[FrameLayerOptions] = Field(default_factory=list)
    frames: int = Field(default=3, ge=1)


class TranscribeModelOptions(HearingOptions):
    """The network, and how transcripts are searched for.

    Attributes:
        search: see there.
    """

    search: TranscribeSearchOptions = TranscribeSearchOptions()


def build_model(options: HearingOptions, bands: int, symbols: int) -> Transcriber:
    """The network, with fresh weights."""
    parts: list[Layer] = []
    if options.normalise == "utterance":
        parts.append(UtteranceNorm(bands))
    if options.normalise == "running":
        parts.append(RunningNorm(bands))
    if options.augment is not None:
        parts += options.augment.layers(bands)
    size = bands
    for each in options.convolution:
        parts += [
            Convolution(size, each.channels, each.width),
            FeedForward(each.channels, each.channels),
        ]
        size = each.channels
    parts.append(Downsample(size, options.frames))
    body = build_body(options, options.frames * size)
    return Transcriber(Vectors(bands), Stack(*parts, body), symbols, options.dropout)
