"""What is read off a layer's outputs."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import dropout as drop


class LinearHead(nn.Linear):
    """`s = W drop(y) + b`, `[..., size]` -> `[..., outputs]`; weights are named as in `torch.nn.Linear`.

    Args:
        size: width of y.
        outputs: width of s.
        dropout: share of y's numbers dropped, in training.
    """

    def __init__(self, size: int, outputs: int, dropout: float = 0.0) -> None:
        super().__init__(size, outputs)
        self.dropout = dropout

    def forward(self, y: Tensor) -> Tensor:
        return super().forward(drop(y, self.dropout, self.training))
