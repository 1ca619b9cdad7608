"""Long short-term memory whose memory is a matrix."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.cells.base import Cell, cell
from recurra.errors import Fault


class MLSTMState(NamedTuple):
    """Matrix memories, what they have been given in all, and the scale that keeps both in range."""

    memory: Tensor  # [B, heads, D, D]: values by keys, times exp(-scale)
    total: Tensor  # [B, heads, D]: keys, times exp(-scale)
    scale: Tensor  # [B, heads]


@cell("mlstm")
class MLSTM(Cell):
    """`C' = f C + i v k^T`, `n' = f n + i k`, `h = o * C' q / max(|n'.q|, 1)`, `y = h`
    with `q = W_q x`, `k = W_k x / sqrt(D)`, `v = W_v x`, `o = s(W_o x)`, `f = s(w_f x)`, `i = exp(w_i x)`, f
    and i one number a head (the mLSTM of xLSTM, Beck et al., 2024).

    Both C and n are carried times `exp(-m)`, with `m' = max(log f + m, w_i x)`: the numbers are the same, and
    none overflows. y of all heads side by side has `hidden_size` numbers.

    Args:
        heads: memories side by side, each of `D = hidden_size / heads`.
    """

    State = MLSTMState

    def __init__(self, input_size: int, hidden_size: int, heads: int = 1) -> None:
        if heads < 1 or hidden_size % heads:
            raise Fault(f"MLSTM: {hidden_size} units can't be parted into {heads} heads")
        self.heads, self.size = heads, hidden_size // heads
        self.input = nn.Linear(input_size, 4 * hidden_size)
        self.gates = nn.Linear(input_size, 2 * heads)
        with (
            torch.no_grad()
        ):  # as the authors: forget gates open at the start, from a long memory to a longer
            self.gates.bias[:heads] = torch.linspace(3.0, 6.0, heads)
            self.gates.bias[heads:] = 0.0

    def state_sizes(self) -> dict[str, tuple[int, ...]]:
        heads, size = self.heads, self.size
        return {"memory": (heads, size, size), "total": (heads, size), "scale": (heads,)}

    def step(self, x: Tensor, state: MLSTMState) -> tuple[Tensor, MLSTMState]:
        q, k, v, o = self.input(x).unflatten(-1, (4 * self.heads, self.size)).chunk(4, 1)
        forget, write = self.gates(x).chunk(2, -1)
        k = k * self.size**-0.5
        rest = F.logsigmoid(forget) + state.scale
        scale = torch.maximum(rest, write)
        f, i = (rest - scale).exp().unsqueeze(2), (write - scale).exp().unsqueeze(2)
        memory = f.unsqueeze(3) * state.memory + (i * v).unsqueeze(3) * k.unsqueeze(2)
        total = f * state.total + i * k
        bound = torch.maximum((total * q).sum(-1).abs(), (-scale).exp())
        h = o.sigmoid() * (memory @ q.unsqueeze(3)).squeeze(3) / bound.unsqueeze(2)
        return h.flatten(1), MLSTMState(memory, total, scale)
