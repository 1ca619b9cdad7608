"""The network of constituency parsing, as a recipe describes it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from recurra.models import SpanParser
from recurra.tasks.parse.constituency.decoding import Decoder
from recurra.tasks.parse.encoder import EncoderOptions, build_encoder
from recurra.tasks.parse.own_tags import OwnTags
from recurra.tasks.readers.words import WordReader


class ConstituencyModelOptions(EncoderOptions):
    """The network.

    Attributes:
        decoder: "chart" finds the best of all trees, in time cubic in the words; "top_down" splits greedily,
            in quadratic time.
        loss: "hinge": the true tree, or each decision on the way down, has to beat the others by a margin;
            "softmax": the likelihood of each span's label, each for itself (which scores no splits).
        span_size: width of what is made of a span.
    """

    decoder: Decoder = "chart"
    loss: Literal["hinge", "softmax"] = "hinge"
    span_size: int = Field(default=250, ge=1)

    @model_validator(mode="after")
    def _splits_learnt(self) -> Self:
        if self.decoder == "top_down" and self.loss == "softmax":
            raise ValueError(
                "loss = 'softmax' learns no splits, which decoder = 'top_down' goes by: expected 'hinge'"
            )
        return self


def build_parser(
    options: ConstituencyModelOptions, reader: WordReader, tags: OwnTags, labels: int
) -> SpanParser:
    """The network, with fresh weights."""
    encoder = build_encoder(options, reader, tags.sizes)
    splits = options.decoder == "top_down"
    return SpanParser(encoder, labels, options.span_size, options.dropout, splits)
