"""The mean of the weights: of what, when it begins, and that it is validated and saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_swa_multi_avg_fn

from recurra.errors import Fault
from recurra.storage.tensors import read_tensors
from recurra.tasks.base import Score
from recurra.train import read_recipe
from recurra.train.averages import Averages
from recurra.train.options import Averaging, TrainOptions

from .training import EVERYTHING, assert_same_run, kill_tiny, resume_tiny, run_tiny, write_recipe

SMALLER = Score("error", larger_is_better=False)


class Tied(nn.Module):
    """Two layers of one weight, and numbers that no optimiser changes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second.weight = self.first.weight
        self.register_buffer("mean", torch.zeros(3))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))


def of(model: nn.Module, planned: int = 40, per_epoch: int = 10, **options: Any) -> Averages:
    return Averages(Averaging.model_validate(options), model, SMALLER, planned=planned, per_epoch=per_epoch)


def move(model: nn.Module) -> None:
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight))


def test_plain_mean_is_torchs() -> None:
    torch.manual_seed(0)
    model = Tied()
    averages, judge = (
        of(model, name="asgd", start_step=3),
        AveragedModel(model, multi_avg_fn=get_swa_multi_avg_fn()),
    )
    for step in range(1, 20):
        move(model)
        averages.finish("step", step, step // 10)
        if step > 3:
            judge.update_parameters(model)
    own = [weight.clone() for weight in model.parameters()]
    with averages.swapped():
        assert model.second.weight is model.first.weight
        for mean, wanted in zip(model.parameters(), judge.parameters(), strict=True):
            torch.testing.assert_close(mean, wanted)
    assert all(map(torch.equal, model.parameters(), own))


def test_moving_mean_warms_up() -> None:
    model = nn.Linear(1, 1, bias=False)
    averages, values, mean = (
        of(model, name="ema", decay=0.5),
        [4.0, -2.0, 1.0, 3.0, 7.0, 5.0, 0.5, 9.0, 2.0],
        4.0,
    )
    for count, value in enumerate(values):
        model.weight.data.fill_(value)
        averages.finish("step", count + 1, 0)
        decay = min(0.5, (1 + count) / (10 + count))
        mean = decay * mean + (1 - decay) * value if count else value
    assert (1 + 8) / (10 + 8) >= 0.5
    with averages.swapped():
        assert model.weight.item() == pytest.approx(mean, rel=1e-6)


def test_low_precision_does_not_swallow_updates() -> None:
    model = nn.Linear(1, 1, bias=False).bfloat16()
    averages = of(model, name="asgd", start_step=0, planned=1000)
    for step in range(1000):
        model.weight.data.fill_(float(step % 2))
        averages.finish("step", step + 1, 0)
    with averages.swapped():
        assert model.weight.dtype == torch.bfloat16
        assert model.weight.item() == 0.5


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({"name": "ema"}, 1),
        ({"name": "ema", "start_step": 7}, 8),
        ({"name": "asgd"}, 31),
        ({"name": "asgd", "start_epoch": 2}, 21),
        ({"name": "swa"}, 40),
        ({"name": "swa", "start_epoch": 1}, 20),
        ({"name": "swa", "start_step": 20}, 30),
    ],
)
def test_beginning(options: dict[str, Any], first: int) -> None:
    model = nn.Linear(1, 1)
    averages = of(model, **options)
    begun = None
    for step in range(1, 41):
        averages.finish("step", step, (step - 1) // 10)
        if step % 10 == 0:
            averages.finish("epoch", step, step // 10)
        if begun is None and averages.state()["count"]:
            begun = step
    assert begun == first


@pytest.mark.parametrize("larger", [False, True])
def test_trigger_waits_until_no_score_is_better(larger: bool) -> None:
    """As in the code of AWD-LSTM: worse than the best of all but the last two."""
    model = nn.Linear(1, 1)
    averages = Averages(Averaging(name="asgd", trigger=2), model, Score("s", larger), planned=9, per_epoch=1)
    scores = [9.0, 8.0, float("nan"), 8.5, 7.0, 6.0, 6.5, 7.5, 6.8]
    sign = -1 if larger else 1
    begun = []
    for step, score in enumerate(scores):
        averages.finish("step", step + 1, step)
        averages.judge(sign * score)
        begun.append(averages.state()["triggered"])
    # 7.5 is above 7, the best of 9, 8, 8.5 and 7; the validation after it has a mean
    assert begun == [False] * 7 + [True] * 2
    assert averages.state()["count"] == 1


@pytest.mark.parametrize("average", ["{name = 'ema', decay = 0.8}", "swa", "{name = 'asgd', trigger = 1}"])
def test_killed_and_resumed(tmp_path: Path, average: str) -> None:
    changes = [*EVERYTHING, f"train.average={average}"]
    kill_tiny(tmp_path, *changes, "data.kill_at=17", name="broken")
    resume_tiny(tmp_path, *changes, "data.kill_at=17", name="broken")
    run_tiny(tmp_path, *changes, name="whole")
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


def parts(run: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The trained weights of a checkpoint, and their means."""
    tensors, _ = read_tensors(next((run / "last").glob("*-common.safetensors")))
    named = {"common.model.": {}, "common.averages.means.": {}}  # type: dict[str, dict[str, Tensor]]
    for start, each in named.items():
        each.update({k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)})
    return named["common.model."], named["common.averages.means."]


def test_mean_is_validated_and_saved(tmp_path: Path) -> None:
    run_tiny(tmp_path, "train.average=ema", "train.epochs=2", "train.optimiser.lr=0.02", name="mean")
    run_tiny(tmp_path, "train.epochs=2", "train.optimiser.lr=0.02", name="plain")
    saved, _ = read_tensors(tmp_path / "mean" / "model.safetensors")
    weights, means = parts(tmp_path / "mean")
    assert json.loads((tmp_path / "mean" / "metrics.json").read_text())["best"]["step"] == 10
    assert saved.keys() == means.keys() == weights.keys()
    assert all(torch.equal(saved[name], means[name]) for name in saved)
    assert not any(torch.equal(saved[name], weights[name]) for name in saved)
    plain, none = parts(tmp_path / "plain")
    assert not none
    assert all(torch.equal(plain[name], weights[name]) for name in plain)  # training does not notice


def test_broken_off_within_a_validation(tmp_path: Path) -> None:
    """The checkpoint has the trained weights, not the mean that is being validated."""
    changes = ["train.average=ema", "train.epochs=3"]
    run_tiny(tmp_path, *changes, name="whole")
    with pytest.raises(KeyboardInterrupt):
        run_tiny(tmp_path, *changes, "data.signal_in_validation=2", name="broken")
    resume_tiny(tmp_path, *changes, "data.signal_in_validation=2", name="broken")
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


def test_name_is_the_table(tmp_path: Path) -> None:
    one, other = (
        read_recipe(write_recipe(tmp_path), [f"train.average={text}"]) for text in ("ema", "{name = 'ema'}")
    )
    assert one.to_digest() == other.to_digest()
    assert TrainOptions.model_validate_json(one.train.model_dump_json()) == one.train


@pytest.mark.parametrize(
    ("average", "said"),
    [
        ("emma", "train.average.name = 'emma' found"),
        ("{decay = 0.9}", "train.average.name is missing"),
        ("{name = 'ema', decay = 1.0}", "train.average.decay = 1.0 found"),
        ("{name = 'swa', decay = 0.9}", "decay belongs to 'ema': 'swa' is a plain mean"),
        ("{name = 'asgd', trigger = 2, start_epoch = 1}", "start_epoch and trigger both say when"),
        ("{name = 'swa', start_epoch = 2}", "after update 10, but the last end of an epoch is at 10"),
        ("{name = 'ema', start_step = 99}", "would begin after update 99, but the last update is at 10"),
    ],
)  # fmt: skip
def test_settings_that_can_not_be(tmp_path: Path, average: str, said: str) -> None:
    with pytest.raises(Fault, match=said):
        run_tiny(tmp_path, f"train.average={average}", "train.epochs=2")
    assert not (tmp_path / "run").exists()
