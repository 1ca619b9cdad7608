"""Groups of weights: rates of their own, frozen for a while or for good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from recurra.errors import Fault
from recurra.storage.tensors import read_tensors
from recurra.tasks.base import Score
from recurra.train.groups import Groups
from recurra.train.options import TrainOptions, WeightGroup
from recurra.train.updates import Updates

from .training import EVERYTHING, assert_same_run, kill_tiny, resume_tiny, run_tiny

FREEZE = "train.groups=[{weights = 'recurrent', frozen = true}]"


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.output = nn.Embedding(4, 3), nn.Linear(3, 4)
        self.output.weight = self.embedding.weight
        self.middle = nn.Linear(3, 3)


def groups(*tables: dict[str, Any], model: nn.Module | None = None) -> Groups:
    return Groups([WeightGroup.model_validate(table) for table in tables], model or Two())


def test_first_table_that_fits_counts() -> None:
    model = Two()
    found = groups({"weights": "*.bias", "lr": 1.0}, {"weights": ("output", "x"), "lr": 2.0}, model=model)
    rest, biases, output = found.weights.values()
    assert [id(weight) for weight in rest] == [id(model.middle.weight)]
    assert {id(weight) for weight in biases} == {id(model.middle.bias), id(model.output.bias)}
    assert [id(weight) for weight in output] == [id(model.embedding.weight)]  # tied: by its other name


@pytest.mark.parametrize("name", ["SGD", "AdamW", "Adagrad"])
def test_own_rates_and_decay(name: str) -> None:
    """One step of a model of two groups is one step of two models."""

    def step(options: dict[str, Any], model: nn.Module) -> None:
        updates = Updates(
            TrainOptions.model_validate(options), model, Score("x", True), planned=2, per_epoch=1
        )
        for weight in model.parameters():
            weight.grad = weight.detach().clone()
        updates.update(0)

    torch.manual_seed(0)
    both = nn.ModuleDict({"one": nn.Linear(3, 2), "other": nn.Linear(3, 2)})
    one, other = nn.Linear(3, 2), nn.Linear(3, 2)
    one.load_state_dict(both["one"].state_dict())
    other.load_state_dict(both["other"].state_dict())
    step(
        {
            "optimiser": {"name": name, "lr": 0.1, "weight_decay": 0.2},
            "groups": [{"weights": "other", "lr": 0.03, "weight_decay": 0.0}],
        },
        both,
    )
    step({"optimiser": {"name": name, "lr": 0.1, "weight_decay": 0.2}}, one)
    step({"optimiser": {"name": name, "lr": 0.03, "weight_decay": 0.0}}, other)
    for trained, wanted in zip(both.parameters(), [*one.parameters(), *other.parameters()], strict=True):
        torch.testing.assert_close(trained, wanted)


def parts(run: Path, what: str = "model") -> dict[str, Tensor]:
    tensors, _ = read_tensors(next((run / "last").glob("*-common.safetensors")))
    start = f"common.{what}."
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}


def test_frozen_weights_stay_bit_for_bit(tmp_path: Path) -> None:
    """Neither trained nor decayed, and their mean is what they are."""
    changes = [
        "train.epochs=2",
        "train.optimiser={name='SGD', lr=0.1, weight_decay=0.5}",
        "train.average=ema",
    ]
    run_tiny(tmp_path, *changes, FREEZE, name="frozen")
    run_tiny(tmp_path, "train.steps=1", "train.optimiser.lr=1e-30", name="start")
    start, trained = parts(tmp_path / "start"), parts(tmp_path / "frozen")
    means = parts(tmp_path / "frozen", "averages.means")
    for name in start:
        same = name.startswith("recurrent")
        assert torch.equal(start[name], trained[name]) == same
        assert torch.equal(means[name], trained[name]) == same


@pytest.mark.parametrize("thaw", ["thaw_step = 7", "thaw_epoch = 2"])
def test_thawing(tmp_path: Path, thaw: str) -> None:
    freeze = f"train.groups=[{{weights = 'recurrent', frozen = true, {thaw}, lr = 0.01}}]"
    first = {"thaw_step = 7": 7, "thaw_epoch = 2": 10}[thaw]
    for steps in (first, first + 1):
        run_tiny(tmp_path, "train.epochs=3", freeze, f"train.steps={steps}", name=f"{steps}")
    start = parts(tmp_path / f"{first}")
    run_tiny(tmp_path, "train.steps=1", FREEZE, name="start")
    frozen = parts(tmp_path / "start")
    later = parts(tmp_path / f"{first + 1}")
    for name in [name for name in start if name.startswith("recurrent")]:
        assert torch.equal(start[name], frozen[name])
        assert not torch.equal(later[name], frozen[name])


@pytest.mark.parametrize("batch", [4, 9, 16])
def test_killed_and_resumed(tmp_path: Path, batch: int) -> None:
    """Before weights thaw, and after; their optimiser's state begins when they do."""
    changes = [
        *EVERYTHING[:2],
        *EVERYTHING[3:],
        "train.schedule={name = 'CosineAnnealingLR', every = 'step'}",
        "train.groups=[{weights = 'recurrent.*bias', lr = 0.05},"
        " {weights = 'recurrent', frozen = true, thaw_step = 7, lr = 0.01}]",
        "train.average=ema",
    ]
    run_tiny(tmp_path, *changes, name="whole")
    kill_tiny(tmp_path, *changes, f"data.kill_at={batch}", name="broken")
    resume_tiny(tmp_path, *changes, f"data.kill_at={batch}", name="broken")
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("{weights = 'recurent.*', lr = 1.0}",
         r"train.groups\[0\]: weights = 'recurent.\*' fits no weight: near recurrent"),
        ("{weights = 'xyz', lr = 1.0}", "weights = 'xyz' fits no weight: there are recurrent.cell."),
        ("{weights = '*', frozen = true}", "no trainable weights at the start: nothing would be learnt"),
        ("{weights = 'output', lr = 1.0}, {weights = 'out*', lr = 2.0}",
         r"train.groups\[1\]: weights = 'out\*': every weight that it fits is in a group before it"),
        ("{weights = 'output', thaw_step = 1}", "only frozen weights thaw: expected frozen = true"),
        ("{weights = 'output', frozen = true, lr = 1.0}", "lr of weights that stay frozen: leave one out"),
        ("{weights = 'output', frozen = true, thaw_step = 1, thaw_epoch = 1}", "thaw_step and thaw_epoch"),
        ("{weights = 'output'}", "nothing is set for its weights: expected lr, weight_decay or frozen"),
        ("{weights = [], lr = 1.0}", "weights names none"),
        ("{weight = 'output', lr = 1.0}", "unknown key train.groups.0.weight: did you mean 'weights'?"),
        ("{weights = 'output', lr = -1.0}", r"train.groups.0.lr = -1.0 found: should be greater than 0"),
    ],
)  # fmt: skip
def test_tables_that_can_not_be(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(Fault, match=said):
        run_tiny(tmp_path, f"train.groups=[{table}]")
    assert not (tmp_path / "run").exists()


def test_what_an_optimiser_or_schedule_would_override(tmp_path: Path) -> None:
    own = "train.groups=[{weights = 'output', lr = 1.0, weight_decay = 0.1}]"
    with pytest.raises(Fault, match="train.groups.0..weight_decay: Rprop has no argument 'weight_decay'"):
        run_tiny(tmp_path, own, "train.optimiser={name='Rprop'}")
    cycle = "train.schedule={name = 'OneCycleLR', every = 'step', max_lr = "
    with pytest.raises(Fault, match="train.schedule.max_lr = 0.1: OneCycleLR would set .* a list of 2, "):
        run_tiny(tmp_path, own, f"{cycle}0.1}}")
    run_tiny(tmp_path, own, f"{cycle}[0.1, 0.01]}}", "train.epochs=1", name="listed")
