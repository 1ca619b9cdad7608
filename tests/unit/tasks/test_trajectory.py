"""The trajectory task: moved and turned paths, scenes left out, the constant-velocity baseline."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from recurra.errors import Fault
from recurra.models.frames import Heading
from recurra.storage.models import load_model, save_model
from recurra.tasks.trajectory.data import TrajectoryOptions
from recurra.tasks.trajectory.model import TrajectoryModelOptions
from recurra.tasks.trajectory.task import TrajectoryTask, constant_velocity
from tests.unit.tasks.fitting import fit


def write(path: Path, walkers: int = 12, steps: int = 24, bend: float = 0.08, gap: int | None = None) -> Path:
    """Walkers who all turn left, each from another place in another direction, two at a time."""
    lines = []
    for k in range(walkers):
        x, y, way = 3.0 * k, -2.0 * k, 2 * math.pi * k / walkers
        for t in range(steps):
            if t != gap:
                lines.append(f"{(t + 5 * (k // 2)) * 10}\t{k}\t{x:.4f}\t{y:.4f}")
            x, y, way = x + 0.4 * math.cos(way), y + 0.4 * math.sin(way), way + bend
    path.write_text("\n".join(lines) + "\n")
    return path


def options(*paths: Path, **changes: Any) -> TrajectoryOptions:
    source = {"path": [str(p) for p in paths], "format": "tsv", "names": ["frame", "id", "x", "y"]}
    given: dict[str, Any] = {"train": source, "validation": source, "horizon": 6, "batch_size": 16}
    return TrajectoryOptions(**{**given, **changes})


def model(**changes: Any) -> TrajectoryModelOptions:
    return TrajectoryModelOptions(**{"cell": "gru", "hidden": 12, "ahead": "direct", **changes})


def trained(task: TrajectoryTask, epochs: int = 10) -> TrajectoryTask:
    fit(task, epochs)
    return task


def test_it_learns_a_bend_that_constant_velocity_misses(tmp_path: Path) -> None:
    task = TrajectoryTask.prepare(options(write(tmp_path / "a.txt")), model(), seed=0)
    found = trained(task).evaluate()
    assert found["ade"] < 0.5 * found["constant_ade"]
    assert found["fde"] < 0.5 * found["constant_fde"]
    assert found["windows"] == 12 * (24 - 8 - 6 + 1)


def test_a_moved_and_turned_path_is_forecast_moved_and_turned(tmp_path: Path) -> None:
    task = TrajectoryTask.prepare(options(write(tmp_path / "a.txt")), model(), seed=0)
    context, _, known = task.data.train.take([0, 30])
    c, s = math.cos(1.1), math.sin(1.1)
    turn, move = torch.tensor([[c, s], [-s, c]]), torch.tensor([7.0, -3.0])
    with torch.no_grad():
        plain = task.model.mean(task.model(context, known))
        other = task.model.mean(task.model(context @ turn + move, known))
    torch.testing.assert_close(plain @ turn + move, other, atol=1e-4, rtol=1e-4)


def test_unturned_frames_keep_the_directions_of_the_scene(tmp_path: Path) -> None:
    context = torch.tensor([[[0.0, 0.0], [0.0, 1.0], [0.0, 3.0]]])
    assert Heading(turned=False).enter(context, 2)[0][0, 0, :2].tolist() == [0, -3]
    assert Heading(turned=True).enter(context, 2)[0][0, 0, :2].tolist() == [-3, 0]


def test_places_of_the_scene_are_read_where_asked_for() -> None:
    context = torch.tensor([[[3.0, 5.0], [3.0, 6.0], [3.0, 8.0]]])
    assert Heading(turned=False, place=True).enter(context, 2)[0][0].tolist() == [
        [0, -3, 0, 0, 3, 5],
        [0, -2, 0, 1, 3, 6],
        [0, 0, 0, 2, 3, 8],
    ]


def test_a_model_may_know_the_places_of_a_scene(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt")
    task = TrajectoryTask.prepare(options(path), model(place=True, turned=False), seed=0)
    found = trained(task).evaluate()
    assert found["ade"] < 0.5 * found["constant_ade"]
    context, _, known = task.data.train.take([0])
    with torch.no_grad():
        here = task.model.mean(task.model(context, known))
        there = task.model.mean(task.model(context + 9, known)) - 9
    assert not torch.allclose(here, there, atol=1e-3)


@pytest.mark.parametrize("place", [True, False])
@pytest.mark.parametrize("turned", [True, False])
def test_frames_go_in_and_out(turned: bool, place: bool) -> None:
    frame, context, future = Heading(turned, place), torch.randn(5, 8, 2), torch.randn(5, 6, 2)
    frame.learn(context.flatten(0, 1), context, future)
    context[0] = context[0, :1]  # stands still
    _, memo = frame.enter(context, 6)
    local = frame.inside(future, memo)
    torch.testing.assert_close(frame.outside(local, memo), future)
    assert bool(local.isfinite().all())


def test_constant_velocity_repeats_the_last_step() -> None:
    told = constant_velocity(torch.tensor([[[0.0, 0.0], [1.0, 2.0], [2.0, 5.0]]]), 2)
    assert told.tolist() == [[[3.0, 8.0], [4.0, 11.0]]]


def test_a_scene_is_left_out_and_alone_tested(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{name}.txt", walkers) for name, walkers in (("park", 4), ("street", 6))]
    test = options(*files).train
    task = TrajectoryTask.prepare(options(*files, leave_out="park", test=test), model(), seed=0)
    windows = 24 - 8 - 6 + 1
    assert len(task.data.train) == len(task.data.validation) == 6 * windows
    assert task.evaluate("test")["windows"] == 4 * windows
    assert task.evaluate(files[0])["windows"] == 4 * windows
    with pytest.raises(Fault, match="no file's name begins so"):
        TrajectoryTask.prepare(options(*files, leave_out="beach"), model(), seed=0)
    with pytest.raises(Fault, match="leaves no data to train on"):
        TrajectoryTask.prepare(options(*files, leave_out=["park", "street"]), model(), seed=0)


def test_a_gap_begins_a_path_anew(tmp_path: Path) -> None:
    task = TrajectoryTask.prepare(options(write(tmp_path / "a.txt", gap=9)), model(), seed=0)
    assert len(task.data.train) == 12 * (14 - 8 - 6 + 1)
    with pytest.raises(Fault, match="longest path without a gap has 14 points, .* 8 \\+ 12"):
        TrajectoryTask.prepare(options(write(tmp_path / "a.txt", gap=9), horizon=12), model(), seed=0)


def test_windows_may_be_asked_to_be_shared(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", walkers=3)  # the third one walks alone
    shared = TrajectoryTask.prepare(options(path, together=2), model(), seed=0)
    assert len({shared.data.train.series[k].name for k, _ in shared.data.train.origins}) == 3
    alone = [k for k, at in shared.data.train.origins if shared.data.train.series[k].name == "2"]
    whole = 24 - 8 - 6 + 1
    assert len(alone) == whole - 5  # its first windows, five frames later, meet the others' last
    assert len(shared.data.train) == 2 * whole + whole - 5


def test_a_share_of_the_windows_is_walked_from_its_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt")
    plain, both = (
        TrajectoryTask.prepare(options(path, backward=share), model(), seed=0) for share in (0.0, 0.25)
    )
    seen = []
    for epoch in (0, 1):
        turned = 0
        for one, other in zip(plain.batches(epoch), both.batches(epoch), strict=True):
            ways = (torch.cat(parts[:2], 1) for parts in (one, other))
            for straight, drawn in zip(*ways, strict=True):
                if not torch.equal(drawn, straight):
                    assert torch.equal(drawn, straight.flip(0))
                    turned += 1
                    seen.append((epoch, tuple(straight[0].tolist())))
        assert turned == round(0.25 * len(plain.data.train))
    assert {way for epoch, way in seen if epoch == 0} != {way for epoch, way in seen if epoch == 1}
    again = [both.batches(1), both.batches(1)]
    assert all(torch.equal(a[0], b[0]) for a, b in zip(*again, strict=True))


def test_a_restored_task_answers_alike(tmp_path: Path) -> None:
    asked = options(write(tmp_path / "a.txt"))
    task = TrajectoryTask.prepare(asked, model(ahead="recurrent"), seed=0)
    save_model(task.model, tmp_path / "run")
    again = TrajectoryTask.restore(asked, model(), load_model(tmp_path / "run"), tmp_path / "run")
    assert again.evaluate() == task.evaluate()
    points = [[0.1 * t, 0.2 * t] for t in range(10)]
    assert list(again.predict([points, str(points)])) == 2 * list(task.predict([points]))


def test_plots_are_written(tmp_path: Path) -> None:
    task = TrajectoryTask.prepare(options(write(tmp_path / "a.txt")), model(), seed=0)
    task.picture(None, tmp_path / "plot.png", count=3)
    assert (tmp_path / "plot.png").read_bytes()[:4] == b"\x89PNG"
    assert task.check()[0] == "train: 12 paths, 132 windows of 8 + 6 steps"


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ([[0, 1]] * 5, "shape \\[5, 2\\] found, expected a list of at least 8"),
        ("here", "expected a list of \\[x, y\\]"),
        ([[0, float("nan")]] * 8, "expected finite numbers"),
    ],
)
def test_bad_paths_are_told(tmp_path: Path, item: Any, why: str) -> None:
    task = TrajectoryTask.prepare(options(write(tmp_path / "a.txt")), model(), seed=0)
    with pytest.raises(Fault, match=why):
        list(task.predict([item]))
