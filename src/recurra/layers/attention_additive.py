"""Attention that adds what it compares."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.layers.attention_base import Attention
from recurra.registry import MODULES


@MODULES.register("additive_attention")
class AdditiveAttention(Attention):
    """`score = v . tanh(W q + U m + b)` (Bahdanau et al., 2015).

    Args:
        size: width of the sum; query_size unless given.
    """

    def __init__(self, query_size: int, memory_size: int, size: int | None = None) -> None:
        self.query_size, self.memory_size = query_size, memory_size
        width = query_size if size is None else size
        self.query = nn.Linear(query_size, width, bias=False)
        self.memory = nn.Linear(memory_size, width)
        self.total = nn.Linear(width, 1, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        made: Tensor = self.memory(values)
        return made

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        sums = self.query(query).unsqueeze(2) + keys.unsqueeze(1)
        scores: Tensor = self.total(torch.tanh(sums)).squeeze(-1)
        return scores
