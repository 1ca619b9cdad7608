"""Where a pen goes next, and what it does there."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.errors import Fault
from recurra.models.outputs.gaussian import deviation_of
from recurra.registry import MODULES, Configured

PENS = ("draws", "lifts", "ends")
"""What a pen does after a step: it stays down, it is lifted, or the drawing is over."""


class StrokeMixture(NamedTuple):
    """A mixture of bivariate normal distributions over steps `(dx, dy)`, `[..., K]` each, and of what the pen
    does, `[..., 3]`.

    Attributes:
        shares: logarithms. mean_x, mean_y, deviation_x, deviation_y: in the network's unit.
        correlation: within (-1, 1). pen: logarithms of probabilities.
    """

    shares: Tensor
    mean_x: Tensor
    mean_y: Tensor
    deviation_x: Tensor
    deviation_y: Tensor
    correlation: Tensor
    pen: Tensor


@MODULES.register("stroke_output")
class StrokeOutput(Configured):
    """A bivariate mixture density and the pen's doing (Graves, 2013, equations 16 to 26, with a third doing
    that ends a drawing).

    Args:
        components: how many normal distributions.
    """

    def __init__(self, components: int = 20) -> None:
        if components < 1:
            raise Fault(f"components = {components}, expected at least 1")
        self.components = components
        self.size = 6 * components + len(PENS)

    def read(self, raw: Tensor, bias: float = 0.0) -> StrokeMixture:
        """`[..., size]` -> the mixture; `bias` above 0 makes it neater: likelier components, closer to their
        means (Graves, 2013, section 5.4).
        """
        *parts, pen = torch.split(raw, [self.components] * 6 + [len(PENS)], -1)
        shares, mean_x, mean_y, deviation_x, deviation_y, correlation = parts
        return StrokeMixture(
            (shares * (1 + bias)).log_softmax(-1),
            mean_x,
            mean_y,
            deviation_of(deviation_x) * math.exp(-bias),
            deviation_of(deviation_y) * math.exp(-bias),
            0.99 * correlation.tanh(),  # at 1 the density would have no bound
            pen.log_softmax(-1),
        )

    def losses(self, raw: Tensor, steps: Tensor, pens: Tensor) -> tuple[Tensor, Tensor]:
        """Nats that each step `[..., 2]` and each of `PENS` `[...]` int64 cost."""
        at = self.read(raw)
        x = (steps[..., :1] - at.mean_x) / at.deviation_x
        y = (steps[..., 1:] - at.mean_y) / at.deviation_y
        rest = 1 - at.correlation.square()
        far = (x.square() + y.square() - 2 * at.correlation * x * y) / (2 * rest)
        size = (at.deviation_x * at.deviation_y).log() + 0.5 * rest.log() + math.log(2 * math.pi)
        moves = -torch.logsumexp(at.shares - far - size, -1)
        return moves, F.nll_loss(at.pen.flatten(0, -2), pens.flatten(), reduction="none").view_as(moves)

    def draw(self, raw: Tensor, generator: torch.Generator, bias: float = 0.0) -> tuple[Tensor, Tensor]:
        """`[B, size]` -> steps `[B, 2]` and `[B]` of `PENS`."""
        at = self.read(raw, bias)
        component = torch.multinomial(at.shares.exp(), 1, generator=generator)
        parts = (part.gather(-1, component) for part in at[1:6])
        mean_x, mean_y, deviation_x, deviation_y, correlation = parts
        noise = torch.randn(len(raw), 2, generator=generator, device=raw.device, dtype=raw.dtype)
        first, second = noise[:, :1], noise[:, 1:]
        x = mean_x + deviation_x * first
        y = mean_y + deviation_y * (correlation * first + (1 - correlation.square()).sqrt() * second)
        pens = torch.multinomial(at.pen.exp(), 1, generator=generator).squeeze(-1)
        return torch.cat([x, y], -1), pens
