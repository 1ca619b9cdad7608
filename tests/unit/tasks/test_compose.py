"""The compose task: nats a step, silence before the first, pieces drawn and written."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurra.data.midi import to_midi
from recurra.errors import Fault
from recurra.storage.models import load_model, save_model
from recurra.tasks.compose.data import ComposeOptions, as_rows
from recurra.tasks.compose.model import ComposeModelOptions
from recurra.tasks.compose.task import ComposeTask
from tests.unit.tasks.fitting import fit

KEYS = 6


def write(path: Path, pieces: int = 8) -> Path:
    """Pieces in which two notes go up the keys, step by step; a third one never sounds."""
    rng = np.random.default_rng(0)
    parts: dict[str, Any] = {}
    for name, count in (("train", pieces), ("valid", 3), ("test", 2)):
        lengths = rng.integers(5, 12, count)
        rolls = np.zeros((lengths.sum(), KEYS), dtype=np.uint8)
        at = 0
        for length in lengths:
            for step in range(length):
                rolls[at + step, [step % 3, 3 + step % 2]] = 1
            at += length
        parts |= {name: rolls, f"{name}_lengths": lengths.astype(np.int32)}
    np.savez(path, **parts)
    return path


def options(path: Path, **changes: Any) -> ComposeOptions:
    sources = {
        name: {"path": str(path), "sequences": part}
        for name, part in (("train", "train"), ("validation", "valid"), ("test", "test"))
    }
    return ComposeOptions(**{**sources, "batch_size": 3, **changes})


def task_of(tmp_path: Path, **changes: Any) -> ComposeTask:
    model = ComposeModelOptions(**{"cell": "gru", "hidden": 12, **changes})
    return ComposeTask.prepare(options(write(tmp_path / "a.npz")), model, seed=0)


def trained(task: ComposeTask, epochs: int = 30) -> ComposeTask:
    fit(task, epochs, lr=2e-2)
    return task


def test_every_step_is_told_from_those_before_it() -> None:
    rolls = [torch.eye(3), torch.ones(1, 3)]
    read, told, _ = as_rows(rolls)
    assert [r.tolist() for r in read.to_list()] == [[[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 0, 0]]]
    assert [r.tolist() for r in told.to_list()] == [r.tolist() for r in rolls]


def test_it_learns_a_pattern(tmp_path: Path) -> None:
    found = trained(task_of(tmp_path, weight_noise=0.02)).evaluate("test")
    assert found["nll"] < 0.3 * found["nll_frequencies"]
    assert set(found) == {"nll", "nll_after_first", "nll_frequencies"}


def test_a_nat_is_a_nat(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    for weight in task.model.parameters():
        weight.data.zero_()
    found = task.evaluate()
    assert found["nll"] == found["nll_after_first"] == pytest.approx(KEYS * math.log(2))
    joined = torch.cat(task.data.train)
    shares = (joined.sum(0) + 0.5) / (len(joined) + 1)
    held = torch.cat(task.data.validation)
    wanted = -(held * shares.log() + (1 - held) * (1 - shares).log()).sum(1).mean()
    assert found["nll_frequencies"] == pytest.approx(float(wanted), rel=1e-5)


def test_how_pieces_are_batched_changes_nothing(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    held = task.data.validation
    alone = [task.loss(as_rows([roll]), None).total.item() for roll in held]
    assert task.evaluate()["nll"] == pytest.approx(sum(alone) / sum(map(len, held)), rel=1e-5)


@pytest.mark.parametrize("window", [1, 4, 1000])
def test_strung_together_each_piece_starts_anew(tmp_path: Path, window: int) -> None:
    task = task_of(tmp_path)
    alone = sum(task.loss(as_rows([roll]), None).total.item() for roll in task.data.train)
    task.options = options(tmp_path / "a.npz", batch_size=1, window=window)
    carry, total, items = None, 0.0, 0
    for passage in task.batches(0):
        loss = task.loss(passage, carry)
        carry, total, items = loss.carry, total + loss.total.item(), items + loss.items
        assert len(passage.inputs.data) <= window
    assert items == sum(map(len, task.data.train))
    assert total == pytest.approx(alone, rel=1e-5)


def test_streams_tell_each_step_once_an_epoch(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    task.options = options(tmp_path / "a.npz", batch_size=3, window=4)
    passages = [p.targets.data for rank in (0, 1) for p in task.batches(0, rank, 2)]
    wanted = torch.cat(task.data.train)
    assert torch.cat(passages).sum(0).tolist() == wanted.sum(0).tolist()
    assert sum(map(len, passages)) == len(wanted)
    first, second = (torch.cat([p.targets.data for p in task.batches(epoch)]) for epoch in (0, 1))
    assert not torch.equal(first, second)


def test_pieces_go_on_from_a_beginning(tmp_path: Path) -> None:
    task = trained(task_of(tmp_path))
    begin = [[21, 24], [22, 25]]
    (drawn,) = task.sample(json.dumps(begin), length=4, seed=1, temperature=0.3)
    assert json.loads(drawn) == [*begin, [23, 24], [21, 25], [22, 24], [23, 25]]
    assert list(task.sample(count=2, length=5, seed=1)) == list(task.sample(count=2, length=5, seed=1))
    bold = {seed: list(task.sample(length=20, temperature=3.0, seed=seed)) for seed in (1, 2)}
    assert bold[1] != bold[2]


def test_drawing_step_by_step_follows_the_whole_run(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    roll = task.rolls(torch.zeros(0, KEYS), 1, 3)[0]
    logits, _ = task.model(as_rows([roll])[0])
    state, now = task.model.initial_state(1), torch.zeros(1, KEYS)
    for step in range(3):
        scores, state = task.model.step(now, state)
        torch.testing.assert_close(scores[0], logits.data[step])
        now = roll[step : step + 1]


def test_pieces_are_written_as_midi(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    assert list(task.sample(length=5, output=tmp_path / "a.mid")) == [str(tmp_path / "a.mid")]
    assert (tmp_path / "a.mid").read_bytes()[:4] == b"MThd"
    names = list(task.sample(length=5, count=2, output=str(tmp_path / "b.mid")))
    assert names == [str(tmp_path / "b-1.mid"), str(tmp_path / "b-2.mid")]


def test_a_piece_is_judged(tmp_path: Path) -> None:
    (found,) = trained(task_of(tmp_path)).predict([[[21, 24], [22, 25]]])
    assert found["steps"] == 2
    assert [n["note"] for n in found["next"]][:2] in ([23, 24], [24, 23])
    assert found["next"][0]["probability"] > 0.9


def test_a_restored_task_answers_alike(tmp_path: Path) -> None:
    task = task_of(tmp_path, weight_noise=0.1)
    task.model.eval()
    save_model(task.model, tmp_path / "run")
    task.save_assets(tmp_path / "run")
    model = ComposeModelOptions(cell="gru", hidden=12, weight_noise=0.1)
    again = ComposeTask.restore(task.options, model, load_model(tmp_path / "run"), tmp_path / "run")
    assert again.evaluate() == task.evaluate()
    assert list(again.sample(length=9)) == list(task.sample(length=9))
    assert task.check()[2] == "notes: 6 keys, 5 of them ever sound, 2.00 at a time"


@pytest.mark.parametrize(
    ("item", "why"),
    [
        ([[20]], "step 1: note 20 found, expected 21 to 26"),
        ("la la", "expected a list of steps"),
        ([60], "expected a list of steps"),
        ([], "0 steps"),
    ],
)
def test_bad_pieces_are_told(tmp_path: Path, item: Any, why: str) -> None:
    with pytest.raises(Fault, match=why):
        list(task_of(tmp_path).predict([item]))


def test_bad_data_are_told(tmp_path: Path) -> None:
    task = task_of(tmp_path)
    np.save(tmp_path / "b.npy", np.full((1, 4, KEYS), 2))
    rolls = task.options.model_copy(update={"train": str(tmp_path / "b.npy")})
    with pytest.raises(Fault, match="b.npy: sequence 1: 2 found at step 1, key 1, expected 0 or 1"):
        ComposeTask.prepare(rolls, ComposeModelOptions(), seed=0)
    np.savez(tmp_path / "c.npz", valid=np.zeros((1, 4, 3)))
    with pytest.raises(Fault, match="3 keys found, expected 6"):
        task.evaluate(tmp_path / "c.npz")
    bare = ComposeTask(options(tmp_path / "a.npz", test=None), task.model, task.shares, 0)
    with pytest.raises(Fault, match="no test data"):
        bare.evaluate("test")
    with pytest.raises(TypeError, match="lenth"):
        task.sample(lenth=3)
    with pytest.raises(Fault, match="count = 0"):
        list(task.sample(count=0))


def test_a_midi_file_is_a_piece(tmp_path: Path) -> None:
    pytest.importorskip("mido", reason="mido is not installed")
    task = task_of(tmp_path)
    piece = [[21], [22, 23], [], [26]]
    roll = torch.zeros(4, 6)
    for step, notes in enumerate(piece):
        roll[step, [note - 21 for note in notes]] = 1
    path = tmp_path / "a.mid"
    path.write_bytes(to_midi(roll, steps_a_quarter=task.options.steps_a_quarter))
    assert list(task.predict([str(path)])) == list(task.predict([piece]))
    assert list(task.sample(str(path), length=3)) == list(task.sample(json.dumps(piece), length=3))
    path.write_bytes(to_midi(torch.ones(1, 50)))
    with pytest.raises(Fault, match="a.mid: note 27 found, expected 21 to 26"):
        list(task.predict([str(path)]))
