"""What comes next in a series of measurements."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.errors import Fault
from recurra.layers.base import Layer
from recurra.models.frames import Frame
from recurra.models.horizon import Horizon
from recurra.models.outputs import Output
from recurra.registry import MODULES, Configured


class Ahead(NamedTuple):
    """A forecast.

    Attributes:
        raw: `[B, H, targets, size]`, what the output reads.
        memo: of the frame that the window was seen in.
    """

    raw: Tensor
    memo: Any


@MODULES.register("forecaster")
class Forecaster(Configured):
    """A context of L steps is read, H steps ahead are told (Sutskever et al., 2014, over measurements).

    Args:
        frame: scales and places windows.
        encoder: reads `frame.features` numbers a step, and those known ahead.
        horizon: makes the steps ahead, `frame.targets * output.size` numbers each.
        output: what those numbers say.
        dropout: share of the encoder's outputs dropped, in training.
    """

    def __init__(
        self, frame: Frame, encoder: Layer, horizon: Horizon, output: Output, dropout: float = 0.0
    ) -> None:
        if encoder.input_size < frame.features:
            raise Fault(
                f"the encoder reads {encoder.input_size} numbers a step, expected at least the "
                f"{frame.features} of its frame"
            )
        self.frame, self.encoder, self.horizon, self.output = frame, encoder, horizon, output
        self.dropout = dropout

    def forward(self, context: Tensor, known: Tensor) -> Ahead:
        """`[B, L, V]` in the data's unit, and what is known of all steps, `[B, L + H, K]` (K may be 0)."""
        steps = context.shape[1]
        features, memo = self.frame.enter(context, self.horizon.horizon)
        y, state = self.encoder(torch.cat([features, known[:, :steps]], -1))
        y = F.dropout(y, self.dropout, self.training)
        raw = self.horizon(y, state, known[:, steps:])
        return Ahead(raw.unflatten(-1, (self.frame.targets, self.output.size)), memo)

    def loss(self, ahead: Ahead, future: Tensor) -> Tensor:
        """What each number of `[B, H, targets]`, in the data's unit, costs, in the network's own unit."""
        return self.output.loss(ahead.raw, self.frame.inside(future, ahead.memo))

    def crps(self, ahead: Ahead, future: Tensor) -> Tensor:
        """The continuous ranked probability score of each number of `[B, H, targets]`, in the network's own
        unit; see `Output.crps`.
        """
        return self.output.crps(ahead.raw, self.frame.inside(future, ahead.memo))

    def mean(self, ahead: Ahead) -> Tensor:
        """The forecast `[B, H, targets]` in the data's unit."""
        return self.frame.outside(self.output.mean(ahead.raw), ahead.memo)

    def quantiles(self, ahead: Ahead, levels: tuple[float, ...]) -> Tensor:
        """`[B, H, targets, len(levels)]` in the data's unit."""
        local = self.output.quantiles(ahead.raw, levels)
        each = [self.frame.outside(part, ahead.memo) for part in local.unbind(-1)]
        return torch.stack(each, -1)
