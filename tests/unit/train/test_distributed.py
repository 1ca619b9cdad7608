"""Two processes that share each batch learn what one learns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from recurra.errors import Fault
from recurra.storage.tensors import read_tensors
from recurra.train import read_recipe, train

from .training import assert_same_run, program, write_recipe

SETTINGS = """
epochs = 2
optimiser = { name = "SGD", lr = 0.05 }
schedule = { name = "ReduceLROnPlateau", every = "validation", patience = 0 }
clip_norm = 1.0
[data]
dropout = 0.0
# 7 rows: the processes hold 4 and 3 of them, so a mean of their means would be wrong
rows = 7
"""
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    train(read_recipe(write_recipe(folder, SETTINGS)), folder / "run", quiet=True)
    return folder / "run"


def assert_close(one: Path, other: Path) -> None:
    left, right = (read_tensors(run / "model.safetensors")[0] for run in (one, other))
    assert left.keys() == right.keys()
    for name in left:
        torch.testing.assert_close(left[name], right[name], atol=1e-6, rtol=1e-5)


def test_two_processes_broken_off_and_resumed(tmp_path: Path, alone: Path) -> None:
    """One pair is started by the recipe and runs through; the other by torchrun, is stopped, and resumed."""
    recipe = write_recipe(tmp_path, SETTINGS)
    whole = program("train", recipe, "-o", tmp_path / "whole", "--set", "train.devices=2", "--json")
    assert whole.returncode == 0, whole.stderr
    assert json.loads(whole.stdout)["steps"] == 10  # one process speaks
    assert_close(alone, tmp_path / "whole")
    stop = "data.signal_at=3"
    stopped = program("train", recipe, "-o", tmp_path / "run", "--set", stop, before=TORCHRUN)
    assert stopped.returncode != 0
    state = json.loads((tmp_path / "run" / "last" / "state.json").read_text())
    assert state["step"] == 4
    assert len(state["files"]) == 3
    with pytest.raises(Fault, match="the checkpoint is of 2 processes, found 1"):
        train(read_recipe(recipe, [stop]), tmp_path / "run", resume=True, quiet=True)
    resumed = program("train", "--resume", "-o", tmp_path / "run", before=TORCHRUN, resumed=True)
    assert resumed.returncode == 0, resumed.stderr
    assert_same_run(tmp_path / "whole", tmp_path / "run")


def test_several_batches_an_update(tmp_path: Path) -> None:
    """With a mean of the weights, and weights that thaw."""
    more = [
        "train.accumulate=2",
        "train.average=ema",
        "train.groups=[{weights = 'recurrent', frozen = true, thaw_step = 2, lr = 0.02}]",
    ]
    recipe = write_recipe(tmp_path, SETTINGS)
    sets = [word for change in (*more, "train.devices=2") for word in ("--set", change)]
    shared = program("train", recipe, "-o", tmp_path / "shared", *sets)
    assert shared.returncode == 0, shared.stderr
    train(read_recipe(recipe, more), tmp_path / "alone", quiet=True)
    assert_close(tmp_path / "alone", tmp_path / "shared")
