"""What the numbers that a network gives say about a number to come."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from recurra.errors import Fault
from recurra.registry import Configured


class Output(Configured):
    """Reads `size` numbers of a network, the last dimension of `raw`, as a statement about one number.

    `raw` is `[..., size]`; targets and answers are `[...]`.
    """

    size: int
    levels: tuple[float, ...] | None = None
    """The quantiles it can give: None for any, empty for none."""
    density = False
    """Whether `loss` is a negative log-density, in nats."""

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        """What each target costs."""
        raise NotImplementedError(f"{type(self).__name__} has no loss(raw, target)")

    def mean(self, raw: Tensor) -> Tensor:
        """The one number that is forecast."""
        raise NotImplementedError(f"{type(self).__name__} has no mean(raw)")

    def crps(self, raw: Tensor, target: Tensor) -> Tensor:
        """The continuous ranked probability score of each target (Matheson and Winkler, 1976): the integral
        of `(P(Y <= y) - [target <= y])^2` over y; that of a number alone is its absolute error.
        """
        return (self.mean(raw) - target).abs()

    def quantiles(self, raw: Tensor, levels: Sequence[float]) -> Tensor:
        """`[..., len(levels)]`, rising with the level."""
        raise Fault(
            f"a {type(self).__name__} forecast has no quantiles: use quantiles, a gaussian or a mixture"
        )
