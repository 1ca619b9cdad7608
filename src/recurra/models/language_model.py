"""The next token, from all before it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.layers.inputs import Input, TokenEmbedding
from recurra.models.stepwise import Stepwise
from recurra.ragged import Ragged
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

    def read(self, x: Ragged, state: Any = None) -> tuple[Ragged, Any]:
        """Ids `[N]` -> the body's outputs `[N, F]`, of which `head` makes logits, and the last state."""
        y, final = self.body(self.input(x), state)
        return y, final

    def head(self, y: Tensor, tokens: Tensor | None = None) -> Tensor:
        """The body's output `[..., F]` -> logits of all tokens, or of the ids `[K]` alone, `[..., K]`."""
        y = F.dropout(y, self.dropout, self.training)
        if tokens is None:
            return F.linear(y, self._vectors, self.bias)
        return F.linear(y, F.embedding(tokens, self._vectors), self.bias[tokens])

    @property
    def _vectors(self) -> Tensor:
        """A row for each token, `[V, F]`."""
        if self.weight is not None:
            return self.weight
        assert isinstance(self.input, TokenEmbedding)
        return self.input.table.weight
