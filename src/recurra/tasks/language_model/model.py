"""The network of a language model, as a recipe describes it."""

from __future__ import annotations

from pydantic import Field

from recurra.data import Tokenizer
from recurra.layers.inputs import Input
from recurra.models import LanguageModel, OneHot, TokenEmbedding
from recurra.tasks.parts.network import BodyOptions, build_body


class LanguageModelOptions(BodyOptions):
    """The network.

    Attributes:
        embedding: width of a token's vector; 0 reads tokens as one-hot vectors.
        tied: the output layer uses those vectors; the last layer must be as wide.
        word_dropout: share of the tokens read as unknown.
        softmax_draws: in training the softmax is over the batch's own next tokens and so many draws from the
            frequencies of tokens, each token once (Jean et al., 2015), at a fraction of the cost where the
            vocabulary is large; 0: over all tokens, as in every measurement.
    """

    embedding: int = Field(default=128, ge=0)
    tied: bool = False
    word_dropout: float = Field(default=0.0, ge=0, lt=1)
    softmax_draws: int = Field(default=0, ge=0)


def build_model(options: LanguageModelOptions, tokenizer: Tokenizer) -> LanguageModel:
    """The network, with fresh weights, for the ids of a tokenizer."""
    size = len(tokenizer)
    tokens: Input = OneHot(size)
    if options.embedding:
        tokens = TokenEmbedding(
            size, options.embedding, unknown=tokenizer.unknown, word_dropout=options.word_dropout
        )
    body = build_body(options, tokens.output_size)
    return LanguageModel(tokens, body, size, dropout=options.dropout, tied=options.tied)
