"""Dependency parsing: trees learnt, scored, written, drawn, and bad input."""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from recurra.data import read
from recurra.errors import Fault
from recurra.runs.folder import task_class
from recurra.tasks.parse.dependency.plot import MOST_WORDS, _levels
from recurra.tasks.parse.dependency.scores import attachment_figures
from recurra.tasks.parse.dependency.task import DependencyTask
from recurra.tasks.parse.dependency.texts import conllu_text, tree_text

from .fitting import fit, reloaded

Data, Model = DependencyTask.DataOptions, DependencyTask.ModelOptions
Row = list[tuple[str, str, int, str]]


def sentence(draw: random.Random) -> Row:
    """A noun, perhaps with a determiner, and a verb, which comes first or last and governs the noun."""
    noun, verb = draw.choice(["dog", "cat", "bird"]), draw.choice(["runs", "sees"])
    determined, verb_first = draw.random() < 0.5, draw.random() < 0.5
    words = [("a", "DET"), (noun, "NOUN")] if determined else [(noun, "NOUN")]
    words = [(verb, "VERB"), *words] if verb_first else [*words, (verb, "VERB")]
    tags = [tag for _, tag in words]
    place = {tag: number for number, tag in enumerate(tags, 1)}
    head = {"VERB": 0, "NOUN": place["VERB"], "DET": place["NOUN"]}
    label = {"VERB": "root", "NOUN": "obj" if verb_first else "nsubj:pass", "DET": "det"}
    return [(word, tag, head[tag], label[tag]) for word, tag in words]


def text_of(rows: list[Row]) -> str:
    return "\n".join(
        "".join(
            f"{number}\t{word}\t_\t{tag}\t_\t_\t{head}\t{label}\t_\t_\n"
            for number, (word, tag, head, label) in enumerate(row, 1)
        )
        for row in rows
    )


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    draw = random.Random(0)
    paths = {}
    for name, count in (("train", 40), ("validation", 12)):
        paths[name] = str(tmp_path / f"{name}.conllu")
        Path(paths[name]).write_text(text_of([sentence(draw) for _ in range(count)]))
    return paths


def prepared(files: dict[str, str], model: dict[str, Any] | None = None, **data: Any) -> DependencyTask:
    small: dict[str, Any] = {"hidden": 10, "embedding": 8, "arc_size": 8, "label_size": 6, "tag_size": 4}
    small |= {"layers": 1, "choice_size": 12, "dropout": 0.1, **(model or {})}
    return DependencyTask.prepare(Data(**files, batch_size=8, **data), Model(**small), seed=1)


def bad(files: dict[str, str], *lines: str) -> str:
    """A file whose first sentence, from line 1, is of these heads and labels (`2 obj`)."""
    path = Path(files["train"]).with_name("bad.conllu")
    rows = [
        f"{n}\tdog\t_\tNOUN\t_\t_\t{line.replace(' ', chr(9))}\t_\t_\n" for n, line in enumerate(lines, 1)
    ]
    path.write_text("".join(rows))
    return str(path)


@pytest.mark.parametrize(
    "model",
    [{}, {"decoder": "eisner"}, {"parser": "arc_hybrid"}, {"characters": "lstm", "recurrent_dropout": 0.1}],
)
def test_it_learns_trees_labels_and_tags(
    files: dict[str, str], tmp_path: Path, model: dict[str, Any]
) -> None:
    task = prepared(files, model)
    losses = fit(task, 12, lr=0.02)
    assert losses[-1] < 0.1 * losses[0]
    scores = task.evaluate()
    assert scores == {"uas": 1.0, "las": 1.0, "upos_accuracy": 1.0}
    (answer,) = task.predict(["sees a dog"])
    assert answer == {
        "tokens": ["sees", "a", "dog"],
        "heads": [0, 3, 1],
        "labels": ["root", "det", "obj"],
        "tags": {"upos": ["VERB", "DET", "NOUN"]},
    }
    again = reloaded(task, task.options, Model(**model), tmp_path / "run")
    assert again.evaluate(files["validation"]) == scores
    assert list(again.predict(["sees a dog"])) == [answer]


