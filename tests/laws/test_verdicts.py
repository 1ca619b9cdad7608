"""Networks built to have one fault are told of that fault, and a healthy one of none."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from recurra.cells import LSTM, Cell, VanillaRNN
from recurra.cells.initializers import orthogonal_
from recurra.inspect import Finding, gates, gradient, jacobian, roads, truncation, whole_verdict
from recurra.layers import Recurrent

SEEDS = range(20)
STEPS, ROWS, WIDTH = 50, 4, 8
WINDOW = 10
"""Steps after which the gradient is cut."""


class Built(NamedTuple):
    """A network with what it reads.

    Attributes:
        loss: of (model, x), one number a row.
    """

    model: nn.Module
    x: Tensor
    loss: Callable[[nn.Module, Tensor], Tensor]


def at_the_end(model: nn.Module, x: Tensor) -> Tensor:
    """A loss that is read off the last step: what it depends on has to come all the way."""
    y, _ = model(x)
    return y[:, -1].sum(-1)


def vanilla(scale: float, nonlinearity: str = "tanh") -> VanillaRNN:
    cell = VanillaRNN(3, WIDTH, nonlinearity)
    with torch.no_grad():
        cell.hidden.weight.copy_(scale * torch.eye(WIDTH))
        cell.hidden.bias.zero_()
        cell.input.bias.zero_()
    return cell


def vanishing() -> Built:
    return Built(Recurrent(vanilla(0.5)), 0.1 * torch.randn(ROWS, STEPS, 3), at_the_end)


def exploding() -> Built:
    # tanh would saturate and stop it: the inputs are so small that it never gets there
    return Built(Recurrent(vanilla(1.2)), 1e-6 * torch.randn(ROWS, STEPS, 3), at_the_end)


def saturated() -> Built:
    cell = VanillaRNN(3, WIDTH)
    with torch.no_grad():
        cell.input.bias.fill_(10.0)
    return Built(Recurrent(cell), torch.randn(ROWS, STEPS, 3), at_the_end)


class Sum(Cell):
    """Adds up what it reads, and forgets nothing."""

    class State(NamedTuple):
        h: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        self.input = nn.Linear(input_size, hidden_size, bias=False)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        h = state.h + self.input(x)
        return h, self.State(h)


def truncated() -> Built:
    """All that counts is read before the last window begins."""
    x = torch.randn(ROWS, STEPS, 3)
    x[:, STEPS - WINDOW :] = 0
    return Built(Recurrent(Sum(3, WIDTH)), x, at_the_end)


def healthy() -> Built:
    cell = VanillaRNN(3, WIDTH)
    orthogonal_(cell.hidden.weight)
    with torch.no_grad():
        cell.hidden.bias.zero_()
        cell.input.bias.zero_()
    return Built(Recurrent(cell), 0.1 * torch.randn(ROWS, STEPS, 3), at_the_end)


def verdict(built: Built, window: int = STEPS) -> list[Finding]:
    """Over everything but the error surface."""
    model, x, loss = built
    return whole_verdict(
        [
            gradient(model, x, loss),
            truncation(model, x, loss, steps=window),
            gates(model, x),
            jacobian(model, x, places=8, windows=2, longest=16),
            roads(model, x, rows=2, probes=2, longest=16),
        ]
    )


def warned(findings: list[Finding]) -> set[str]:
    return {finding.topic for finding in findings if finding.gravity == "warning"}


@pytest.mark.parametrize(
    ("build", "topic"),
    [
        (vanishing, "vanishing"),
        (exploding, "exploding"),
        (saturated, "saturation"),
        (truncated, "truncation"),
    ],
)
def test_the_fault_is_named(build: Callable[[], Built], topic: str) -> None:
    for seed in SEEDS:
        torch.manual_seed(seed)
        findings = verdict(build(), WINDOW if topic == "truncation" else STEPS)
        assert topic in warned(findings), (seed, findings)
        assert all(finding.gravity != "healthy" for finding in findings)
        if topic in ("vanishing", "exploding"):
            assert len(warned(findings) & {"vanishing", "exploding"}) == 1


def test_a_healthy_network_is_told_of_no_fault() -> None:
    for seed in SEEDS:
        torch.manual_seed(seed)
        findings = verdict(healthy())
        assert not warned(findings), (seed, findings)


def test_an_lstm_that_keeps_its_memory_is_told_of_no_fault() -> None:
    for seed in SEEDS:
        torch.manual_seed(seed)
        cell = LSTM(3, WIDTH, forget_bias=3.0)
        findings = verdict(Built(Recurrent(cell), torch.randn(ROWS, STEPS, 3), at_the_end))
        assert not warned(findings), (seed, findings)


def at_every_step(model: nn.Module, x: Tensor) -> Tensor:
    y, _ = model(x)
    return y.sum((1, 2))


def test_a_loss_at_every_step_makes_no_sound_network_explode() -> None:
    for seed in SEEDS[:5]:
        torch.manual_seed(seed)
        cell = LSTM(3, WIDTH, forget_bias=8.0)
        findings = gradient(Recurrent(cell), torch.randn(ROWS, 200, 3), at_every_step).findings()
        assert not warned(findings), (seed, findings)


def test_a_loss_at_every_step_does_not_hide_that_a_network_explodes() -> None:
    for seed in SEEDS[:5]:
        torch.manual_seed(seed)
        assert "exploding" in warned(gradient(exploding().model, exploding().x, at_every_step).findings())


def test_a_loss_at_every_step_proves_no_reach() -> None:
    torch.manual_seed(0)
    findings = gradient(vanishing().model, vanishing().x, at_every_step).findings()
    assert all(finding.gravity != "healthy" for finding in findings)
    assert any("looks at 50 steps" in finding.text for finding in findings)


def test_a_truncated_gradient_that_is_only_short_is_told_so() -> None:
    torch.manual_seed(0)
    cell = Sum(3, WIDTH)
    x = torch.randn(ROWS, 1, 3).expand(ROWS, STEPS, 3)
    findings = truncation(Recurrent(cell), x, at_the_end, steps=WINDOW).findings()
    assert [finding.gravity for finding in findings] == ["note"]
    assert "little of its length" in findings[0].text
