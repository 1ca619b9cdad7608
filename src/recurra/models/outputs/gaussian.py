"""A normal distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from recurra.models.outputs.base import Output
from recurra.registry import MODULES

FLOOR = 1e-3
"""The least deviation, in the network's own unit: without one a single exact target costs minus infinity."""


@MODULES.register("gaussian")
class Gaussian(Output):
    """Mean and deviation (by softplus) of a normal distribution; the loss is its negative log-density."""

    size = 2
    density = True

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        mean, deviation = raw[..., 0], deviation_of(raw[..., 1])
        return normal_cost((target - mean) / deviation, deviation)

    def mean(self, raw: Tensor) -> Tensor:
        return raw[..., 0]

    def crps(self, raw: Tensor, target: Tensor) -> Tensor:
        """In closed form (Gneiting and Raftery, 2007, equation 21)."""
        deviation = deviation_of(raw[..., 1])
        return mean_distance(raw[..., 0] - target, deviation) - deviation / math.sqrt(math.pi)

    def quantiles(self, raw: Tensor, levels: Sequence[float]) -> Tensor:
        at = torch.special.ndtri(raw.new_tensor(list(levels)))
        places: Tensor = raw[..., :1] + deviation_of(raw[..., 1:]) * at
        return places


def deviation_of(raw: Tensor) -> Tensor:
    """Any number -> a deviation above `FLOOR`."""
    deviation: Tensor = F.softplus(raw) + FLOOR
    return deviation


def mean_distance(mean: Tensor, deviation: Tensor) -> Tensor:
    """The mean of |Y| for Y from N(mean, deviation)."""
    scaled = mean / deviation
    density = torch.exp(-0.5 * scaled.square()) / math.sqrt(2 * math.pi)
    distance: Tensor = 2 * deviation * density + mean * (2 * torch.special.ndtr(scaled) - 1)
    return distance


def normal_cost(scaled: Tensor, deviation: Tensor) -> Tensor:
    """`-log N` of what lies `scaled` deviations off the mean."""
    return 0.5 * scaled.square() + deviation.log() + 0.5 * math.log(2 * math.pi)
