"""The network of tagging, as a recipe describes it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from recurra.layers.crf import CRF
from recurra.models import Tagger
from recurra.tasks.parts.label_weights import LabelWeights
from recurra.tasks.parts.network import DirectedOptions, build_body
from recurra.tasks.readers.words import WordModelOptions, WordReader
from recurra.tasks.tag.tag_set import TagSet


class TagModelOptions(DirectedOptions, WordModelOptions):
    """The network.

    Attributes:
        head: "softmax" chooses each tag alone, "crf" the likeliest row of tags (Huang et al., 2015).
        label_weights: how much each tag weighs in the loss, with head "softmax": "balanced" makes rare ones
            as heavy together as frequent ones; a table names weights of labels of spans (all their tags), of
            "O", or of tags that mark no spans; None: all tags weigh the same.
        outside_discount: what is taken off the score of "O" where tags are chosen, not where they are learnt:
            more spans are found, and fewer of them are right. Where one kind of fault is much the commoner,
            F1 gains; to be chosen on validation data, also of a model that is trained already.
    """

    bidirectional: bool = True
    head: Literal["softmax", "crf"] = "crf"
    label_weights: LabelWeights | None = None
    outside_discount: float = 0.0

    @model_validator(mode="after")
    def _weighable(self) -> Self:
        if self.label_weights is not None and self.head == "crf":
            raise ValueError(
                "label_weights needs head = 'softmax': a CRF weighs whole rows of tags, and no tag by itself"
            )
        return self


def build_model(options: TagModelOptions, reader: WordReader, tags: TagSet) -> Tagger:
    """The network, with fresh weights."""
    words = reader.input()
    body = build_body(options, words.output_size)
    crf = None
    if options.head == "crf":
        crf = CRF(tags.names.names, None if tags.inner is None else tags.inner.lower())
    return Tagger(words, body, len(tags.names), crf, options.dropout)
