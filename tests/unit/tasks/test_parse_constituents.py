"""Constituency parsing: it learns a grammar, by chart, from the top down and as symbols; and bad input."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

import recurra
from recurra.data import parse_trees
from recurra.data.text.constituents import indented
from recurra.errors import Fault
from recurra.tasks.parse.constituency import ConstituencyTask
from recurra.tasks.parse.constituency.baseline import RightBranching
from recurra.tasks.parse.linearised import LinearisedTask

from .fitting import fit, reloaded

Data, Model = ConstituencyTask.DataOptions, ConstituencyTask.ModelOptions
SMALL = {"embedding": 10, "hidden": 16, "tag_size": 4, "layers": 1, "span_size": 16, "dropout": 0.1}


def phrase(draw: random.Random, depth: int = 0) -> str:
    """A noun phrase of a grammar in which one word tells how what follows hangs together."""
    noun = f"(NP (DT {draw.choice(['the', 'a'])}) (NN {draw.choice(['dog', 'cat', 'man'])}))"
    if depth < 2 and draw.random() < 0.4:
        return f"(NP {noun} (PP (IN {draw.choice(['of', 'with'])}) {phrase(draw, depth + 1)}))"
    return noun


def sentence(draw: random.Random) -> str:
    verb = f"(VP (VBZ {draw.choice(['sees', 'likes'])}) {phrase(draw)})"
    verb = verb if draw.random() < 0.7 else "(VP (VBZ runs))"
    return f"(ROOT (S {phrase(draw)} {verb} (. .)))"


def write(path: Path, count: int, seed: int) -> str:
    draw = random.Random(seed)
    path.write_text("".join(f"{sentence(draw)}\n" for _ in range(count)))
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    return {
        "train": write(tmp_path / "train.brackets", 40, 1),
        "validation": write(tmp_path / "dev.brackets", 15, 2),
    }


def prepared(files: dict[str, str], **model: Any) -> ConstituencyTask:
    data = Data(kind="constituency", **files, batch_size=8)
    return ConstituencyTask.prepare(data, Model(**{**SMALL, **model}), seed=1)


@pytest.mark.parametrize(
    "choice", [{}, {"loss": "softmax"}, {"decoder": "top_down"}], ids=["chart", "softmax", "top_down"]
)
def test_it_learns_a_grammar(files: dict[str, str], tmp_path: Path, choice: dict[str, str]) -> None:
    task = prepared(files, **choice)
    losses = fit(task, 20, lr=0.02)
    assert losses[-1] < 0.3 * losses[0]
    scores = task.evaluate()
    assert task.score.metric == "f1"
    assert scores["f1"] > 0.9
    assert scores["tag_accuracy"] > 0.95
    assert scores["unseen_labels"] == 0
    again = reloaded(task, task.options, task.model_options, tmp_path / "run")
    assert again.evaluate() == scores
    assert again.evaluate(files["validation"]) == scores
    (answer,) = task.predict(["the dog of a cat runs ."])
    ((_, tree),) = parse_trees(answer["brackets"])
    assert (tree.label, tree.words()) == ("ROOT", answer["tokens"])
    assert ConstituencyTask.formats["brackets"](answer) == f"{answer['brackets']}\n"
    assert ConstituencyTask.formats["tree"](answer) == f"{indented(tree)}\n\n"


def test_every_layer_is_explained(files: dict[str, str]) -> None:
    text = str(recurra.explain(prepared(files).model))
    assert text.count("native") >= 4


def test_sentences_alone_are_as_together(files: dict[str, str]) -> None:
    task = prepared(files)
    fit(task, 2, lr=0.02)
    rows = [["the", "dog", "runs"], ["the"], ["a", "cat", "of", "the", "man", "likes", "a", "dog", "."]]
    assert task.parse(rows) == [tree for row in rows for tree in task.parse([row])]
    with torch.no_grad():
        task.model.output.weight.fill_(float("nan"))
    with pytest.raises(Fault, match="the score of the words 1 to 1 of sentence 1 is nan"):
        task.parse(rows)


def test_a_chart_parser_may_go_from_the_top_down(files: dict[str, str]) -> None:
    task = prepared(files)
    fit(task, 20, lr=0.02)
    task.decoder = "top_down"
    assert task.evaluate()["f1"] > 0.6


def test_what_training_has_not_seen_is_wrong_and_told(files: dict[str, str], tmp_path: Path) -> None:
    task = prepared(files)
    other = tmp_path / "other.brackets"
    other.write_text("(ROOT (SINV (XX-1 (NN dog) (ZZ new)) (VP (VBZ runs))))\n(TOP (S (NN dog)))\n(NN dog)\n")
    scores = task.evaluate(str(other))
    assert scores["unseen_labels"] == 2  # SINV and XX: TOP is a root
    assert scores["f1"] < 1
    dev = prepared({**files, "validation": str(other)})
    assert any(
        "2 validation constituents have a label that training had none of" in line for line in dev.check()
    )


def test_a_text_column_of_brackets(files: dict[str, str], tmp_path: Path) -> None:
    rows = [f'"{line}",{k}' for k, line in enumerate(Path(files["train"]).read_text().splitlines())]
    table = tmp_path / "trees.csv"
    table.write_text("\n".join(["parse,n", *rows]) + "\n")
    data = Data(kind="constituency", train=str(table), validation=str(table), tree="parse", batch_size=8)
    assert len(ConstituencyTask.prepare(data, Model(**SMALL), seed=0).batches(0)) == 5
    table.write_text("parse\n(S (NN a) (NN b))\n(S (NN a)) (S (NN b))\n")
    with pytest.raises(Fault, match=r"trees\.csv:3: column 'parse': 2 trees found, expected one"):
        ConstituencyTask.prepare(data, Model(**SMALL), seed=0)
    table.write_text("parse\n(S (NN a) (NN b))\n(S (-NONE- a))\n")
    with pytest.raises(Fault, match=r"trees\.csv:3: .*a tree of empty elements alone found"):
        ConstituencyTask.prepare(data, Model(**SMALL), seed=0)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("", "item 1: a sentence without words found"),
        ([], "item 1: a sentence without words found"),
        (["a b"], "item 1: word 1 is 'a b', expected one without blanks"),
        (["a", ""], "item 1: word 2 is ''"),
        ("a " * 301, "item 1: a sentence of 301 words found, expected at most data.max_length = 300"),
        (3, "item 1: 3 found, expected a text"),
    ],
)
def test_items_that_no_tree_stands_over(files: dict[str, str], item: Any, message: str) -> None:
    with pytest.raises(Fault, match=message):
        list(prepared(files).predict([item]))


def test_data_that_are_no_trees(files: dict[str, str], tmp_path: Path) -> None:
    flat = tmp_path / "flat.brackets"
    flat.write_text("(NN a)\n(VB b)\n")
    with pytest.raises(Fault, match=r"flat\.brackets: trees without constituents"):
        prepared({"train": str(flat), "validation": str(flat)})
    plain = tmp_path / "plain.txt"
    plain.write_text("a b\nc d\n")
    with pytest.raises(Fault, match="no column 'tree'"):
        prepared({"train": str(plain), "validation": str(plain)})
    long = tmp_path / "long.brackets"
    long.write_text("(S (NP" + " (NN a)" * 301 + "))\n(S (NN a))\n")
    with pytest.raises(Fault, match=r"long\.brackets:1: a sequence of 301 steps, expected at most 300"):
        prepared({"train": str(long), "validation": str(long)})
    with pytest.raises(ValidationError, match="learns no splits"):
        Model(decoder="top_down", loss="softmax")


def test_altered_labels_are_told(files: dict[str, str], tmp_path: Path) -> None:
    task, run = prepared(files), tmp_path / "run"
    reloaded(task, task.options, task.model_options, run)
    path = run / "constituents.json"
    whole = path.read_text()
    for old, new, message in (
        ('"root": "ROOT"', '"root": 3', "root 3 found"),
        ('"",', '"A",', "no empty label found"),
        ('"VP"', '"VP", "ZP"', "not a label set|one count for each|labels found"),
    ):
        assert old in whole
        path.write_text(whole.replace(old, new, 1))
        with pytest.raises(Fault, match=message):
            ConstituencyTask.restore(task.options, task.model_options, task.model, run)


def test_one_word_and_no_root(tmp_path: Path) -> None:
    path = tmp_path / "a.brackets"
    path.write_text("(S (NP (NN dog)) (VP (VBZ runs)))\n(INTJ (UH no))\n(NN dog)\n")
    task = prepared({"train": str(path), "validation": str(path)})
    assert task.labels.root is None
    assert [len(tree.words()) for tree in task.parse([["no"], ["dog", "runs", "no"]])] == [1, 3]


def test_trees_without_looking_at_the_words(files: dict[str, str]) -> None:
    task = prepared(files)
    ((_, gold),) = parse_trees("(ROOT (S (NP (NN a)) (VP (VB b) (NP (NN c))) (. .)))")
    blind = RightBranching(task.data.train.trees, task.labels)
    assert str(blind.tree(gold)) == "(ROOT (S (NN a) (NP (VB b) (NP (NN c) (. .)))))"
    assert any(line.startswith("right-branching trees") for line in task.check())


def test_pictures(files: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    task = prepared(files)
    for dark in (False, True):
        path = tmp_path / f"{dark}.png"
        task.picture(["the dog runs .", "a $ cat"], path, dark=dark)
        assert path.read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(Fault, match="expected one of .png"):
        task.picture(["the dog"], tmp_path / "a.gif")
    with pytest.raises(Fault, match="nothing to draw"):
        task.picture([], tmp_path / "a.png")
    with pytest.raises(Fault, match="pixels is needed"):
        task.picture([["w" * 30] * 300], tmp_path / "a.png")


def test_symbols_are_written_and_counted(files: dict[str, str], tmp_path: Path) -> None:
    data = LinearisedTask.DataOptions(kind="linearised", **files, batch_size=8)  # type: ignore[call-arg]
    body = {"hidden": 32, "cell": "gru"}
    model = LinearisedTask.ModelOptions(
        embedding=16, encoder=body, decoder=body, attention="general", search={"beam": 1, "max_ratio": 5.0}
    )
    task = LinearisedTask.prepare(data, model, seed=0)
    fit(task, 15, lr=0.02)
    scores = task.evaluate()
    assert scores["f1"] > 0.3
    assert 0 <= scores["sound"] <= 1
    again = reloaded(task, data, model, tmp_path / "run")
    assert again.evaluate() == scores
    assert not (tmp_path / "run" / "scoring.json").exists()
    (answer,) = task.predict([["the", "dog", "runs", "."]])
    assert parse_trees(answer["brackets"])
    with pytest.raises(Fault, match="without words"):
        list(task.predict([" "]))
    with pytest.raises(ValidationError, match="row of whole symbols"):
        LinearisedTask.DataOptions(kind="linearised", unit="subword", **files)  # type: ignore[call-arg]
