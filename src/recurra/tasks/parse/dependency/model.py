"""The network of dependency parsing, as a recipe describes it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from recurra.decode.trees.best import Decoder
from recurra.models import ArcHybridParser, BiaffineParser
from recurra.tasks.parse.encoder import EncoderOptions, build_encoder
from recurra.tasks.parse.own_tags import OwnTags
from recurra.tasks.readers.words import WordReader


class DependencyModelOptions(EncoderOptions):
    """The network.

    Attributes:
        parser: "biaffine" scores all pairs of words and takes the best tree; "arc_hybrid" builds a tree from
            left to right, greedily: less well, in time linear in the words.
        decoder: of "biaffine": "eisner": the best projective tree; "chu_liu_edmonds": the best of all.
        arc_size: width of a word as either end of an arc ("biaffine").
        choice_size: width of the hidden layer that chooses a transition ("arc_hybrid").
        label_size: width of a word as either end of a labelled arc.
    """

    parser: Literal["biaffine", "arc_hybrid"] = "biaffine"
    decoder: Decoder = "chu_liu_edmonds"
    arc_size: int = Field(default=500, ge=1)
    choice_size: int = Field(default=200, ge=1)
    label_size: int = Field(default=100, ge=1)

    @model_validator(mode="after")
    def _decoder_of_scores(self) -> Self:
        if self.parser == "arc_hybrid" and self.decoder != "chu_liu_edmonds":
            raise ValueError("parser = 'arc_hybrid' builds its trees itself: leave out decoder")
        return self


def build_parser(
    options: DependencyModelOptions, reader: WordReader, tags: OwnTags, labels: int
) -> BiaffineParser | ArcHybridParser:
    """The network, with fresh weights."""
    encoder = build_encoder(options, reader, tags.sizes)
    label_size, dropout = options.label_size, options.dropout
    if options.parser == "arc_hybrid":
        return ArcHybridParser(encoder, labels, options.choice_size, label_size, dropout)
    return BiaffineParser(encoder, labels, options.arc_size, label_size, dropout, options.decoder)
