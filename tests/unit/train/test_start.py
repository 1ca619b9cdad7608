"""Starting from another run: what it knows is kept, what is new is added, what does not fit is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import recurra
from recurra.data import load_tokenizer
from recurra.errors import Fault
from recurra.storage.models import load_model, weights_of
from recurra.train import read_recipe, train
from recurra.train.recipe import recipe_of
from recurra.train.start import begin

from .training import assert_same_run, kill_tiny, resume_tiny, run_tiny, write_recipe

OLD = [("so good", "yes"), ("very bad", "no"), ("good film", "yes"), ("bad film", "no")]
NEW = [("odd film", "maybe"), ("bad plot", "no"), ("fine film", "yes"), ("odd plot", "maybe")]
MODEL = {"embedding": 5, "hidden": 4}
TRAIN = {"epochs": 2, "tensorboard": False, "optimiser": {"name": "Adam", "lr": 0.05}}


def rows(name: str, pairs: list[tuple[str, str]]) -> str:
    Path(name).write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in 3 * pairs))
    return name


def classify(data: str, start: str | None = None, **model: Any) -> dict[str, Any]:
    return {
        "task": "classify",
        "data": {"train": data, "validation": data, "tokens": "text", "batch_size": 4},
        "model": {**MODEL, **model},
        "train": {**TRAIN, **({"start_from": start} if start else {})},
    }


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run on the old rows."""
    monkeypatch.chdir(tmp_path)
    recurra.fit(classify(rows("old.csv", OLD)), folder="old", quiet=True)
    rows("new.csv", NEW)
    return tmp_path / "old"


def fitted(recipe: Mapping[str, Any]) -> Any:
    return begin(recipe_of(recipe, "recipe"))


def test_words_and_labels_are_widened(old: Path) -> None:
    task, lines = fitted(classify("new.csv", "old"))
    before = recurra.load(old)
    assert task.labels.names == ("no", "yes", "maybe")
    words = task.reader.words.tokens
    assert words[: len(before.reader.words)] == before.reader.words.tokens  # type: ignore[attr-defined]
    assert {"odd", "plot", "fine"} == {*words[len(before.reader.words) :]}  # type: ignore[attr-defined]
    own, older = weights_of(task.model), weights_of(load_model(old))
    for name, weight in older.items():
        assert torch.equal(own[name][tuple(slice(0, size) for size in weight.shape)], weight), name
    assert lines == [
        f"start from old: {len(own)} of {len(own)} weights",
        "with new rows: input.words.table.weight, output.weight, output.bias",
        "labels.json: 2 kept, 1 new",
        "words.json: words: 6 kept, 3 new",
    ]
    torch.manual_seed(5)
    other = recipe_of(classify("new.csv"), "recipe").prepare()
    assert not torch.equal(weights_of(other.model)["output.weight"][:2], older["output.weight"])


def test_answers_to_what_was_known_stay(old: Path) -> None:
    """Of the old labels among themselves: a third one takes its share."""
    task, _ = fitted(classify("new.csv", "old"))
    task.model.eval()
    for one, other in zip(
        recurra.load(old).predict(["so good", "bad"]), task.predict(["so good", "bad"]), strict=True
    ):
        odds = [answer["probabilities"]["yes"] / answer["probabilities"]["no"] for answer in (one, other)]
        assert odds[0] == pytest.approx(odds[1], rel=1e-4)


def test_a_run_of_widened_names_is_loaded_and_goes_on_alone(old: Path) -> None:
    recipe = classify("new.csv", "old")
    said = recurra.fit(recipe, folder="run", quiet=True)
    assert recurra.load("run").evaluate() == said.evaluate()
    first = json.loads(Path("run/log.jsonl").read_text().splitlines()[0])
    assert first["start"].startswith("start from ")
    shutil.rmtree("old")
    longer = {**recipe, "train": {**recipe["train"], "epochs": 3}}
    recurra.fit(longer, folder="run", quiet=True, resume=True)
    # and is itself a beginning
    again, lines = fitted(classify("new.csv", "run"))
    assert again.labels.names == ("no", "yes", "maybe")
    assert lines[2:] == ["words.json: words: 9 kept, 0 new"] or "9 kept, 0 new" in lines[-1]


