"""Words compared with words by their vectors alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.layers.attention import Attention
from recurra.registry import MODULES


@MODULES.register("aligned_attention")
class AlignedAttention(Attention):
    """`score = relu(W q) . relu(W m)`: the soft alignment of a passage's words with a question's (Lee et al.,
    2016; Chen et al., 2017).

    Args:
        size: width of words on both sides.
    """

    def __init__(self, size: int) -> None:
        self.query_size = self.memory_size = size
        self.linear = nn.Linear(size, size)

    def keys(self, values: Tensor) -> Tensor:
        return torch.relu(self.linear(values))

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return torch.bmm(torch.relu(self.linear(query)), keys.transpose(1, 2))
