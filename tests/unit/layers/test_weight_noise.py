"""Noise on weights: in training alone, anew for each run, for any layer, and out of the way of files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from recurra.cells import GRU, PeepholeLSTM
from recurra.errors import Fault
from recurra.layers import Recurrent, Stack, WeightNoise
from recurra.storage.models import load_model, save_model


def layer(deviation: float = 0.1) -> WeightNoise:
    torch.manual_seed(0)
    return WeightNoise(Stack(Recurrent(GRU(3, 4)), Recurrent(PeepholeLSTM(4, 5))), deviation)


def test_noise_is_drawn_anew_for_each_run_and_only_in_training() -> None:
    noisy, x = layer(), torch.randn(2, 6, 3)
    noisy.train()
    assert not torch.equal(noisy(x)[0], noisy(x)[0])
    noisy.eval()
    assert torch.equal(noisy(x)[0], noisy(x)[0])
    torch.manual_seed(0)
    plain = Stack(Recurrent(GRU(3, 4)), Recurrent(PeepholeLSTM(4, 5))).eval()
    torch.testing.assert_close(noisy(x)[0], plain(x)[0])


def test_one_draw_holds_for_a_whole_run() -> None:
    noisy = WeightNoise(Recurrent(GRU(1, 3)), 0.5).train()
    zeros = torch.zeros(2, 5, 1)
    y, _ = noisy(zeros)
    assert torch.equal(y[0], y[1])


def test_optimisers_see_the_weight_without_noise() -> None:
    noisy = layer().train()
    names = [name for name, _ in noisy.named_parameters()]
    assert any(name.endswith("input.parametrizations.weight.original") for name in names)
    noisy(torch.randn(2, 6, 3))[0].sum().backward()
    assert all(p.grad is not None and bool(p.grad.isfinite().all()) for p in noisy.parameters())


def test_file_round_trip(tmp_path: Path) -> None:
    noisy, x = layer().eval(), torch.randn(2, 6, 3)
    save_model(noisy, tmp_path)
    again = load_model(tmp_path)
    assert torch.equal(again(x)[0], noisy(x)[0])


def test_steps_give_what_a_run_gives() -> None:
    noisy, x = layer().eval(), torch.randn(2, 4, 3)
    whole, _ = noisy(x)
    state = noisy.initial_state(2)
    for t in range(4):
        y, state = noisy.step(x[:, t], state)
        torch.testing.assert_close(y, whole[:, t])


def test_a_negative_deviation_is_told() -> None:
    with pytest.raises(Fault, match="deviation is -1"):
        layer(-1)