def test_what_does_not_fit_is_told(old: Path) -> None:
    _, lines = fitted(classify("new.csv", "old", layers=2, embedding=6))
    assert lines[2].startswith("do not fit, drawn anew: input.words.table.weight [6, 5], here [9, 6]")
    assert lines[3].startswith("not there, drawn anew: body.layers.1.")
    for cell, kind in (("gru", "GRU"), ("peephole_lstm", "PeepholeLSTM")):
        _, lines = fitted(classify("new.csv", "old", cell=cell))
        (line,) = [line for line in lines if line.startswith("do not fit, drawn anew: ")]
        assert f"(of a LSTM, here of a {kind})" in line
    with pytest.raises(Fault, match=r"train.start_from: .*old: none of its \d+ weights fits this model"):
        run_tiny(Path(), "train.start_from='old'", name="tiny")
    assert not Path("tiny").exists()


def test_other_task_is_given_no_rows_of_other_words(old: Path) -> None:
    """Two tags here and two labels there: nothing that counts them is taken; the words are the same."""
    Path("tags.conll").write_text(3 * "so N\ngood V\n\nvery N\nbad V\nodd V\n\n")
    recipe = {
        "task": "tag",
        "data": {"train": "tags.conll", "validation": "tags.conll", "batch_size": 2},
        "model": {**MODEL, "head": "softmax", "bidirectional": False},
        "train": {**TRAIN, "start_from": "old"},
    }
    task, lines = fitted(recipe)
    own, older = weights_of(task.model), weights_of(load_model(old))
    assert lines[1] == "with new rows: input.words.table.weight"
    assert "output.weight (has as many rows or columns as labels.json, which only one" in lines[2]
    assert own["output.weight"].shape == older["output.weight"].shape
    assert not torch.equal(own["output.weight"], older["output.weight"])
    assert torch.equal(own["input.words.table.weight"][:6], older["input.words.table.weight"])


def characters(text: str, start: str | None = None, unit: str = "character") -> dict[str, Any]:
    Path(f"{text[:4].strip()}.txt").write_text(20 * f"{text}\n")
    tokenizer = {"tokenizer": {"max_size": 270}} if unit == "subword" else {}
    return {
        "task": "language_model",
        "data": {"train": f"{text[:4].strip()}.txt", "unit": unit, "batch_size": 2, "window": 8, **tokenizer},
        "model": {"embedding": 4, "hidden": 6},
        "train": {**TRAIN, "epochs": 1, **({"start_from": start} if start else {})},
    }


@pytest.mark.parametrize(
    ("unit", "said"), [("character", "vocabulary: 10 kept, 4 new"), ("subword", "kept as it is")]
)
def test_characters_and_subwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: str, said: str
) -> None:
    if unit == "subword":
        pytest.importorskip("tokenizers")
    monkeypatch.chdir(tmp_path)
    recurra.fit(characters("the cat sat.", unit=unit), folder="old", quiet=True)
    task, lines = fitted(characters("a zebra!", "old", unit))
    assert lines[-1].endswith(said)
    task.save_assets(Path("new"))
    one, other = (load_tokenizer(Path(folder, "tokenizer.json")) for folder in ("old", "new"))
    assert other.encode("the cat") == one.encode("the cat")
    assert other.decode(other.encode("a zebra!")) == "a zebra!"


def test_killed_and_resumed(tmp_path: Path) -> None:
    run_tiny(tmp_path, "train.epochs=1", name="start")
    changes = [f"train.start_from='{tmp_path / 'start'}'", "train.epochs=3", "train.checkpoint_every=3"]
    run_tiny(tmp_path, *changes, name="whole")
    kill_tiny(tmp_path, *changes, "data.kill_at=8", name="broken")
    shutil.rmtree(tmp_path / "start")
    resume_tiny(tmp_path, *changes, "data.kill_at=8", name="broken")
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


def test_faults(old: Path) -> None:
    with pytest.raises(Fault, match="train.start_from: .*nowhere: not a run folder with a model"):
        recurra.fit(classify("new.csv"), folder="run", quiet=True, start_from="nowhere")
    Path("vectors.txt").write_text("2 5\nodd 1 2 3 4 5\nfilm 1 2 3 4 5\n")
    with pytest.raises(Fault, match="train.start_from and model.embeddings both say"):
        recurra.fit(classify("new.csv", "old", embeddings="vectors.txt"), folder="run", quiet=True)
    assert not Path("run").exists()


def test_path_starts_from_the_recipe(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_recipe(tmp_path, "start_from = 'old'\nepochs = 1")
    monkeypatch.chdir("/")
    assert read_recipe(path).train.start_from == str(old)
    with pytest.raises(Fault, match="none of its"):
        train(read_recipe(path), tmp_path / "run", quiet=True)
