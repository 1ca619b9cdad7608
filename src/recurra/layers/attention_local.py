"""Attention that first decides where to look."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.layers.attention_base import Attention, Memory, masked_softmax
from recurra.registry import MODULES


@MODULES.register("local_attention")
class LocalAttention(Attention):
    """Predictive local attention, local-p (Luong et al., 2015).

    `p = (M - 1) s(v . tanh(W q))` is a place of the memory; only the steps within `reach` of it are weighed,
    by `score` and by a bell curve around p of deviation `reach / 2`, so the weights of a row sum to less than
    1.

    Args:
        score: any other attention.
        reach: steps seen on either side of p.
    """

    def __init__(self, score: Attention, reach: int = 10) -> None:
        if reach < 1:
            raise Fault(f"reach is {reach}, expected at least 1 step")
        self.inner = score
        self.reach = reach
        self.query_size, self.memory_size = score.query_size, score.memory_size
        self.hidden = nn.Linear(self.query_size, self.query_size, bias=False)
        self.place = nn.Linear(self.query_size, 1, bias=False)

    def keys(self, values: Tensor) -> Tensor:
        return self.inner.keys(values)

    def score(self, query: Tensor, keys: Tensor) -> Tensor:
        return self.inner.score(query, keys)

    def weigh(self, query: Tensor, memory: Memory) -> Tensor:
        last = (memory.present.sum(-1) - 1).clamp_min(0).to(query).reshape(-1, 1, 1)
        centre = last * torch.sigmoid(self.place(torch.tanh(self.hidden(query))))
        places = torch.arange(memory.present.shape[1], device=query.device, dtype=query.dtype)
        away = places - centre
        near = memory.present.unsqueeze(1) & (away.abs() <= self.reach)
        bell = torch.exp(-2 * (away / self.reach) ** 2)
        return masked_softmax(self.score(query, memory.keys), near) * bell
