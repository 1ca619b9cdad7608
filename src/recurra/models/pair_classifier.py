"""How two things relate, from one vector of each."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recurra.layers.base import Layer
from recurra.layers.inputs import Input
from recurra.layers.pooling import Pool
from recurra.models.trees import TreeEncoder
from recurra.registry import MODULES, Configured


@MODULES.register("row_encoder")
class RowEncoder(Configured):
    """A vector for each row of words, read in order.

    Args:
        input: reads the rows.
        body: any layer.
        pool: many steps to one vector.
    """

    def __init__(self, input: Input, body: Layer, pool: Pool) -> None:
        self.input, self.body, self.pool = input, body, pool
        self.output_size = pool.output_size

    def forward(self, x: Any) -> tuple[Any, Tensor]:
        """The body's outputs, and the vectors of the rows `[B, output_size]` in the caller's order."""
        steps, _ = self.body(self.input(x))
        return steps, self.pool(steps)


@MODULES.register("pair_classifier")
class PairClassifier(Configured):
    """One label for two things, both read by one encoder: from their vectors u and v, the products u * v and
    the distances |u - v|, through one hidden layer (Mou et al., 2016).

    Args:
        encoder: gives vectors of what it reads, see `forward`.
        hidden: width of the hidden layer.
        outputs: how many labels there are.
        dropout: share dropped before each of the two layers, in training.
    """

    def __init__(
        self, encoder: TreeEncoder | RowEncoder, hidden: int, outputs: int, dropout: float = 0.0
    ) -> None:
        self.encoder = encoder
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(4 * encoder.output_size, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, outputs),
        )

    @property
    def input(self) -> Input:
        """What reads the words."""
        return self.encoder.input

    def forward(self, x: Any) -> Tensor:
        """Scores `[B, outputs]` of B pairs: x holds what comes first in each, and then what comes second."""
        _, vectors = self.encoder(x)
        u, v = vectors.chunk(2)
        scores: Tensor = self.head(torch.cat([u, v, u * v, (u - v).abs()], -1))
        return scores
