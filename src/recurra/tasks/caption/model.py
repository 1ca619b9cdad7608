"""The network of captions, as a recipe describes it."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from recurra.errors import Fault
from recurra.layers import FeedForward, Layer
from recurra.layers.inputs import Input
from recurra.models import (
    EncoderDecoder,
    PictureConvolution,
    PictureNorm,
    PicturePlaces,
    PictureVectors,
    TokenEmbedding,
)
from recurra.models.pictures import with_motion
from recurra.tasks.base import Options
from recurra.tasks.caption.data import CaptionReader
from recurra.tasks.parts.network import DirectedOptions, build_body, build_pool
from recurra.tasks.readers.pictures import PictureReader
from recurra.tasks.seq2seq.decoder import DecoderOptions, build_decoder
from recurra.tasks.seq2seq.search import BeamOptions

_MEASURED = 1000  # frames from which the scale of colours is learnt


class CaptionSearchOptions(BeamOptions):
    """How captions are searched for.

    Attributes:
        max_length: tokens of a caption, at most.
    """

    max_length: int = Field(default=50, ge=1)

    def limit(self, length: int) -> int:
        """See the class."""
        return self.max_length


class PictureLayerOptions(Options):
    """A layer over a picture.

    Attributes:
        channels: what it gives at each place.
        stride: 2 halves both sides of the picture, 1 keeps them.
    """

    channels: int = Field(ge=1)
    stride: Literal[1, 2] = 1


class CaptionModelOptions(DecoderOptions):
    """The network, its loss, and how captions are searched for.

    Attributes:
        convolution: the layers over a picture, one table each; see there.
        norm: of the numbers in those layers: over each "picture", over a "batch", or "none"; see
            `PictureConvolution`.
        view: what the decoder may look at: the "places" of each picture, or "frames": a vector for each
            picture.
        motion: whether frames are seen beside their differences from the frame before; only with view =
            "frames".
        view_width: width of a place or a frame.
        encoder: layers over time; None: each place or frame is read by itself.
        pool: how all places or frames become the vector that the decoder starts from.
        search: see there.
    """

    convolution: list[PictureLayerOptions] = Field(
        default=[
            PictureLayerOptions(channels=24, stride=2),
            PictureLayerOptions(channels=48, stride=2),
            PictureLayerOptions(channels=64),
        ],
        min_length=1,
    )
    norm: PictureNorm = "picture"
    view: Literal["places", "frames"] = "places"
    motion: bool = False
    view_width: int = Field(default=128, ge=1)
    encoder: DirectedOptions | None = None
    pool: Literal["last", "mean", "max", "attention"] = "mean"
    search: CaptionSearchOptions = CaptionSearchOptions()


def build_model(options: CaptionModelOptions, reader: CaptionReader, train: list[Tensor]) -> EncoderDecoder:
    """The network, with fresh weights, at the scale of what the training part shows."""
    source = _input(options, reader, train)
    encoder: Layer
    if options.encoder is None:
        encoder = FeedForward(source.output_size, options.view_width)
    else:
        encoder = build_body(options.encoder, source.output_size)
    pool = build_pool(options.pool, encoder)
    return EncoderDecoder(
        source,
        encoder,
        pool,
        TokenEmbedding(len(reader.tokenizer), options.embedding),
        build_decoder(options, encoder.output_size, pool.output_size),
        len(reader.tokenizer),
        dropout=options.dropout,
        input_dropout=options.decoder.input_dropout,
        tied=options.tied,
    )


def _input(options: CaptionModelOptions, reader: CaptionReader, train: list[Tensor]) -> Input:
    if not isinstance(reader.source, PictureReader):
        return reader.source.input()
    assert reader.source.shape is not None
    channels = [layer.channels for layer in options.convolution]
    strides: list[int] = [layer.stride for layer in options.convolution]
    height, width, below = reader.source.shape
    measured = train[:: len(train) // _MEASURED + 1]
    if options.view == "places" and options.motion:
        raise Fault("model.motion = true, view = 'places': motion is seen in frames: set view = 'frames'")
    if options.motion:
        convolution = PictureConvolution(height, width, 2 * below, channels, strides, options.norm)
        # a frame beside the one that follows it: what changes from the first is always 0
        convolution.learn(torch.cat([with_motion(row[None, :2])[0, -1:] for row in measured]))
    else:
        convolution = PictureConvolution(height, width, below, channels, strides, options.norm)
        convolution.learn(torch.cat([row[:1] for row in measured]))
    if options.view == "places":
        return PicturePlaces(convolution)
    return PictureVectors(convolution, options.view_width, options.motion)
