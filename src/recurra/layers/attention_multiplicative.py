"""Attention that multiplies what it compares (Luong et al., 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.layers.attention_base import Attention
from recurra.registry import MODULES


@MODULES.register("dot_attention")
class DotAttention(Attention):
    """`score = q . m`; both must be as wide."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        if query_size != memory_size:
            raise Fault(
                f"{type(self).__name__} multiplies a query of {query_size} numbers with a memory of "
                f"{memory_size}: make them equal, or use general attention"
            )
        self.query_size, self.memory_size = query_size, memory_size

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return torch.bmm(query, keys.transpose(1, 2))


@MODULES.register("scaled_dot_attention")
class ScaledDotAttention(DotAttention):
    """`score = q . m / sqrt(Q)` (Vaswani et al., 2017)."""

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return super().score(query, keys) * float(self.query_size**-0.5)


@MODULES.register("general_attention")
class GeneralAttention(Attention):
    """`score = q . W m`."""

    def __init__(self, query_size: int, memory_size: int) -> None:
        self.query_size, self.memory_size = query_size, memory_size
        self.memory = nn.Linear(memory_size, query_size, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        made: Tensor = self.memory(values)
        return made

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return torch.bmm(query, keys.transpose(1, 2))
