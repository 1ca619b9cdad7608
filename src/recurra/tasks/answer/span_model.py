"""The network that finds spans, as a recipe describes it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from recurra.layers import AttentionPool
from recurra.models import AlignedAttention, FlowReader, Input, SpanReader
from recurra.tasks.answer.options import QuestionModelOptions
from recurra.tasks.answer.passages import MATCHES
from recurra.tasks.parts.network import DirectedOptions, build_body, build_pool


class SpanModelOptions(DirectedOptions, QuestionModelOptions):
    """The network.

    Attributes:
        attention: "aligned" before and after the layers over time (Chen et al., 2017); "flow" both ways
            between passage and question (Seo et al., 2017); or "none": the question's vector stands beside
            each word.
        match: whether the network reads what a word has in common with the question: the same word, but for
            capitals, of the same stem, and how often it is there.
        question_layers: layers over a question; None: as many as over a passage.
        max_span: words of an answer, at most.
    """

    bidirectional: bool = True
    hidden: int | list[int] = Field(default=128)
    attention: Literal["aligned", "flow", "none"] = "aligned"
    match: bool = True
    question_layers: int | None = Field(default=None, ge=1)
    max_span: int = Field(default=15, ge=1)

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if self.attention == "flow" and self.question_layers is not None:
            raise ValueError("attention = 'flow' reads both sides by one layer: leave out question_layers")
        return self


def build_model(options: SpanModelOptions, features: Input) -> SpanReader | FlowReader:
    """The network, with fresh weights."""
    match, width = MATCHES if options.match else 0, features.output_size
    if options.attention == "flow":
        one = options.model_copy(update={"layers": 1})
        context = build_body(one, width)
        modelling = build_body(options, 4 * context.output_size + match)
        ending = build_body(one, modelling.output_size)
        return FlowReader(features, context, modelling, ending, match, options.dropout)
    looks = options.attention == "aligned"
    layers = options.layers if options.question_layers is None else options.question_layers
    question = build_body(options.model_copy(update={"layers": layers}), width)
    pool = AttentionPool(question.output_size) if looks else build_pool("last", question)
    size = SpanReader.width(width, pool.output_size, match, looks, looks)
    align = AlignedAttention(width) if looks else None
    return SpanReader(
        features, build_body(options, size), question, pool, match, align, looks, options.dropout
    )
