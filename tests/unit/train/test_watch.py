"""What a watched training tells, and that it stays the same training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from recurra import cells
from recurra.errors import Fault
from recurra.layers import Recurrent
from recurra.reports.report import write_report
from recurra.storage.tensors import read_tensors
from recurra.train.options import TrainOptions
from recurra.train.watch import GradientWatch

from .training import run_tiny

WATCH = ("train.watch=gradient", "train.watch_every=2")


def log_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_what_is_told(tmp_path: Path) -> None:
    run_tiny(tmp_path, "train.epochs=2", "train.clip_norm=1e-9", *WATCH)
    entries = [entry for entry in log_of(tmp_path / "run") if "watch" in entry]
    assert [entry["step"] for entry in entries] == [2, 4, 6, 8, 10]
    for entry in entries:
        numbers = entry["watch"]
        assert set(numbers) == {
            "recurrent/reach", "recurrent/growth", "recurrent/dead", "recurrent/saturated",
            "update_ratio/recurrent.cell", "update_ratio/output", "clipped",
        }  # fmt: skip
        assert numbers["clipped"] == 1.0
        assert 0 < numbers["recurrent/growth"] < 2
        assert numbers["recurrent/reach"] >= 1
        assert 0 < numbers["update_ratio/output"] < 1
    page = write_report(tmp_path / "run").read_text()
    assert "Gradient over training" in page


def test_the_training_stays_the_same(tmp_path: Path) -> None:
    for name, changes in (("plain", ()), ("run", WATCH)):
        run_tiny(tmp_path, "train.epochs=2", "train.log_every=1", *changes, name=name)
    one, other = (read_tensors(tmp_path / name / "model.safetensors")[0] for name in ("plain", "run"))
    for name, weight in one.items():
        torch.testing.assert_close(other[name], weight)
    losses = [[e["loss"] for e in log_of(tmp_path / name) if "loss" in e] for name in ("plain", "run")]
    assert losses[0] == pytest.approx(losses[1])
    assert "Gradient over training" not in write_report(tmp_path / "plain").read_text()


def test_a_run_may_be_watched_from_where_it_stopped(tmp_path: Path) -> None:
    run_tiny(tmp_path, "train.epochs=1")
    run_tiny(tmp_path, "train.epochs=2", *WATCH, resume=True)
    assert [entry["step"] for entry in log_of(tmp_path / "run") if "watch" in entry] == [6, 8, 10]


@pytest.mark.parametrize("change", ["train.watch=gates", "train.watch_every=0"])
def test_a_setting_that_is_none(tmp_path: Path, change: str) -> None:
    with pytest.raises(Fault, match="watch"):
        run_tiny(tmp_path, change)


def watched(model: nn.Module, x: torch.Tensor) -> GradientWatch:
    watch = GradientWatch(TrainOptions(watch="gradient"), model)
    with watch.forward():
        model(x)
    return watch


def test_dead_and_saturated_units() -> None:
    layer = Recurrent(cells.VanillaRNN(3, 4))
    with torch.no_grad():
        layer.cell.hidden.weight.zero_()
        layer.cell.input.weight.copy_(torch.tensor([[0.0], [0.5], [0.5], [0.5]]).expand(4, 3))
        layer.cell.hidden.bias.zero_()
        layer.cell.input.bias.copy_(torch.tensor([0.0, 10.0, -10.0, 0.0]))
    numbers = watched(layer, torch.randn(3, 5, 3)).numbers()
    assert numbers["Recurrent/dead"] == 0.25
    assert numbers["Recurrent/saturated"] == 0.5
    assert numbers["Recurrent/reach"] == 0


def test_how_far_a_gradient_reaches() -> None:
    layer = Recurrent(cells.VanillaRNN(3, 4, nonlinearity="relu", bias=False))
    with torch.no_grad():
        layer.cell.hidden.weight.copy_(0.5 * torch.eye(4))
        layer.cell.input.weight.abs_()
    numbers = watched(layer, torch.rand(3, 20, 3)).numbers()
    assert numbers["Recurrent/reach"] == 6
    assert numbers["Recurrent/growth"] == pytest.approx(0.5)
    assert all(weight.grad is None for weight in layer.parameters())


def test_a_model_without_a_recurrent_layer() -> None:
    watch = watched(nn.Linear(3, 2), torch.rand(2, 3))
    assert "no recurrent layer" in watch.remark()
    assert watch.remark() == ""
