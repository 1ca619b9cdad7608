"""The network of tagging, as a recipe describes it."""

from __future__ import annotations

from typing import Literal

from recurra.layers.crf import CRF
from recurra.models import Tagger
from recurra.tasks.parts.network import DirectedOptions, build_body
from recurra.tasks.readers.words import WordModelOptions, WordReader
from recurra.tasks.tag.tag_set import TagSet


class TagModelOptions(DirectedOptions, WordModelOptions):
    """The network.

    Attributes:
        head: "softmax" chooses each tag alone, "crf" the likeliest row of tags (Huang et al., 2015).
    """

    bidirectional: bool = True
    head: Literal["softmax", "crf"] = "crf"


def build_model(options: TagModelOptions, reader: WordReader, tags: TagSet) -> Tagger:
    """The network, with fresh weights."""
    words = reader.input()
    body = build_body(options, words.output_size)
    crf = None
    if options.head == "crf":
        crf = CRF(tags.names.names, None if tags.inner is None else tags.inner.lower())
    return Tagger(words, body, len(tags.names), crf, options.dropout)