def test_true_tags_are_read_by_no_prediction(files: dict[str, str]) -> None:
    task = prepared(files)
    fit(task, 3, lr=0.02)
    scores = task.evaluate()
    path = Path(files["validation"])
    path.write_text(path.read_text().replace("NOUN", "X").replace("VERB", "NOUN"))
    others = task.evaluate(path)
    assert {key: others[key] for key in ("uas", "las")} == {key: scores[key] for key in ("uas", "las")}
    assert others["upos_accuracy"] < scores["upos_accuracy"]


def test_scores_are_those_counted_by_hand() -> None:
    """Of seven words five heads are right; of those one has another label, one another subtype only."""
    heads = [[2, 0, 2, 3], [0], [2, 0]]
    labels = [["nsubj", "root", "obj", "punct"], ["root"], ["nsubj:pass", "root"]]
    predicted = [[2, 0, 1, 3], [0], [0, 1]]
    predicted_labels = [["nsubj:pass", "root", "obj", "dep"], ["root"], ["nsubj", "root"]]
    figures = attachment_figures(heads, labels, predicted, predicted_labels)
    assert figures(torch.ones(3, dtype=torch.float64)) == {"uas": 4 / 7, "las": 3 / 7}
    assert figures(torch.tensor([0, 0, 1], dtype=torch.float64)) == {"uas": 0.0, "las": 0.0}
    assert all(map(math.isnan, figures(torch.zeros(3, dtype=torch.float64)).values()))
    nothing = attachment_figures([], [], [], [])
    assert nothing(torch.ones(0, dtype=torch.float64)) == {"uas": 0.0, "las": 0.0}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    answer = {
        "tokens": ["New York", "sees", "it"],
        "heads": [2, 0, 2],
        "labels": ["nsubj", "root", "obj"],
        "tags": {"upos": ["PROPN", "VERB", "PRON"]},
    }
    path = tmp_path / "out.conllu"
    path.write_text(conllu_text(answer) + conllu_text(answer))
    examples = read(str(path))
    assert len(examples) == 2
    for column, key in (("form", "tokens"), ("head", "heads"), ("deprel", "labels")):
        assert examples[column] == [answer[key]] * 2
    assert examples["upos"] == [answer["tags"]["upos"]] * 2
    assert examples["xpos"] == [["_"] * 3] * 2
    assert tree_text(answer) == "sees (root)\n├─ New York (nsubj)\n└─ it (obj)\n\n"
    empty = {"tokens": [], "heads": [], "labels": [], "tags": {"upos": []}}
    assert conllu_text(empty) == tree_text(empty) == ""


def test_pictures_are_drawn_on_light_and_on_dark_ground(files: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    task = prepared(files)
    for name, dark in (("light.png", False), ("dark.svg", True)):
        task.picture(["a dog runs", "costs $5 $ ."], tmp_path / name, dark)
        assert (tmp_path / name).stat().st_size > 5000
    with pytest.raises(Fault, match="no word to draw"):
        task.picture([""], tmp_path / "none.png")
    with pytest.raises(Fault, match="a picture has at most 150"):
        task.picture([["dog"] * (MOST_WORDS + 1)], tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


def test_an_arc_stands_above_those_that_it_spans() -> None:
    assert _levels([2, 3, 0]) == [1, 1, 2]
    assert _levels([3, 3, 0, 1]) == [2, 1, 4, 3]
    assert _levels([0]) == [1]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["2 nsubj", "1 obj"], r"bad.conllu:\d: the heads of word \d lead back to it: expected a tree"),
        (["0 root", "0 root"], "bad.conllu:2: a second root found, after word 1: expected one a sentence"),
        (["0 root", "_ obj"], "bad.conllu:2: no head found, expected one for each word"),
        (["0 root", "7 obj"], "bad.conllu:2: head '7' found, expected a word number from 0 to 2"),
        (["0 root", "2 obj"], "bad.conllu:2: word 2 is its own head"),
        (["0 root", "1 amod"], "bad.conllu:2: label 'amod' was not seen in training"),
    ],
)
def test_what_is_no_tree_is_told_by_its_line(files: dict[str, str], lines: list[str], message: str) -> None:
    task = prepared(files)
    with pytest.raises(Fault, match=message):
        task.evaluate(bad(files, *lines))


