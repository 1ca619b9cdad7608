"""A network whose recent states attract the present one."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from recurra.cells.base import Cell, cell
from recurra.cells.initializers import uniform_
from recurra.cells.wrapper import share
from recurra.errors import Fault


class FastWeightsState(NamedTuple):
    """A hidden state, and the matrix that grows from all of them."""

    h: Tensor  # [B, H]
    fast: Tensor  # [B, H, H]


@cell("fast_weights")
class FastWeights(Cell):
    """`A' = decay A + rate h h^T`, `s_0 = relu(LN(U h + W x + b))`,
    `s_{k+1} = relu(LN(U h + W x + b + A' s_k))`, `h' = s_S`, `y = h'` (Ba et al., 2016).

    A is a matrix of each row's own: what was there a few steps ago attracts what is there now.

    Args:
        decay: share of the fast weights that is left after a step.
        rate: how fast they learn.
        settling: how often the state is settled by them at each step, S.
    """

    State = FastWeightsState

    def __init__(
        self, input_size: int, hidden_size: int, decay: float = 0.95, rate: float = 0.5, settling: int = 1
    ) -> None:
        if settling < 1:
            raise Fault(f"FastWeights: settling is {settling}, expected at least 1")
        self.decay, self.rate, self.settling = share("decay", decay), rate, settling
        self.input = nn.Linear(input_size, hidden_size)
        self.hidden = nn.Linear(hidden_size, hidden_size, bias=False)
        self.norm = nn.LayerNorm(hidden_size)
        uniform_(self, hidden_size)
        with torch.no_grad():  # as the authors: a small multiple of the identity
            self.hidden.weight.copy_(0.05 * torch.eye(hidden_size))

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        return {"h": (self.hidden_size,), "fast": (self.hidden_size, self.hidden_size)}

    def step(self, x: Tensor, state: FastWeightsState) -> tuple[Tensor, FastWeightsState]:
        h = state.h
        fast = self.decay * state.fast + self.rate * h.unsqueeze(2) * h.unsqueeze(1)
        total = self.hidden(h) + self.input(x)
        s = self.norm(total).relu()
        for _ in range(self.settling):
            s = self.norm(total + (fast @ s.unsqueeze(2)).squeeze(2)).relu()
        return s, FastWeightsState(s, fast)
