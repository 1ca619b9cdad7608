"""Regression: numbers in their own unit, scores and bad input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from recurra.errors import Fault
from recurra.tasks import TASKS, RegressTask
from recurra.tasks.parts.metrics import regression_figures

from .fitting import fit, reloaded

Data, Model = RegressTask.DataOptions, RegressTask.ModelOptions

ADDING = {"builtin": "adding", "count": 300, "length": 4}


def prepared(model: dict[str, Any] | None = None, **data: Any) -> RegressTask:
    given = {"train": ADDING, "vectors": "vectors", "batch_size": 16, **data}
    return RegressTask.prepare(Data(**given), Model(**{"hidden": 16, **(model or {})}), seed=1)


def lines(path: Path, *rows: str) -> str:
    path.write_text("\n".join(["text\tprice\tage", *rows]) + "\n")
    return str(path)


def test_it_learns_to_add(tmp_path: Path) -> None:
    assert TASKS["regress"] is RegressTask
    task = prepared({"cell": "gru"})
    fit(task, 15, lr=0.02)
    found = task.evaluate()
    assert found["mse"] < 0.05  # always the mean: 1/6
    assert found["r2"] > 0.7
    again = reloaded(task, task.options, Model(), tmp_path / "run")
    assert again.evaluate() == found
    row = [[0.5, 1.0], [0.1, 0.0], [0.25, 1.0], [0.9, 0.0]]
    (said,) = again.predict([row])
    assert said["target"] == pytest.approx(0.75, abs=0.4)
    assert again.movement(row)[-1]["target"] == pytest.approx(said["target"], abs=1e-5)


def test_scales_come_from_the_training_part_alone(tmp_path: Path) -> None:
    rows = [f"a b\t{1000 + k}\t{k % 7}" for k in range(20)] + ["b a\t99999\t50"] * 5
    task = prepared(
        train=lines(tmp_path / "rows.tsv", *rows),
        hold_out=0.2,
        vectors=None,
        tokens="text",
        target=["price", "age"],
    )
    assert task.model.mean.tolist() == pytest.approx([1009.5, sum(k % 7 for k in range(20)) / 20])
    (said,) = task.predict(["a b"])
    assert set(said) == {"price", "age"}
    assert 900 < said["price"] < 1100
    assert task.evaluate()["mae"] > 10_000


def test_the_baseline_regresses_too() -> None:
    task = prepared({"kind": "feed_forward"})
    losses = fit(task, 3)
    assert losses[-1] < losses[0]


def test_scores() -> None:
    true = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    figures = regression_figures(true, torch.tensor([[1.0, 5.0], [2.0, 5.0]]))
    once = figures(torch.ones(2, dtype=torch.float64))
    assert once == {"mse": 0.25, "mae": 0.25, "r2": 0.25}  # (1 - 1 / 2 + 0) / 2
    assert figures(torch.tensor([0, 1], dtype=torch.float64)) == {"mse": 0.5, "mae": 0.5, "r2": 0.0}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a b\tcheap\t1"], "rows.tsv:2: column 'price': 'cheap' found, expected a number"),
        (["a b\tnan\t1"], "rows.tsv:2: column 'price': 'nan' found, expected a finite number"),
        (["a b\t1e999\t1"], "expected a finite number"),
        (["a b\t\t1"], "rows.tsv:2: column 'price'"),
    ],
)
def test_bad_numbers_are_told(tmp_path: Path, rows: list[str], message: str) -> None:
    path = lines(tmp_path / "rows.tsv", *rows, "b a\t2\t3")
    with pytest.raises(Fault) as fault:
        prepared(train=path, validation=path, vectors=None, tokens="text", target="price")
    assert message in str(fault.value)


def test_a_target_that_never_changes_is_told(tmp_path: Path) -> None:
    path = lines(tmp_path / "rows.tsv", *["a b\t5\t1", "b\t5\t2"] * 8)
    task = prepared(train=path, vectors=None, tokens="text", target="price")
    assert "never changes in training" in "\n".join(task.check())
    assert fit(task, 1)[0] < 1


def test_a_target_needs_a_name() -> None:
    with pytest.raises(ValidationError, match="name of a column"):
        Data(train="x", tokens="text", target=[])
