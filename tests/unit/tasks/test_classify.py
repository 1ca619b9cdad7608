"""Classification: pools, the feed-forward baseline, movement, streams and bad input."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from recurra.errors import Fault
from recurra.tasks import TASKS, ClassifyTask

from .fitting import fit, reloaded

Data, Model = ClassifyTask.DataOptions, ClassifyTask.ModelOptions

FILLERS = ["a", "the", "film", "plot", "it"]


def reviews(count: int, seed: int) -> list[dict[str, str]]:
    """Good or bad, unless "not" stands before it: order matters."""
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        good, turned = rng.random() < 0.5, rng.random() < 0.5
        words = rng.choices(FILLERS, k=rng.randint(0, 3))
        words += (["not"] if turned else []) + ["good" if good else "bad"]
        words += rng.choices(FILLERS, k=rng.randint(0, 3)) + ([] if turned else ["not"])
        rows.append({"text": " ".join(words), "label": "yes" if good != turned else "no"})
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    train = write(tmp_path / "train.jsonl", reviews(120, 1))
    return {"train": train, "validation": write(tmp_path / "dev.jsonl", reviews(40, 2))}


def prepared(files: dict[str, Any], model: dict[str, Any] | None = None, **data: Any) -> ClassifyTask:
    given = {"tokens": None if "vectors" in data else "text", "batch_size": 8, **files, **data}
    return ClassifyTask.prepare(
        Data(**given), Model(**{"hidden": 12, "embedding": 8, **(model or {})}), seed=1
    )


def test_it_is_registered() -> None:
    assert TASKS["classify"] is ClassifyTask


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pool", ["last", "mean", "max", "attention"])
def test_every_pool_learns_order(
    files: dict[str, str], tmp_path: Path, pool: str, bidirectional: bool
) -> None:
    task = prepared(files, {"pool": pool, "bidirectional": bidirectional})
    fit(task, 12, lr=0.02)
    found = task.evaluate()
    assert found["accuracy"] > 0.9
    again = reloaded(task, task.options, Model(), tmp_path / "run")
    assert again.evaluate(files["validation"]) == found


def test_the_baseline_sees_no_order(files: dict[str, str], tmp_path: Path) -> None:
    """Both orders hold the same words, so only a network with memory can tell them apart."""
    task = prepared(files, {"kind": "feed_forward", "layers": 2})
    fit(task, 12, lr=0.02)
    assert task.evaluate()["accuracy"] < 0.8
    one, two = task.predict(["not good", "good not"])
    assert one["probability"] == pytest.approx(two["probability"])
    again = reloaded(task, task.options, Model(kind="feed_forward"), tmp_path / "run")
    assert again.evaluate() == task.evaluate()


def test_the_baseline_takes_no_layers_over_time() -> None:
    with pytest.raises(ValidationError, match="leave out bidirectional"):
        Model(kind="feed_forward", bidirectional=True)
    resolved = Model(kind="feed_forward", hidden=4).model_dump()
    assert Model(**resolved).kind == "feed_forward"


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"pool": "attention"},
        {"pool": "mean", "bidirectional": True},
        {"bidirectional": True},
        {"kind": "feed_forward"},
        {"characters": "cnn", "shapes": True, "pool": "max"},
    ],
)
def test_movement_is_the_answer_to_every_prefix(files: dict[str, str], model: dict[str, Any]) -> None:
    task = prepared(files, model)
    words = ["the", "film", "not", "good", "unheard", "it"]
    moved = task.movement(" ".join(words))
    assert [one["step"] for one in moved] == words
    for count, one in enumerate(moved, 1):
        (said,) = task.predict([words[:count]])
        assert one["probabilities"] == pytest.approx(said["probabilities"], abs=1e-5)


@pytest.mark.parametrize("model", [{}, {"kind": "feed_forward"}, {"characters": "lstm", "shapes": True}])
def test_a_stream_moves_alike(files: dict[str, str], model: dict[str, Any]) -> None:
    task = prepared(files, model)
    text = "the film\nnot good it"
    wanted = [one for line in text.split("\n") for one in task.movement(line)]
    for pieces in ([text], list(text)):
        stream = task.open_stream()
        found = [one for piece in pieces for one in stream.feed(piece)] + list(stream.finish())
        assert [one["step"] for one in found] == [one["step"] for one in wanted]
        for one, other in zip(found, wanted, strict=True):
            assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)


def test_what_needs_the_whole_row_is_not_streamed(files: dict[str, str]) -> None:
    with pytest.raises(Fault, match="depends on the whole row"):
        prepared(files, {"bidirectional": True}).open_stream()


def test_vectors_are_read_at_the_scale_of_the_training_part(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 9, 60)
    rows = [rng.normal(100.0, 5.0, (n, 2)).astype(np.float32) for n in lengths]
    labels = np.array([int(row[:, 0].mean() > 100) for row in rows])
    path = tmp_path / "rows.npz"
    np.savez(path, sequences=np.concatenate(rows), sequences_lengths=lengths, label=labels)
    source = {"path": str(path), "targets": "label"}
    task = prepared({"train": source, "hold_out": 0.2}, vectors="vectors", label="target")
    steps = torch.cat([torch.from_numpy(row) for row in rows[:48]])
    assert torch.allclose(task.model.input.mean, steps.mean(0), rtol=1e-5)
    assert torch.allclose(task.model.input.deviation, steps.std(0, correction=0), rtol=1e-4)
    fit(task, 15, lr=0.02)
    assert task.evaluate()["accuracy"] > 0.7
    again = reloaded(task, task.options, Model(), tmp_path / "run")
    wanted = list(task.predict([rows[0]]))
    assert list(again.predict([{"vectors": rows[0].tolist()}])) == wanted
    assert again.movement(rows[0])[-1]["probability"] == pytest.approx(wanted[0]["probability"], abs=1e-5)
    stream = again.open_stream()
    lines = "".join(f"{json.dumps(step)}\n" for step in rows[0].tolist())
    assert list(stream.feed(lines))[-1]["probability"] == pytest.approx(wanted[0]["probability"], abs=1e-5)
    with pytest.raises(Fault, match="vectors of 3 numbers found, expected 2 as in training"):
        list(again.predict([[[1, 2, 3]]]))
    with pytest.raises(Fault, match="expected the numbers of one step"):
        list(stream.feed("one two\n"))


def test_distinct_takes_what_says_the_same_once(files: dict[str, str], tmp_path: Path) -> None:
    rows = reviews(20, 1)
    write(tmp_path / "train.jsonl", [*rows, *rows])
    assert len(prepared(files, distinct=True).batches(0)) < len(prepared(files).batches(0))


@pytest.mark.parametrize(
    ("rows", "data", "message"),
    [
        ([{"text": "a b", "label": "yes"}] * 9, {}, "one label ('yes')"),
        (
            [{"text": "", "label": "yes"}, {"text": "a b", "label": "no"}],
            {},
            "train.jsonl:1: a sequence of length 0",
        ),
        ([{"text": "a b", "label": None}] * 9, {}, "train.jsonl:1: column 'label': no value found"),
        (
            [{"text": "a a", "label": "yes"}, {"text": "a", "label": "no"}],
            {},
            "train.jsonl: column 'text': a vocabulary of one token ('a')",
        ),
        (reviews(9, 1), {"tokens": "txt"}, "no column 'txt'"),
        (
            [{"x": [[1, 2]], "label": "yes"}, {"x": [[1, float("nan")]], "label": "no"}],
            {"vectors": "x"},
            "train.jsonl:2: column 'x': nan found at step 1, number 2",
        ),
    ],
)
def test_bad_data_is_told(
    files: dict[str, str], tmp_path: Path, rows: list[dict[str, Any]], data: dict[str, Any], message: str
) -> None:
    write(tmp_path / "train.jsonl", rows)
    with pytest.raises(Fault) as fault:
        prepared(files, **data)
    assert message in str(fault.value)


def test_empty_rows_can_be_dropped(files: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", [*reviews(20, 1), {"text": " ", "label": "yes"}])
    said = "\n".join(prepared(files, empty="skip").check())
    assert "train.jsonl:21: 1 sequence of length 0 dropped" in said


def test_an_unknown_label_at_evaluation_is_told_by_its_line(files: dict[str, str], tmp_path: Path) -> None:
    task = prepared(files)
    other = write(tmp_path / "other.jsonl", [*reviews(3, 1), {"text": "a", "label": "yess"}])
    with pytest.raises(
        Fault, match="other.jsonl:4: label 'yess' was not seen in training: did you mean 'yes'"
    ):
        task.evaluate(other)


def test_rows_are_words_or_vectors(files: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="either tokens or vectors"):
        Data(train="x", tokens="a", vectors="b")
    with pytest.raises(ValidationError, match="either tokens or vectors"):
        Data(train="x")


def test_check_tells_labels_seen_once(files: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", [*reviews(20, 1), {"text": "so so", "label": "maybe"}])
    said = "\n".join(prepared(files).check())
    assert "label 'maybe' is seen only once" in said
    assert "train: 21 examples" in said
