"""Symbols fewer than steps, in their order: where each one stands is not told."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.layers.base import Layer
from recurra.layers.inputs import Input
from recurra.models.head import LinearHead
from recurra.models.stepwise import Stepwise
from recurra.ragged import Ragged
from recurra.registry import MODULES


@MODULES.register("transcriber")
class Transcriber(Stepwise):
    """At each step one of some symbols or nothing (connectionist temporal classification; Graves et al.,
    2006).

    Args:
        input: reads the steps.
        body: any layer; it may make steps fewer.
        symbols: how many there are; the last score, of index `symbols`, is the blank's.
        dropout: share of the body's output dropped before the head, in training.
    """

    def __init__(self, input: Input, body: Layer, symbols: int, dropout: float = 0.0) -> None:
        self.input, self.body = input, body
        self.symbols = symbols
        self.output = LinearHead(body.output_size, symbols + 1, dropout)

    @property
    def blank(self) -> int:
        """The index of the blank."""
        return self.symbols

    def loss(self, scores: Ragged, targets: Ragged) -> Tensor:
        """`[B]`: the negative log-likelihood of each row's symbols `[K]` int64 given scores
        `[N, symbols + 1]`; infinite where there are fewer steps than `steps_needed`.
        """
        shares, steps = self.log_probabilities(scores).to_padded(batch_first=False)
        return F.ctc_loss(
            shares, targets.to_joined(), steps, targets.lengths, blank=self.blank, reduction="none"
        )

    def log_probabilities(self, scores: Ragged) -> Ragged:
        """ln P of each symbol, and of the blank, at each step; at least in single precision."""
        wide = torch.promote_types(scores.data.dtype, torch.float32)
        return scores.map(lambda data: data.log_softmax(-1, wide))


def steps_needed(ids: Sequence[int]) -> int:
    """The fewest steps that can say these symbols: one each, and a blank between two that are the same."""
    return len(ids) + sum(a == b for a, b in pairwise(ids))
