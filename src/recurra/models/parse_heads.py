"""What parsers read off an encoder: vectors for one role each, and scores of pairs of them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from recurra.layers.locked_dropout import LockedDropout
from recurra.ragged import Ragged


class Role(nn.Module):
    """`r = drop(leaky_relu(W y + b))`: a word in one role, as head or as dependent (Dozat and Manning, 2017).

    Args:
        size: width of y. role_size: width of r.
        dropout: share of r's numbers dropped in training, the same ones at every word of a sentence.
    """

    def __init__(self, size: int, role_size: int, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(size, role_size)
        nn.init.orthogonal_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        self.drop = LockedDropout(role_size, dropout)

    def forward(self, steps: Ragged) -> Ragged:
        """`[N, size]` -> `[N, role_size]`."""
        rows: Ragged = self.drop(steps.map(lambda data: F.leaky_relu(self.linear(data), 0.1)))[0]
        return rows


class Biaffine(nn.Module):
    """`s_k = [x; 1] U_k [y; 1]`: scores of pairs (Dozat and Manning, 2017).

    Args:
        left, right: widths of x and y. scores: how many each pair has.
    """

    def __init__(self, left: int, right: int, scores: int = 1) -> None:
        super().__init__()
        # at first no pair is more likely than another
        self.weight = nn.Parameter(torch.zeros(left + 1, scores, right + 1))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Each pair alone: `[N, left]` and `[N, right]` -> `[N, scores]`."""
        left = (F.pad(x, (0, 1), value=1.0) @ self.weight.flatten(1)).reshape(len(x), *self.weight.shape[1:])
        return torch.matmul(left, F.pad(y, (0, 1), value=1.0).unsqueeze(2)).squeeze(2)

    def tables(self, x: Tensor, y: Tensor) -> Tensor:
        """The first score of every pair: `[B, T, left]` and `[B, M, right]` -> `[B, T, M]`."""
        left = F.pad(x, (0, 1), value=1.0) @ self.weight[:, 0]
        return left @ F.pad(y, (0, 1), value=1.0).transpose(1, 2)
