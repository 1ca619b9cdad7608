"""Answers in words: what is read, what counts as right, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from recurra.errors import Fault
from recurra.tasks.answer.written import WrittenAnswerTask
from recurra.train.recipe import recipe_of
from tests.unit.tasks.fitting import fit

STORY = {"text": ["Ann went home.", "Bob left."], "question": "Where is Ann?", "answer": ["at home", "home"]}


def task_of(folder: Path, rows: list[dict[str, Any]], **model: Any) -> Any:
    path = folder / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = {"evidence": "text", "train": str(path), "validation": str(path)}
    small = {"embedding": 16, "encoder": {"hidden": 16}, "decoder": {"hidden": 16}}
    return recipe_of({"task": "answer", "data": data, "model": {**small, **model}}, "recipe").prepare()


def rows_of(count: int) -> list[dict[str, Any]]:
    places = ["the hall", "a park", "the old shop"]
    return [
        {"text": f"Ann went to {places[k % 3]}.", "question": "Where is Ann?", "answer": places[k % 3]}
        for k in range(count)
    ]


def test_answers_are_learnt_and_written(tmp_path: Path) -> None:
    task = task_of(tmp_path, rows_of(12))
    fit(task, 60, 1e-2)
    assert task.evaluate()["exact"] == 1.0
    (answer,) = task.predict([{"text": "Ann went to the old shop.", "question": "Where is Ann?"}])
    assert answer["answer"] == "the old shop"
    assert len(answer["looked"]) == len(answer["tokens"])


def test_any_of_the_right_answers_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of(tmp_path, [STORY, {**STORY, "answer": "not home"}])
    monkeypatch.setattr(WrittenAnswerTask, "translate", lambda self, rows: [[{"text": "home"}]] * len(rows))
    scores = task.evaluate()
    assert scores["exact"] == 0.5
    assert scores["f1"] == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize(
    ("sees", "text"),
    [
        ("both", "Ann went home. Bob left. | Where is Ann?"),
        ("question", "| Where is Ann?"),
        ("evidence", "Ann went home. Bob left. | ?"),
    ],
)
def test_what_is_read(sees: str, text: str, tmp_path: Path) -> None:
    task = task_of(tmp_path, [STORY], sees=sees)
    assert task.data.train.sources == [text]
    assert task.row(STORY) == text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer": []}, "an answer in words"),
        ({"answer": "..."}, "an answer in words"),
        ({"question": "?"}, "a question in words"),
        ({"text": 3}, "a text or a list of sentences"),
    ],
)
def test_what_is_refused(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(Fault, match=f"a.jsonl.*2.*{message}"):
        task_of(tmp_path, [STORY, {**STORY, **change}])
    if "answer" not in change:
        with pytest.raises(Fault, match=message):
            task_of(tmp_path, [STORY]).row({**STORY, **change})


def test_an_item_without_a_question_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="expected a table with 'text' and 'question'"):
        task_of(tmp_path, [STORY]).row("Ann went home.")
