"""One label for two trees, or two texts."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from recurra.errors import Fault
from recurra.runs.folder import task_class
from recurra.tasks import PairClassifyTask

from .fitting import fit, reloaded

Data, Model = PairClassifyTask.DataOptions, PairClassifyTask.ModelOptions


def formula(rng: random.Random, negations: int) -> str:
    word = rng.choice("ab")
    return "( not " * negations + word + " )" * negations


def write(path: Path, count: int, seed: int) -> str:
    """Two letters under some negations: "=" the same, "^" opposite, "#" unlike."""
    rng = random.Random(seed)
    lines = ["relation\tfirst\tsecond\tnegations"]
    for _ in range(count):
        counts = rng.randint(0, 2), rng.randint(0, 2)
        first, second = formula(rng, counts[0]), formula(rng, counts[1])
        same = first.split()[-1 - counts[0]] == second.split()[-1 - counts[1]]
        relation = "#" if not same else "=" if sum(counts) % 2 == 0 else "^"
        lines.append(f"{relation}\t{first}\t{second}\t{sum(counts)}")
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    return {"train": write(tmp_path / "a.tsv", 80, 1), "validation": write(tmp_path / "b.tsv", 40, 2)}


def prepared(files: dict[str, str], model: dict[str, Any] | None = None, **data: Any) -> PairClassifyTask:
    options = {"pair": ("first", "second"), "label": "relation", "node_labels": False, "batch_size": 8}
    return PairClassifyTask.prepare(
        Data(**{**options, **files, **data}),
        Model(**{"hidden": 12, "embedding": 8, "cell": "recursive", **(model or {})}),
        seed=1,
    )


@pytest.mark.parametrize("kind", ["tree", "recurrent"])
def test_relations_are_learnt_and_told_by_a_column(files: dict[str, str], kind: str, tmp_path: Path) -> None:
    model = {"kind": kind, "cell": "recursive" if kind == "tree" else "gru"}
    task = prepared(files, model, by="negations")
    fit(task, 25, lr=0.02)
    scores = task.evaluate()
    assert scores["accuracy"] > 0.95
    groups = [name for name in scores if name.startswith("accuracy_")]
    assert groups == [f"accuracy_negations_{count}" for count in range(5)]
    again = reloaded(task, task.options, Model(**{"hidden": 12, "embedding": 8, **model}), tmp_path / "run")
    assert again.evaluate() == scores
    asked = ["( not a )\ta", {"first": "( not a )", "second": "a"}, ["( not a )", "a"]]
    answers = list(again.predict(asked))
    assert [answer["label"] for answer in answers] == ["^"] * 3
    assert answers[0] == answers[1] == answers[2]


def test_nested_lists_are_trees(files: dict[str, str]) -> None:
    one, other = prepared(files).predict([[["not", "a"], "b"], "( not a )\tb"])
    assert one == other


def test_the_columns_of_a_recipe_say_which_task_it_is() -> None:
    assert task_class({"task": "classify", "data": {"pair": ["a", "b"]}}, "x") is PairClassifyTask


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("a", "expected two: texts with a tab between them"),
        ("a\tb\tc", "expected two"),
        ({"first": "a"}, "None found, expected a tree"),
        ("( a\tb", "'\\( a': a bracket opened here is not closed"),
        ("\tb", "0 trees found"),
        (["a", ["not", "b", "c"]], "a node of 3 children, the cell takes 2"),
    ],
)
def test_items_that_are_no_pair(files: dict[str, str], item: Any, message: str) -> None:
    with pytest.raises(Fault, match=f"item 1: .*{message}"):
        list(prepared(files).predict([item]))


def test_a_text_of_no_words(files: dict[str, str]) -> None:
    with pytest.raises(Fault, match="item 1: nothing to read"):
        list(prepared(files, {"kind": "recurrent", "cell": "gru"}).predict(["a\t"]))


def test_bad_data_is_told_by_its_place(files: dict[str, str], tmp_path: Path) -> None:
    head = "relation\tfirst\tsecond\n"
    for kind, line, message in (
        ("tree", "=\ta\t( b", "c.tsv:3: column 'second': '\\( b': a bracket opened"),
        ("tree", "=\ta\t( b b b )", "c.tsv:3: column 'second': a node of 3 children"),
        ("tree", "?\ta\tb", "c.tsv:3: label '\\?' was not seen in training"),
        ("recurrent", "=\ta\t ", "c.tsv:3: a sequence of length 0"),
    ):
        (tmp_path / "c.tsv").write_text(f"{head}=\ta\ta\n{line}\n")
        task = prepared(files, {"kind": kind, "cell": "recursive" if kind == "tree" else "lstm"})
        with pytest.raises(Fault, match=message):
            task.evaluate(tmp_path / "c.tsv")


def test_settings_of_the_other_kind() -> None:
    with pytest.raises(ValidationError, match="kind = 'tree' has no layers over time: leave out layers"):
        Model(layers=2)
    with pytest.raises(ValidationError, match="expected one cell and one width"):
        Model(hidden=[3, 4])
    assert Model(kind="recurrent", hidden=[3, 4], layers=2).head_width == 4
