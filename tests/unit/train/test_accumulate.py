"""Several batches an update: as one batch of all their rows, and broken off anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from recurra.errors import Fault
from recurra.runs.digests import recipe_digest
from recurra.runs.folder import RECIPE
from recurra.runs.toml import to_toml
from recurra.storage.models import read_seal, seal_model
from recurra.storage.seals import Seal
from recurra.storage.tensors import read_tensors
from recurra.storage.toml_text import read_toml
from recurra.train import checkpoint

from .training import EVERYTHING, assert_same_run, kill_tiny, resume_tiny, run_tiny, tiny


def weights(run: Path) -> dict[str, torch.Tensor]:
    return read_tensors(run / "model.safetensors")[0]


def log_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


class Pairs:
    """Two batches of the tiny task as one."""

    def __init__(self, batches: Any) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return -(-len(self.batches) // 2)

    def __getitem__(self, index: int) -> Any:
        numbers = range(2 * index, min(2 * index + 2, len(self.batches)))
        parts = [self.batches[number] for number in numbers]
        return parts[0][0], torch.cat([rows for _, rows in parts])


def test_two_batches_are_as_one_of_all_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An epoch of five: its last update has one batch. Clipped, scheduled and averaged alike."""
    task = tiny().TinyTask
    loss, batches = task.loss, task.batches
    monkeypatch.setattr(task, "loss", lambda self, batch, carry: loss(self, batch, None))
    changes = [*EVERYTHING, "data.dropout=0.0", "train.average=asgd", "train.validate_every=3"]
    run_tiny(tmp_path, *changes, "train.accumulate=2", name="gathered")
    monkeypatch.setattr(task, "batches", lambda *arguments: Pairs(batches(*arguments)))
    run_tiny(tmp_path, *changes, name="joined")
    one, other = weights(tmp_path / "gathered"), weights(tmp_path / "joined")
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=1e-4, atol=1e-6)
    logs = [log_of(tmp_path / name) for name in ("gathered", "joined")]
    assert [entry["step"] for entry in logs[0]] == [entry["step"] for entry in logs[1]]
    for one_entry, other_entry in zip(*logs, strict=True):
        for key in {"loss", "gradient_norm", "learning_rate"} & one_entry.keys():
            assert one_entry[key] == pytest.approx(other_entry[key], rel=1e-3)


def test_steps_are_updates(tmp_path: Path) -> None:
    assert run_tiny(tmp_path, "train.accumulate=3", "train.epochs=2", name="epochs").steps == 4
    assert run_tiny(tmp_path, "train.accumulate=3", "train.steps=3", name="steps").steps == 3
    assert run_tiny(tmp_path, "train.accumulate=99", "train.epochs=2", name="all").steps == 2


@pytest.mark.parametrize("batch", [6, 7, 13])
def test_killed_and_resumed(tmp_path: Path, batch: int) -> None:
    changes = [*EVERYTHING, "train.accumulate=2", "train.checkpoint_every=1"]
    run_tiny(tmp_path, *changes, name="whole")
    kill_tiny(tmp_path, *changes, f"data.kill_at={batch}", name="broken")
    resume_tiny(tmp_path, *changes, f"data.kill_at={batch}", name="broken")
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


def test_stopped_within_an_update(tmp_path: Path) -> None:
    """The gradient gathered so far, and what the state carries, are in the checkpoint."""
    changes = [*EVERYTHING, "train.accumulate=3"]
    run_tiny(tmp_path, *changes, name="whole")
    with pytest.raises(KeyboardInterrupt):
        run_tiny(tmp_path, *changes, "data.signal_at=6", name="broken")
    state = json.loads((tmp_path / "broken" / "last" / "state.json").read_text())
    assert (state["step"], state["position"]) == (2, 2)
    resume_tiny(tmp_path, *changes, "data.signal_at=6", name="broken")
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


def test_batch_that_is_skipped(tmp_path: Path) -> None:
    """The other one of its update counts alone."""
    changes = ["train.epochs=2", "train.accumulate=2", "train.on_non_finite=skip", "train.log_every=1"]
    run_tiny(tmp_path, *changes, "data.nan_at=6")
    (skipped,) = [entry for entry in log_of(tmp_path / "run") if "skipped" in entry]
    assert skipped["step"] == 4
    assert 4 in [entry["step"] for entry in log_of(tmp_path / "run") if "loss" in entry]
    with pytest.raises(Fault, match=r"step 4 \(epoch 2, batch 2\): the loss is nan"):
        run_tiny(tmp_path, "train.epochs=2", "train.accumulate=2", "data.nan_at=6", name="stopped")


def test_run_of_a_version_without_it_goes_on(tmp_path: Path) -> None:
    run_tiny(tmp_path, "train.epochs=1")
    run = tmp_path / "run"
    table, seal = read_toml(run / RECIPE), read_seal(run)
    assert seal is not None
    del table["train"]["accumulate"], table["train"]["groups"]
    (run / RECIPE).write_text(to_toml(table))
    checkpoint.rename_recipe(run / "last", recipe_digest(table))
    seal_model(run, Seal(recipe_digest(table), seal.files))
    assert run_tiny(tmp_path, "train.epochs=2", resume=True).steps == 10
    run_tiny(tmp_path, "train.epochs=2", name="whole")
    assert_same_run(tmp_path / "whole", run)
