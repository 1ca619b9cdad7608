"""Points, and how far off they are."""

from __future__ import annotations

from torch import Tensor

from recurra.models.outputs.base import Output
from recurra.registry import MODULES


@MODULES.register("distance")
class Distance(Output):
    """A point by its coordinates, `[..., targets, 1]`; the loss is the distance to the true one, `[...]`: it
    learns the median path, where squares would learn the mean between two ways round an obstacle.
    """

    size = 1
    levels = ()

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        distance: Tensor = (raw.squeeze(-1) - target).norm(dim=-1)
        return distance

    def mean(self, raw: Tensor) -> Tensor:
        return raw.squeeze(-1)