def test_a_subtype_that_training_had_none_of_is_no_fault(files: dict[str, str]) -> None:
    task = prepared(files)
    assert task.evaluate(bad(files, "0 root", "1 nsubj:outer"))["upos_accuracy"] >= 0


def test_heads_of_other_formats_are_checked_too(files: dict[str, str]) -> None:
    task, path = prepared(files), Path(files["train"]).with_name("trees.jsonl")
    row = {"form": ["a", "dog"], "head": [2, 0], "deprel": ["det", "root"], "upos": ["DET", "NOUN"]}
    path.write_text(json.dumps(row) + "\n")
    assert 0 <= task.evaluate(path)["las"] <= 1
    for heads, message in (
        ([2], "expected a list of 2 heads"),
        (["2", 0], "head '2' found, expected a word number"),
        ([2.0, 0], "head 2.0 found, expected a word number"),
        ([True, 0], "head True found, expected a word number"),
        ([3, 0], "head 3 found, expected a word number from 0 .the root. to 2"),
    ):
        path.write_text(json.dumps({**row, "head": heads}) + "\n")
        with pytest.raises(Fault, match=message):
            task.evaluate(path)


def test_crossing_arcs_are_counted_and_skipped_by_transitions(files: dict[str, str]) -> None:
    crossing = text_of(
        [[("a", "X", 3, "det"), ("b", "X", 4, "obj"), ("c", "X", 0, "root"), ("d", "X", 3, "obj")]]
    )
    path = Path(files["train"])
    path.write_text(f"{path.read_text()}\n{crossing}")
    task = prepared(files, {"parser": "arc_hybrid"})
    assert any("1 of 41 trees have crossing arcs" in line for line in task.check())
    batch = task.batch([40])
    steps = task.model(batch.words).steps
    assert task.model.arc_loss(steps, batch.heads).item() == 0
    assert task.model.loss(batch).item() > 0


def test_a_column_without_tags_is_told(files: dict[str, str]) -> None:
    with pytest.raises(Fault, match="column 'xpos': .* leave it out of data.tags"):
        prepared(files, tags=["upos", "xpos"])
    assert prepared(files, tags=[]).evaluate().keys() == {"uas", "las"}


def test_a_sentence_that_is_too_long_is_refused(files: dict[str, str]) -> None:
    task = prepared(files, max_length=5)
    message = "item 2: a sentence of 6 words found, expected at most data.max_length = 5"
    with pytest.raises(Fault, match=message):
        list(task.predict(["dog", "a a a a a a"]))


def test_the_kind_is_asked_for() -> None:
    for kind, message in (
        ({}, "data.kind = None found"),
        ({"kind": "dependencies"}, "did you mean 'dependency'"),
        ({"kind": 3}, "data.kind = 3 found"),
    ):
        with pytest.raises(Fault, match=message):
            task_class({"task": "parse", "data": kind}, "recipe.toml")
    assert task_class({"task": "parse", "data": {"kind": "dependency"}}, "recipe.toml") is DependencyTask


def test_a_decoder_is_of_scores_alone() -> None:
    with pytest.raises(ValidationError, match="leave out decoder"):
        Model(parser="arc_hybrid", decoder="eisner")


def test_vectors_are_divided_by_their_spread(files: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("2 2\ndog 3 1\nowl -1 5\n")
    task = prepared(files, {"embeddings": str(path), "unit_spread": True})
    vectors = torch.tensor([[3.0, 1.0], [-1.0, 5.0]])
    words = task.reader.words
    ids = torch.tensor([words["dog"], words["owl"]])
    torch.testing.assert_close(task.model.encoder.input.words(ids), vectors / vectors.std())
    with pytest.raises(ValidationError, match="unit_spread = true divides vectors"):
        Model(unit_spread=True)
