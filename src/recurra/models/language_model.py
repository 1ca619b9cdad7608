"""The next token, from all before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.layers.inputs import Input, TokenEmbedding
from recurra.models.stepwise import Stepwise
from recurra.registry import MODULES


@MODULES.register("language_model")
class LanguageModel(Stepwise):
    """Logits of the token that follows each token read (Mikolov et al., 2010).

    Args:
        input: reads ids.
        body: any causal layer.
        tokens: how many ids there are.
        dropout: share of the body's output dropped before the head, in training.
        tied: the head uses the vectors of the input (Press and Wolf, 2017); the body must be as wide.

    Reads ids, int64, ragged `[N]` or `[B, T]`; gives logits `[..., tokens]`.
    """

    def __init__(
        self, input: Input, body: Layer, tokens: int, dropout: float = 0.0, tied: bool = False
    ) -> None:
        if not body.causal:
            raise Fault("a language model's layers must be causal: one that reads backwards sees the answer")
        self.input, self.body = input, body
        self.dropout = dropout
        width = body.output_size
        self.bias = nn.Parameter(torch.zeros(tokens))
        self.weight: nn.Parameter | None = None
        if not tied:
            bound = width**-0.5
            self.weight = nn.Parameter(torch.empty(tokens, width).uniform_(-bound, bound))
        elif not isinstance(input, TokenEmbedding) or input.output_size != width:
            raise Fault(
                f"tied weights need embeddings as wide as the last layer, found {input.output_size} and "
                f"{width}: make them equal, or tied = false"
            )

    def head(self, y: Tensor) -> Tensor:
        y = F.dropout(y, self.dropout, self.training)
        if self.weight is not None:
            return F.linear(y, self.weight, self.bias)
        assert isinstance(self.input, TokenEmbedding)
        return F.linear(y, self.input.table.weight, self.bias)
