"""The task algorithm: what is asked, what counts as wrong, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from recurra.errors import Fault
from recurra.tasks.algorithm.data import AlgorithmData, AlgorithmOptions
from recurra.tasks.algorithm.model import AlgorithmModelOptions
from recurra.tasks.algorithm.problems import PROBLEMS, Rows, Sizes, bayes_bits, costs, wrong
from recurra.tasks.algorithm.task import AlgorithmTask

SIZES = Sizes(bits=3, repeats=(2, 4), item=2)
SMALL = {"slots": 12, "width": 4, "controller": "feed_forward"}


def drawn(problem: str, length: int, rows: int = 50) -> Rows:
    return PROBLEMS[problem].draw(rows, length, SIZES, torch.Generator().manual_seed(1))


@pytest.mark.parametrize("problem", PROBLEMS)
def test_shapes_are_those_of_the_network(problem: str) -> None:
    of = PROBLEMS[problem]
    for length in (of.shortest, of.shortest + 3):
        rows = drawn(problem, length)
        assert rows.x.shape[2] == of.inputs(SIZES)
        assert rows.x.shape[:2] == rows.targets.shape[:2]
        assert rows.mask.shape == rows.x.shape[1:2]
        assert rows.mask.any()
        assert (rows.targets[:, ~rows.mask] == 0).all() or problem == "ngrams"


def test_copies_are_of_what_was_shown() -> None:
    rows = drawn("copy", 4)
    assert torch.equal(rows.targets[:, rows.mask], rows.x[:, 1:5, :3])
    assert (rows.x[:, rows.mask] == 0).all()
    rows = drawn("repeat_copy", 4)
    content = rows.x[:, 1:5, :3]
    answers = rows.targets[:, rows.mask]
    repeats = (answers.shape[1] - 1) // 4
    assert repeats == int(rows.x[0, :, -1].sum())
    assert torch.equal(answers[:, :-1, :3], content.repeat(1, repeats, 1))
    assert answers[:, -1].tolist() == [[0, 0, 0, 1]] * 50


def test_recall_asks_for_the_item_behind_the_one_shown_again() -> None:
    rows = drawn("recall", 5)
    items = rows.x[:, :15].view(50, 5, 3, 5)[:, :, 1:, :3].flatten(2)
    query, answer = rows.x[:, 16:18, :3].flatten(1), rows.targets[:, rows.mask].flatten(1)
    assert rows.x[:, 15, -1].all()
    assert rows.x[:, 18, -1].all()
    for row in range(50):
        followers = [items[row, k + 1] for k in range(4) if torch.equal(items[row, k], query[row])]
        assert any(torch.equal(answer[row], item) for item in followers)


def test_sorted_vectors_come_by_priority() -> None:
    rows = drawn("priority_sort", 5)
    order = rows.x[:, :5, 3].argsort(1, descending=True)[:, :4]
    content = rows.x[:, :5, :3]
    assert torch.equal(rows.targets[:, rows.mask], content[torch.arange(50)[:, None], order])


def test_the_best_guess_of_ngrams_is_better_than_a_coin_and_worse_than_the_truth() -> None:
    rows = drawn("ngrams", 200, rows=20)
    whole = torch.cat([rows.x[..., 0], rows.targets[:, -1:, 0]], 1)
    assert int(rows.mask.sum()) == 195
    assert 90 < float(bayes_bits(whole).mean()) < 170
    ones = torch.ones(1, 8)
    expected = -sum(torch.tensor((k + 0.5) / (k + 1)).log2().item() for k in range(3))
    assert float(bayes_bits(ones)) == pytest.approx(expected, abs=1e-5)


def test_what_is_wrong_is_counted_where_it_is_asked() -> None:
    problem, rows = PROBLEMS["copy"], drawn("copy", 2, rows=2)
    scores = 20 * (2 * rows.targets - 1)
    scores[:, ~rows.mask] = 7.0
    assert wrong(problem, scores, rows).tolist() == [0, 0]
    assert float(costs(problem, scores, rows).max()) < 1e-6
    scores[1, -1, :2] *= -1
    assert wrong(problem, scores, rows).tolist() == [0, 2]
    problem, rows = PROBLEMS["temporal_order"], drawn("temporal_order", 10, rows=2)
    scores = torch.zeros(2, 10, 4)
    scores[:, -1] = torch.nn.functional.one_hot(rows.targets[:, -1, 0].long(), 4).float()
    assert wrong(problem, scores, rows).tolist() == [0, 0]


def test_parts_are_drawn_apart_and_again_alike() -> None:
    data = AlgorithmData(AlgorithmOptions(), 3)
    parts = [data.draw(part, 7, 12, 4).x for part in ("train", "validation", "test")]
    assert not torch.equal(parts[0], parts[1])
    assert not torch.equal(parts[1], parts[2])
    assert torch.equal(data.draw("test", 7, 12, 4).x, parts[2])
    assert not torch.equal(AlgorithmData(AlgorithmOptions(), 4).draw("test", 7, 12, 4).x, parts[2])
    lengths = {int(batch.mask.sum()) for batch in data.batches(0, 0, 1)}
    assert min(lengths) >= 1
    assert max(lengths) <= 20
    assert len(lengths) > 10
    assert not torch.equal(data.batches(0, 0, 2)[0].x, data.batches(0, 1, 2)[0].x)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lengths": [-1, 5]}, "lengths is"),
        ({"lengths": [5, 2]}, "lengths is"),
        ({"problem": "recall", "lengths": [1, 2]}, "from 2 on"),
        ({"repeats": [0, 2]}, "repeats is"),
        ({"test_lengths": []}, "test_lengths is empty"),
        ({"test_lengths": [20, 0]}, "test_lengths has 0"),
        ({"test_lengths": [-3]}, "test_lengths has -3"),
        ({"problem": "ngrams", "lengths": [3, 20]}, "from 6 on"),
    ],
)
def test_lengths_that_are_none_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        AlgorithmOptions(**options)


@pytest.mark.parametrize(
    "options",
    [
        {"lengths": (1, 5), "test_lengths": [5, 13]},
        {"lengths": (1, 13), "test_lengths": [5]},
        {"problem": "recall", "lengths": (2, 3), "test_lengths": [5]},
    ],
)
def test_a_row_that_no_memory_holds_is_refused(options: dict[str, Any]) -> None:
    model = AlgorithmModelOptions(hidden=4, cell_options=SMALL)
    with pytest.raises(Fault, match="12 slots") as caught:
        AlgorithmTask.prepare(AlgorithmOptions(**options), model, seed=0)
    assert "\n" not in str(caught.value)
    AlgorithmTask.prepare(AlgorithmOptions(**options), AlgorithmModelOptions(cell="gru", hidden=4), seed=0)


@pytest.fixture(name="task", scope="module")
def a_task() -> AlgorithmTask:
    data = AlgorithmOptions(lengths=(1, 4), test_lengths=[3], rows=3, bits=3)
    return AlgorithmTask.prepare(data, AlgorithmModelOptions(hidden=6, cell_options=SMALL), seed=0)


@pytest.mark.parametrize("item", [0, -2, 13, 2.5, True, [[0, 2, 1]], [[0, 1]], [], "x", [[0, 1, 1]] * 13])
def test_items_that_are_none_are_refused(task: AlgorithmTask, item: Any) -> None:
    with pytest.raises(Fault) as caught:
        list(task.predict([item]))
    assert "\n" not in str(caught.value)


def test_own_vectors_are_asked_for(task: AlgorithmTask) -> None:
    (answer,) = task.predict([[[1, 0, 1], [0, 0, 1]]])
    assert answer["target"] == [[1, 0, 1], [0, 0, 1]]
    assert answer["input"][1] == [1, 0, 1, 0, 0]
    assert answer["wrong"] == sum(
        a != b
        for one, two in zip(answer["output"], answer["target"], strict=True)
        for a, b in zip(one, two, strict=True)
    )
    with pytest.raises(Fault, match="no file is read"):
        task.evaluate("rows.csv")


@pytest.mark.parametrize("dark", [False, True])
def test_a_picture_is_drawn(task: AlgorithmTask, dark: bool, tmp_path: Path) -> None:
    task.picture([2, 5], tmp_path / "runs.png", dark)
    assert (tmp_path / "runs.png").stat().st_size > 5000
    with pytest.raises(Fault, match="a picture has 1 to 4"):
        task.picture([1] * 5, tmp_path / "more.png")
