"""A decoder of tokens, as a recipe describes it: what translation and captions share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from recurra.errors import Fault
from recurra.layers import (
    AdditiveAttention,
    Attention,
    DotAttention,
    GeneralAttention,
    LocalAttention,
    ScaledDotAttention,
)
from recurra.models import AttentionDecoder, Decoder, FedDecoder, VectorDecoder
from recurra.tasks.base import Options
from recurra.tasks.parts.network import BodyOptions, DirectedOptions, build_body

ATTENTIONS: dict[str, Callable[[int, int], Attention]] = {
    "additive": AdditiveAttention,
    "dot": DotAttention,
    "scaled": ScaledDotAttention,
    "general": GeneralAttention,
}


class EncoderOptions(DirectedOptions):
    """The layers over the source."""

    bidirectional: bool = True


class DecoderOptions(Options):
    """What writes the target, and its loss.

    Attributes:
        embedding: width of a token's vector.
        decoder: the layers over the target; `decoder.input_dropout` drops numbers of the target's vectors.
        attention: how the decoder looks at the source's steps; "none" leaves it with one vector of them.
        reach: it looks at so many steps on either side of a place that it predicts (local attention); None:
            at all of them.
        input_feeding: what it took is part of its next input.
        output: width of what the last layer makes of the decoder's output and of what it looked at; None:
            of `embedding` where tied, else of the decoder.
        dropout: share of that dropped before the words are chosen.
        tied: the output layer uses the target's vectors.
        label_smoothing: share of the probability that the loss wants spread over all tokens.
        scheduled_sampling: share of the tokens read that are the model's own, drawn from what it predicts
            (Bengio et al., 2015); it rises from 0, in a straight line.
        sampling_epochs: epochs over which it rises.
    """

    embedding: int = Field(default=256, ge=1)
    decoder: BodyOptions = BodyOptions()
    attention: Literal["none", "additive", "dot", "scaled", "general"] = "general"
    reach: int | None = Field(default=None, ge=1)
    input_feeding: bool = False
    output: int | None = Field(default=None, ge=1)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    tied: bool = False
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    scheduled_sampling: float = Field(default=0.0, ge=0, le=1)
    sampling_epochs: int = Field(default=10, ge=1)

    def own_share(self, epoch: int) -> float:
        """The share of the model's own tokens in an epoch, counted from 0."""
        return self.scheduled_sampling * min(1.0, epoch / self.sampling_epochs)


def build_decoder(options: DecoderOptions, memory: int, vector: int) -> Decoder:
    """A decoder that looks at steps of width `memory` and starts from a vector of width `vector`.

    Raises:
        Fault: options that contradict one another.
    """
    if options.attention == "none" and (options.input_feeding or options.reach is not None):
        raise Fault(
            "model.input_feeding and model.reach say more of an attention, but model.attention = 'none'"
        )
    if options.input_feeding and options.decoder.recompute_every:
        raise Fault(
            "model.decoder.recompute_every: with input_feeding the decoder is one step of a loop around it, "
            "which keeps all: leave one of the two out"
        )
    hidden = options.decoder.hidden
    last = hidden[-1] if isinstance(hidden, list) else hidden
    output = options.output or (options.embedding if options.tied else last)
    extra = vector if options.attention == "none" else output if options.input_feeding else 0
    # dropped once a row, outside of the loop: see EncoderDecoder
    plain = options.decoder.model_copy(update={"input_dropout": 0.0})
    body = build_body(plain, options.embedding + extra)
    if options.attention == "none":
        return VectorDecoder(body, vector, output)
    attention: Attention = ATTENTIONS[options.attention](body.output_size, memory)
    if options.reach is not None:
        attention = LocalAttention(attention, options.reach)
    kind = FedDecoder if options.input_feeding else AttentionDecoder
    return kind(body, attention, vector, output)
