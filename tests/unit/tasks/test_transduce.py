"""Transduction: targets shorter than their sources by a fixed ratio."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from recurra.errors import Fault
from recurra.storage.models import load_model, save_model
from recurra.tasks.transduce.data import TransduceDataOptions
from recurra.tasks.transduce.model import TransduceModelOptions
from recurra.tasks.transduce.task import TransduceTask


def _write(path: Path, count: int, longest: int, seed: int) -> str:
    """Pairs of letters, and which of the two comes first in the alphabet."""
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        source = [rng.choice("abcd") for _ in range(2 * rng.randint(1, longest))]
        pairs = zip(source[::2], source[1::2], strict=True)
        rows.append(f"{''.join(source)}\t{''.join(min(pair) for pair in pairs)}\n")
    path.write_text("source\ttarget\n" + "".join(rows))
    return str(path)


def _task(folder: Path, **data: Any) -> TransduceTask:
    options = {
        "train": _write(folder / "train.tsv", 200, 5, 0),
        "validation": _write(folder / "held.tsv", 30, 15, 1),
        "ratio": 2,
        "batch_size": 20,
        **data,
    }
    body = {"cell": "gru", "hidden": 16}
    model = TransduceModelOptions.model_validate({"below": body, "above": body})
    return TransduceTask.prepare(TransduceDataOptions.model_validate(options), model, seed=0)


def test_rows_longer_than_any_in_training_come_out_right(tmp_path: Path) -> None:
    task = _task(tmp_path)
    optimiser = torch.optim.Adam(task.model.parameters(), 0.02)
    for epoch in range(12):
        for batch in task.batches(epoch):
            loss = task.loss(batch, None)
            (loss.total / loss.items).backward()
            optimiser.step()
            optimiser.zero_grad()
    scores = task.evaluate()
    assert scores["longest"] >= 20
    assert scores["accuracy"] >= 0.99
    assert list(task.predict(["dcba", {"source": "bdd"}])) == [
        {"source": "dcba", "target": "ca"},
        {"source": "bdd", "target": "b"},
    ]
    save_model(task.model, tmp_path / "run")
    task.save_assets(tmp_path / "run")
    other = TransduceTask.restore(
        task.options, TransduceModelOptions(), load_model(tmp_path / "run"), tmp_path / "run"
    )
    assert other.evaluate() == scores
    assert other.evaluate(tmp_path / "held.tsv") == scores
    assert any("2 to 1" in line for line in task.check())


def test_lengths_that_do_not_fit_are_told(tmp_path: Path) -> None:
    with pytest.raises(
        Fault, match=r"train\.tsv:2: a source of \d+ symbols and a target of \d+, expected 3 to 1"
    ):
        _task(tmp_path, ratio=3)
    with pytest.raises(Fault, match="expected at most 4"):
        _task(tmp_path, max_length=4)
