"""Linear probes: what a state says of a property, by logistic regression or by ridge regression."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Probe(NamedTuple):
    """A linear probe, fitted.

    Attributes:
        binary: whether the property is 0 or 1 (logistic regression); else a number (ridge regression).
        score: on held-out places: the share told rightly, or the share of the variance that is explained
            (R^2, below 0 where the mean is better).
        baseline: the same for always telling the commonest value of the other places, or their mean.
        weights: `[D]`: for units brought to mean 0 and deviation 1; a number property likewise.
    """

    binary: bool
    score: float
    baseline: float
    weights: Tensor

    @property
    def gain(self) -> float:
        """Share of the baseline's errors that the probe does not make; 0 where it makes as many."""
        rest = 1 - self.baseline
        return (self.score - self.baseline) / rest if rest > 0 else 0.0


def fit_probe(features: Tensor, values: Tensor, fitting: Tensor, ridge: float = 1.0) -> Probe:
    """Fits a probe to some places and scores it on the others.

    Args:
        features: `[N, D]`.
        values: `[N]`; all 0 or 1 for logistic regression.
        fitting: `[N]` bool: the places to fit to; there are others.
        ridge: weight of the squared length of the weights in the loss, which is summed over places.
    """
    x, y = features.double(), values.double()
    mean, deviation = x[fitting].mean(0), x[fitting].std(0, correction=0)
    x = (x - mean) / torch.where(deviation > 1e-12, deviation, torch.ones_like(deviation))
    x = x * (deviation > 1e-12)
    x = torch.cat([x, torch.ones_like(x[:, :1])], 1)
    penalty = torch.full((x.shape[1],), ridge, dtype=x.dtype, device=x.device)
    penalty[-1] = 1e-6
    rest = ~fitting
    if bool(((y == 0) | (y == 1)).all()):
        weights = _logistic(x[fitting], y[fitting], penalty)
        answers = (x[rest] @ weights > 0).double()
        common = (y[fitting].mean() > 0.5).double()
        score, baseline = ((answers == y[rest]).double().mean(), (y[rest] == common).double().mean())
        return Probe(True, float(score), float(baseline), weights[:-1])
    centre, scale = y[fitting].mean(), y[fitting].std(correction=0)
    target = (y - centre) / scale
    weights = torch.linalg.solve(
        x[fitting].T @ x[fitting] + torch.diag(penalty), x[fitting].T @ target[fitting]
    )
    spread = (target[rest] - target[rest].mean()).square().sum().clamp_min(1e-12)
    score = 1 - (target[rest] - x[rest] @ weights).square().sum() / spread
    baseline = 1 - target[rest].square().sum() / spread
    return Probe(False, float(score), float(baseline), weights[:-1])


def _logistic(x: Tensor, y: Tensor, penalty: Tensor, rounds: int = 25) -> Tensor:
    """`[D + 1]`, by Newton's method with its step halved while the loss would rise."""
    weights = torch.zeros_like(penalty)

    def loss(at: Tensor) -> Tensor:
        total = x @ at
        errors = torch.nn.functional.softplus(total) - y * total
        return errors.sum() + 0.5 * (penalty * at.square()).sum()

    value = loss(weights)
    for _ in range(rounds):
        share = torch.sigmoid(x @ weights)
        gradient = x.T @ (share - y) + penalty * weights
        curvature = x.T @ (x * (share * (1 - share)).unsqueeze(1)) + torch.diag(penalty)
        change = torch.linalg.solve(curvature, gradient)
        rate = 1.0
        while rate > 1e-4 and bool(loss(weights - rate * change) > value):
            rate /= 2
        weights = weights - rate * change
        previous, value = value, loss(weights)
        if bool(previous - value <= 1e-9 * previous.abs()):
            break
    return weights
