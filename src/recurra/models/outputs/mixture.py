"""Several normal distributions, weighed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from recurra.errors import Fault
from recurra.models.outputs.base import Output
from recurra.models.outputs.gaussian import deviation_of, mean_distance, normal_cost
from recurra.registry import MODULES

_HALVINGS = 40
_FAR = 8.0  # deviations: beyond them a normal distribution holds less than 1e-14


@MODULES.register("gaussian_mixture")
class GaussianMixture(Output):
    """A mixture density (Bishop, 1994): `sum_k w_k N(m_k, s_k)`; the loss is its negative log-density.

    Args:
        components: how many normal distributions.
    """

    density = True

    def __init__(self, components: int = 3) -> None:
        if components < 1:
            raise Fault(f"components = {components}, expected at least 1")
        self.components = components
        self.size = 3 * components

    def loss(self, raw: Tensor, target: Tensor) -> Tensor:
        shares, means, deviations = self._parts(raw)
        cost = normal_cost((target.unsqueeze(-1) - means) / deviations, deviations)
        return -torch.logsumexp(shares - cost, -1)

    def mean(self, raw: Tensor) -> Tensor:
        shares, means, _ = self._parts(raw)
        return (shares.exp() * means).sum(-1)

    def crps(self, raw: Tensor, target: Tensor) -> Tensor:
        """In closed form (Grimit et al., 2006, equation 5)."""
        logarithms, means, deviations = self._parts(raw)
        shares = logarithms.exp()
        truth = (shares * mean_distance(means - target.unsqueeze(-1), deviations)).sum(-1)
        gaps = means.unsqueeze(-1) - means.unsqueeze(-2)
        spreads = torch.hypot(deviations.unsqueeze(-1), deviations.unsqueeze(-2))
        pairs = shares.unsqueeze(-1) * shares.unsqueeze(-2) * mean_distance(gaps, spreads)
        return truth - 0.5 * pairs.sum((-1, -2))

    def quantiles(self, raw: Tensor, levels: Sequence[float]) -> Tensor:
        shares, means, deviations = (part.unsqueeze(-2) for part in self._parts(raw))
        targets = raw.new_tensor(list(levels)).expand(*raw.shape[:-1], len(levels))
        low = (means - _FAR * deviations).amin(-1).expand_as(targets)
        high = (means + _FAR * deviations).amax(-1).expand_as(targets)
        for _ in range(_HALVINGS):  # no closed form: the distribution rises, so halving finds the place
            middle = (low + high) / 2
            below = (shares.exp() * torch.special.ndtr((middle.unsqueeze(-1) - means) / deviations)).sum(-1)
            low, high = torch.where(below < targets, middle, low), torch.where(below < targets, high, middle)
        return (low + high) / 2

    def _parts(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logarithms of the shares, means and deviations, `[..., components]` each."""
        weights, means, deviations = raw.chunk(3, -1)
        # means start apart, or every component would learn the same
        apart = torch.linspace(-1, 1, self.components, device=raw.device, dtype=raw.dtype)
        return (
            weights.log_softmax(-1),
            means + (apart if self.components > 1 else 0),
            deviation_of(deviations),
        )
