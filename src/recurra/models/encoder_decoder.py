"""One sequence of tokens into another of any length."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.layers.inputs import Input, TokenEmbedding
from recurra.layers.locked_dropout import LockedDropout
from recurra.layers.pooling import Pool
from recurra.models.decoders import Decoder
from recurra.ragged import Ragged
from recurra.registry import MODULES, Configured


class Translated(NamedTuple):
    """What a forward pass gives.

    Attributes:
        logits: `[N, tokens]` in the layout of the target: of the token after each one read.
        weights: `[N, M]`, where each step looked in the source; None without attention.
    """

    logits: Ragged
    weights: Ragged | None


@MODULES.register("encoder_decoder")
class EncoderDecoder(Configured):
    """An encoder reads the source, a decoder predicts the target token by token (Sutskever et al., 2014; Cho
    et al., 2014; with attention, Bahdanau et al., 2015).

    Args:
        source: reads the source; None: the target's embedding does, over a vocabulary of both.
        encoder: any layer.
        pool: the encoder's steps to the vector that the decoder starts from.
        target: vectors of target tokens.
        decoder: see `recurra.models.decoders`.
        tokens: how many target ids there are.
        dropout: share of the decoder's output dropped before the head, in training.
        input_dropout: share of a target vector's numbers dropped, the same ones along a row, in training.
        tied: the head uses the vectors of `target` (Press and Wolf, 2017); the decoder must be as wide.
    """

    def __init__(
        self,
        source: Input | None,
        encoder: Layer,
        pool: Pool,
        target: TokenEmbedding,
        decoder: Decoder,
        tokens: int,
        dropout: float = 0.0,
        input_dropout: float = 0.0,
        tied: bool = False,
    ) -> None:
        if decoder.input_size != target.output_size:
            raise Fault(
                f"the decoder reads {decoder.input_size} numbers a step, a target vector has "
                f"{target.output_size}: make them equal"
            )
        if tied and decoder.output_size != target.output_size:
            raise Fault(
                f"tied weights need vectors as wide as the decoder's output, found {target.output_size} and "
                f"{decoder.output_size}: make them equal, or tied = false"
            )
        self.source, self.encoder, self.pool = source, encoder, pool
        self.target, self.decoder = target, decoder
        self.input_dropout = LockedDropout(target.output_size, input_dropout)
        self.dropout = dropout
        self.bias = nn.Parameter(torch.zeros(tokens))
        self.weight: nn.Parameter | None = None
        if not tied:
            bound = decoder.output_size**-0.5
            self.weight = nn.Parameter(torch.empty(tokens, decoder.output_size).uniform_(-bound, bound))

    @property
    def places(self) -> int:
        """How many steps there are to look at for each step of a source row."""
        return 1 if self.source is None else self.source.places

    def encode(self, source: Any) -> tuple[Ragged, Tensor]:
        """Source rows -> the encoder's steps `[N, D]`; each row's vector `[B, V]` in the caller's order."""
        reader = self.target if self.source is None else self.source
        steps, _ = self.encoder(reader(source))
        return steps, self.pool(steps)

    def begin(self, source: Any) -> Any:
        """Source rows -> the state before the first target token, leaves `[B, ...]` in the caller's order."""
        return self.decoder.begin(*self.encode(source))

    def forward(self, source: Any, target: Ragged) -> Translated:
        """Logits for every step of the target when it is given (teacher forcing).

        Args:
            source: rows of what `source` reads.
            target: ids `[N]` int64 that the decoder reads, the opening token first; a row for each of the
                source's.

        Raises:
            Fault: not as many rows of both.
        """
        if len(target) != len(source):
            raise Fault(f"{len(source)} source rows and {len(target)} target rows: expected as many")
        rows, _ = self.input_dropout(self.target(target))
        decoded = self.decoder.run(rows, self.begin(source))
        return Translated(decoded.y.map(self._head), decoded.weights)

    def step(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The last target token `[B]` -> logits `[B, tokens]` of the next, the next state."""
        y, next_state = self.decoder.step(self.target(ids), state)
        return self._head(y), next_state

    def _head(self, y: Tensor) -> Tensor:
        weight = self.target.table.weight if self.weight is None else self.weight
        return F.linear(F.dropout(y, self.dropout, self.training), weight, self.bias)
