"""From one vector to the state that a layer starts from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from recurra.layers.base import Layer
from recurra.state import named_leaves, replace_leaves


class Bridge(nn.Module):
    """`tanh(W v + b)`, cut into the parts of a state (Bahdanau et al., 2015).

    Parts that do not start at zero (the masks of a variational dropout, say) stay as they start.

    Args:
        size: width of v.
        layer: whose state it makes.
    """

    def __init__(self, size: int, layer: Layer) -> None:
        super().__init__()
        with torch.no_grad():
            leaves = named_leaves(layer.initial_state(1))
        self.widths = {
            name: leaf.shape[1] for name, leaf in leaves.items() if leaf.dim() == 2 and not leaf.any()
        }
        self.linear = nn.Linear(size, sum(self.widths.values()))

    def forward(self, vector: Tensor, layer: Layer) -> Any:
        """`[B, size]` -> the state of `layer`, the one it was made for."""
        start = layer.initial_state(len(vector))
        parts = torch.split(torch.tanh(self.linear(vector)), list(self.widths.values()), -1)
        return replace_leaves(start, {**named_leaves(start), **dict(zip(self.widths, parts, strict=True))})
