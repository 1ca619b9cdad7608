"""The draw task: steps told, drawings ended, drawn and written."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra.errors import Fault
from recurra.storage.models import load_model, save_model
from recurra.tasks.draw.data import DrawOptions, as_steps
from recurra.tasks.draw.model import DrawModelOptions
from recurra.tasks.draw.plot import lines
from recurra.tasks.draw.task import DrawTask
from tests.unit.tasks.fitting import fit


def write(path: Path, drawings: int = 20) -> Path:
    """Two strokes each, as in an L and a dash, with a little shaking."""
    rng = np.random.default_rng(0)
    one = np.array([[0, 1, 0], [0, 20, 0], [10, 0, 1], [5, -10, 0], [10, 0, 1]])
    parts: dict[str, Any] = {}
    for name, count in (("train", drawings), ("valid", 4), ("test", 3)):
        steps = np.tile(one, (count, 1))
        steps[:, :2] += rng.integers(-1, 2, (len(steps), 2))
        parts |= {name: steps.astype(np.int16), f"{name}_lengths": np.full(count, len(one))}
    np.savez(path, **parts)
    return path


def options(path: Path, **changes: Any) -> DrawOptions:
    sources = {
        name: {"path": str(path), "sequences": part}
        for name, part in (("train", "train"), ("validation", "valid"), ("test", "test"))
    }
    return DrawOptions(**{**sources, "batch_size": 8, **changes})


def task_of(tmp_path: Path) -> DrawTask:
    model = DrawModelOptions(cell="lstm", hidden=24, components=2)
    return DrawTask.prepare(options(write(tmp_path / "a.npz")), model, seed=0)


def trained(task: DrawTask, epochs: int = 40) -> DrawTask:
    fit(task, epochs)
    return task


def test_every_step_is_told_and_the_last_one_ends() -> None:
    found = as_steps([torch.tensor([[2.0, 4.0, 0.0], [6.0, 8.0, 1.0], [0.0, 2.0, 1.0]])], 2.0)
    assert found.inputs.data.tolist() == [[0, 0, 0, 0, 0], [1, 2, 1, 0, 0], [3, 4, 0, 1, 0]]
    assert found.steps.tolist() == [[1, 2], [3, 4], [0, 1]]
    assert found.pens.tolist() == [0, 1, 2]


def test_it_learns_what_it_is_shown(tmp_path: Path) -> None:
    task = trained(task_of(tmp_path))
    found = task.evaluate("test")
    assert found["nll"] < found["nll_independent"] - 1.5
    assert found["pen_nll"] < 0.2
    for drawing in task.drawn(torch.zeros(0, 3), 5, 20, bias=2.0):
        assert drawing[:, 2].tolist() == [0, 0, 1, 0, 1]
        wanted = torch.tensor([[0, 1], [0, 20], [10, 0], [5, -10], [10, 0]])
        assert float((drawing[:, :2] - wanted).abs().max()) < 4


def test_the_baseline_is_one_normal_distribution(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    steps = torch.cat([d[:, :2] for d in task.data.validation]) / task.scale
    normal = torch.distributions.MultivariateNormal(steps.mean(0), torch.cov(steps.T, correction=0))
    pens = -(3 * math.log(3 / 5) + math.log(1 / 5) * 2) / 5
    wanted = float(-normal.log_prob(steps).mean()) + pens
    assert task.evaluate()["nll_independent"] == pytest.approx(wanted, abs=1e-4)


def test_drawings_go_on_from_a_beginning(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    begin = [[1.0, 2.0, 0], [3.0, 4.0, 1]]
    (drawn,) = task.sample(json.dumps(begin), length=3, seed=1)
    assert json.loads(drawn)[:2] == begin
    assert 3 <= len(json.loads(drawn)) <= 5
    assert list(task.sample(count=2, length=4)) == list(task.sample(count=2, length=4))


def test_pictures_are_written(tmp_path: Path) -> None:
    (name,) = task_of(tmp_path).sample(count=5, length=6, output=tmp_path / "a.png")
    assert Path(name).read_bytes()[:4] == b"\x89PNG"


def test_a_step_after_a_lift_draws_nothing() -> None:
    drawing = torch.tensor([[5.0, 5, 0], [1, 0, 1], [3, 3, 0], [0, 1, 0], [9, 9, 1], [1, 1, 0]])
    assert lines(drawing) == [([5, 6], [5, 5]), ([9, 9, 18], [8, 9, 18]), ([19], [19])]


def test_a_restored_task_answers_alike(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    save_model(task.model, tmp_path / "run")
    task.save_assets(tmp_path / "run")
    model = DrawModelOptions(cell="lstm", hidden=24, components=2)
    again = DrawTask.restore(task.options, model, load_model(tmp_path / "run"), tmp_path / "run")
    assert again.evaluate() == task.evaluate()
    drawing = [[1, 2, 0], [3, 4, 1]]
    assert list(again.predict([drawing])) == list(task.predict([json.dumps(drawing)]))
    assert task.check()[0] == "train: 20 examples, 100 steps (5 to 5 each, median 5)"


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ([[1, 2]], "shape \\[1, 2\\] found"),
        ([[1, 2, 3]], "lifted 0 or 1"),
        ("a line", "expected a list of \\[dx, dy, lifted\\]"),
    ],
)
def test_bad_drawings_are_told(tmp_path: Path, item: Any, why: str) -> None:
    with pytest.raises(Fault, match=why):
        list(task_of(tmp_path).predict([item]))


def test_bad_data_are_told(tmp_path: Path) -> None:
    def fault(array: np.ndarray, **changes: Any) -> str:
        np.save(tmp_path / "b.npy", array)
        source = str(tmp_path / "b.npy")
        asked = options(tmp_path, train=source, validation=source, **changes)
        with pytest.raises(Fault) as told:
            DrawTask.prepare(asked, DrawModelOptions(), seed=0)
        return str(told.value)

    assert "2 numbers a step found, expected 3" in fault(np.zeros((2, 4, 2)))
    assert "lifted = 2 found at step 1" in fault(np.full((2, 4, 3), 2))
    assert "never move" in fault(np.zeros((2, 4, 3)))
    assert "a sequence of 4 steps, expected at most 3" in fault(np.zeros((2, 4, 3)), max_length=3)
    with pytest.raises(Fault, match="at most 1"):
        list(task_of(tmp_path).sample(temperature=1.5))
