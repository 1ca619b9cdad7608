"""A number, and nothing about how sure it is."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from recurra.errors import Fault, nearest
from recurra.models.outputs.base import Output
from recurra.registry import MODULES

LOSSES: dict[str, Callable[..., Tensor]] = {"mse": F.mse_loss, "mae": F.l1_loss, "huber": F.huber_loss}


@MODULES.register("point")
class Point(Output):
    """The number itself.

    Args:
        error: `mse` learns the mean, `mae` the median, `huber` (Huber, 1964) is square up to 1 and absolute
            beyond, in the network's own unit.
    """

    size = 1
    levels = ()

    def __init__(self, error: str = "mse") -> None:
        if error not in LOSSES:
            raise Fault(f"no error is called {error!r}{nearest(error, LOSSES)}")
        self.error = error

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        return LOSSES[self.error](raw.squeeze(-1), target, reduction="none")

    def mean(self, raw: Tensor) -> Tensor:
        return raw.squeeze(-1)
