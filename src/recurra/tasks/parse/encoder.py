"""The encoder of a parser, as a recipe describes it."""

from __future__ import annotations

from pydantic import Field

from recurra.layers.base import Layer
from recurra.layers.locked_dropout import LockedDropout
from recurra.layers.stack import Stack
from recurra.models.parse_encoder import ParseEncoder
from recurra.tasks.parts.network import DirectedOptions, build_body
from recurra.tasks.readers.words import WordModelOptions, WordReader


class EncoderOptions(WordModelOptions):
    """What a parser reads sentences with; see `recurra.models.parse_encoder`.

    Attributes:
        cell: a registered cell, in both directions of every layer.
        hidden: width of each direction.
        tag_layers: layers below the tags. layers: layers above them.
        tag_size: width of a tag's vector.
        dropout: share of the features of each layer's input, and of the last output, dropped, the same ones
            at every word of a sentence; and of the words whose vector or spelling is dropped whole.
        recurrent_dropout: share of what a cell reads of its hidden state dropped, the same at every word.
    """

    cell: str = "lstm"
    hidden: int = Field(default=250, ge=1)
    tag_layers: int = Field(default=1, ge=1)
    layers: int = Field(default=2, ge=1)
    tag_size: int = Field(default=50, ge=1)
    dropout: float = Field(default=0.33, ge=0, lt=1)
    recurrent_dropout: float = Field(default=0.0, ge=0, lt=1)


def build_encoder(options: EncoderOptions, reader: WordReader, tags: dict[str, int]) -> ParseEncoder:
    """The encoder, with fresh weights.

    Args:
        tags: column -> how many tags it has.
    """
    words = reader.input()
    lower = _layers(options, words.output_size, options.tag_layers)
    upper = _layers(options, lower.output_size + options.tag_size * len(tags), options.layers)
    ending = Stack(upper, LockedDropout(upper.output_size, options.dropout))
    return ParseEncoder(words, lower, ending, tags, options.tag_size, options.dropout)


def _layers(options: EncoderOptions, width: int, count: int) -> Layer:
    """Layers in both directions, each behind a dropout of its own."""
    described = DirectedOptions(
        cell=options.cell,
        hidden=options.hidden,
        bidirectional=True,
        input_dropout=options.dropout,
        recurrent_dropout=options.recurrent_dropout,
    )
    layers: list[Layer] = []
    for _ in range(count):
        layers.append(build_body(described, width))
        width = layers[-1].output_size
    return Stack(*layers)
