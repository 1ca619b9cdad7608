"""The network of transduction, as a recipe describes it."""

from __future__ import annotations

from pydantic import Field

from recurra.data import Tokenizer
from recurra.layers import Downsample, Stack
from recurra.layers.inputs import Input
from recurra.models import OneHot, Tagger, TokenEmbedding
from recurra.tasks.base import Options
from recurra.tasks.parts.network import DirectedOptions, build_body


class TransduceModelOptions(Options):
    """The network.

    Attributes:
        embedding: width of a source symbol's vector; 0 reads one-hot vectors.
        below: layers over the source's steps. above: layers over what `ratio` of their outputs make.
        dropout: share of the last output dropped before the labels are chosen.
    """

    embedding: int = Field(default=0, ge=0)
    below: DirectedOptions = DirectedOptions()
    above: DirectedOptions = DirectedOptions()
    dropout: float = Field(default=0.0, ge=0, lt=1)


def build_model(options: TransduceModelOptions, ratio: int, source: Tokenizer, target: Tokenizer) -> Tagger:
    """The network, with fresh weights."""
    symbols: Input = OneHot(len(source))
    if options.embedding:
        symbols = TokenEmbedding(len(source), options.embedding)
    below = build_body(options.below, symbols.output_size)
    shorter = Downsample(below.output_size, ratio)
    body = Stack(below, shorter, build_body(options.above, shorter.output_size))
    return Tagger(symbols, body, len(target), None, options.dropout)
