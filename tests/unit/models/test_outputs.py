"""What a network's last numbers say: losses are minimal where they should be, quantiles hold their share."""

from __future__ import annotations

import math

import pytest
import torch

from recurra.errors import Fault
from recurra.models.outputs import Distance, Gaussian, GaussianMixture, Output, Point, Quantiles, StrokeOutput


def learnt(output: Output, targets: torch.Tensor, steps: int = 400) -> torch.Tensor:
    """The raw numbers that cost least over these targets."""
    raw = torch.zeros(output.size, requires_grad=True)
    optimiser = torch.optim.Adam([raw], lr=0.05)
    for _ in range(steps):
        optimiser.zero_grad()
        output.loss(raw.expand(len(targets), -1), targets).mean().backward()
        optimiser.step()
    return raw.detach()


def test_squares_learn_the_mean_and_absolute_errors_the_median() -> None:
    targets = torch.tensor([0.0, 0.0, 0.0, 4.0])
    assert learnt(Point("mse"), targets).item() == pytest.approx(1.0, abs=0.02)
    assert learnt(Point("mae"), targets).item() == pytest.approx(0.0, abs=0.06)


def test_huber_is_square_near_and_absolute_far() -> None:
    loss = Point("huber").loss(torch.zeros(2, 1), torch.tensor([0.5, 3.0]))
    assert loss.tolist() == pytest.approx([0.125, 2.5])


def test_quantiles_hold_their_share() -> None:
    targets = torch.linspace(0, 1, 201)
    output = Quantiles([0.1, 0.5, 0.9])
    raw = learnt(output, targets)
    assert output.quantiles(raw, [0.1, 0.9]).tolist() == pytest.approx([0.1, 0.9], abs=0.05)
    assert float(output.mean(raw)) == pytest.approx(0.5, abs=0.05)


def test_quantiles_never_cross() -> None:
    output = Quantiles([0.1, 0.5, 0.9])
    answers = output.quantiles(torch.tensor([3.0, 1.0, 2.0]), [0.1, 0.5, 0.9])
    assert answers.tolist() == [1.0, 2.0, 3.0]


def test_quantile_not_learnt_is_refused() -> None:
    with pytest.raises(Fault, match="learnt the quantiles"):
        Quantiles([0.5]).quantiles(torch.zeros(1), [0.1])


@pytest.mark.parametrize("levels", [[], [0.1, 0.9], [0.5, 0.5], [0.0, 0.5], [0.5, 1.0], [0.9, 0.5]])
def test_levels_must_rise_between_0_and_1_around_a_half(levels: list[float]) -> None:
    with pytest.raises(Fault, match="rising levels"):
        Quantiles(levels)


def test_gaussian_learns_mean_and_deviation() -> None:
    targets = 3 + 2 * torch.randn(4000)
    output = Gaussian()
    raw = learnt(output, targets)
    assert float(output.mean(raw)) == pytest.approx(float(targets.mean()), abs=0.05)
    low, middle, high = output.quantiles(raw, [0.16, 0.5, 0.84]).tolist()
    assert middle == pytest.approx(float(output.mean(raw)))
    assert (high - low) / 2 == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("output", [Gaussian(), GaussianMixture(1), GaussianMixture(3)])
def test_densities_hold_probability_1(output: Output) -> None:
    raw = torch.randn(output.size)
    places = torch.linspace(-60, 60, 240_001)
    density = torch.exp(-output.loss(raw.expand(len(places), -1), places))
    assert float(torch.trapezoid(density, places)) == pytest.approx(1.0, abs=1e-3)


def test_quantiles_of_a_mixture_invert_its_distribution() -> None:
    output = GaussianMixture(2)
    raw = torch.randn(output.size).double()
    levels = [0.05, 0.5, 0.8]
    for level, quantile in zip(levels, output.quantiles(raw, levels).tolist(), strict=True):
        places = torch.linspace(-60, quantile, 200_001, dtype=torch.float64)
        density = torch.exp(-output.loss(raw.expand(len(places), -1), places))
        assert float(torch.trapezoid(density, places)) == pytest.approx(level, abs=1e-3)


def test_mixture_learns_two_hills() -> None:
    targets = torch.cat([torch.full((100,), -2.0), torch.full((100,), 2.0)]) + 0.1 * torch.randn(200)
    nats = {k: GaussianMixture(k) for k in (1, 2)}
    costs = {k: float(o.loss(learnt(o, targets).expand(200, -1), targets).mean()) for k, o in nats.items()}
    assert costs[2] < costs[1] - 1


def test_a_point_has_no_interval() -> None:
    with pytest.raises(Fault, match="no quantiles"):
        Point().quantiles(torch.zeros(1), [0.1])


def test_unknown_error_names_the_nearest() -> None:
    with pytest.raises(Fault, match="did you mean 'huber'"):
        Point("hubre")


def test_distance_is_euclidean_and_has_a_gradient_at_0() -> None:
    raw = torch.zeros(2, 2, 1, requires_grad=True)
    loss = Distance().loss(raw, torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    loss.sum().backward()
    assert loss.tolist() == [5.0, 0.0]
    assert raw.grad is not None
    assert bool(raw.grad.isfinite().all())


def test_stroke_density_holds_probability_1() -> None:
    output = StrokeOutput(3)
    raw = torch.randn(output.size)
    axis = torch.linspace(-25, 25, 501)
    places = torch.cartesian_prod(axis, axis)
    moves, _ = output.losses(raw.expand(len(places), -1), places, torch.zeros(len(places), dtype=torch.int64))
    area = float((axis[1] - axis[0]) ** 2)
    assert float(torch.exp(-moves).sum()) * area == pytest.approx(1.0, abs=0.02)


def test_strokes_are_drawn_as_the_density_says() -> None:
    output = StrokeOutput(1)
    raw = torch.tensor([0.0, 1.0, -2.0, 0.5, 0.1, 0.8, 0.0, 1.0, -1.0])
    at = output.read(raw)
    steps, pens = output.draw(raw.expand(20_000, -1), torch.Generator().manual_seed(0))
    assert steps.mean(0).tolist() == pytest.approx([1.0, -2.0], abs=0.03)
    covariance = float(at.correlation * at.deviation_x * at.deviation_y)
    assert float(torch.cov(steps.T)[0, 1]) == pytest.approx(covariance, abs=0.03)
    shares = torch.bincount(pens, minlength=3) / len(pens)
    assert shares.tolist() == pytest.approx(at.pen.exp().tolist(), abs=0.02)


def test_bias_draws_closer_to_the_mean() -> None:
    output = StrokeOutput(2)
    raw = torch.randn(output.size)
    plain, neat = output.read(raw), output.read(raw, bias=1.0)
    assert bool((neat.deviation_x < plain.deviation_x / 2).all())
    assert float(neat.shares.max()) > float(plain.shares.max())
    assert math.isclose(float(neat.shares.exp().sum()), 1, rel_tol=1e-5)
