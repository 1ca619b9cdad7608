"""A run is one thing: no file of it is exchanged, left out or altered in silence; and it knows its seed."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import recurra
from recurra.errors import Fault
from recurra.runs.digests import RESUMABLE
from recurra.runs.toml import to_toml
from recurra.storage.files import write_json
from recurra.train import read_recipe, train
from recurra.train.options import TrainOptions
from tests.laws.answers import alike
from tests.laws.table_tasks import TASKS

DATA = Path(__file__).resolve().parents[1] / "data"


def trained(place: Path, name: str, held_out: bool = False) -> Path:
    """A run of one step of a tiny recipe, in the folder where the test works.

    Args:
        held_out: whether a random part of the training data is held out to validate on.
    """
    tiny = TASKS[name]
    for module in tiny.extras:
        pytest.importorskip(module, reason=f"{module} is not installed")
    tiny.write(place)
    data = dict(tiny.data)
    if held_out:
        del data["validation"]
        data |= {"hold_out": 0.5, "hold_out_from": "random"}
    sections = {"data": data, "model": tiny.model, "train": {"steps": 1, "seed": 3, "tensorboard": False}}
    (place / "recipe.toml").write_text(to_toml({"task": name.split()[0], **sections}))
    train(read_recipe(place / "recipe.toml"), place / "run", quiet=True)
    return place / "run"


@pytest.mark.parametrize("name", {name.split()[0]: name for name in reversed(TASKS)}.values())
def test_no_file_of_a_run_is_exchanged_in_silence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    run = trained(tmp_path, name)
    recurra.load(run)
    assert not caplog.records
    for path in sorted(run.glob("*.json")):
        if path.name in ("metrics.json", "model.json"):
            continue
        content = path.read_bytes()
        path.write_bytes(content + b" ")
        with pytest.raises(Fault, match=f"{path.name}: does not belong to the weights"):
            recurra.load(run)
        path.unlink()
        with pytest.raises(Fault, match=f"{path.name}: no such file"):
            recurra.load(run)
        path.write_bytes(content)
    recurra.load(run)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("classifier")
    here = Path.cwd()
    os.chdir(place)
    try:
        return trained(place, "classify", held_out=True)
    finally:
        os.chdir(here)


@pytest.fixture
def run(classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy, beside its data."""
    shutil.copytree(classifier.parent, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy" / classifier.name


def test_exchanged_labels_are_told(run: Path) -> None:
    labels = json.loads((run / "labels.json").read_text())
    write_json(run / "labels.json", {**labels, "labels": labels["labels"][::-1]})
    with pytest.raises(Fault, match="labels.json: does not belong to the weights"):
        recurra.load(run)


def test_a_setting_is_not_altered_in_silence_but_where_data_lies_may_be(run: Path) -> None:
    text = (run / "recipe.toml").read_text()
    (run / "recipe.toml").write_text(text.replace("lower = false", "lower = true"))
    with pytest.raises(Fault, match=r"recipe.toml: does not belong to the weights"):
        recurra.load(run)
    shutil.move("said.jsonl", "elsewhere.jsonl")
    (run / "recipe.toml").write_text(
        re.sub('"[^"]*said.jsonl"', '"elsewhere.jsonl"', text).replace("steps = 1", "steps = 9")
    )
    recurra.load(run).evaluate()


def test_a_loaded_run_measures_what_training_measured(run: Path) -> None:
    best = json.loads((run / "metrics.json").read_text())["best"]["metrics"]
    assert alike(dict(recurra.load(run).evaluate()), best)


def test_an_earlier_run_is_remarked_on(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        recurra.load(DATA / "format_1" / "tasks" / "classify" / "run")
    assert "without digests of its files" in caplog.text


@pytest.mark.parametrize("step", [1, 2])
def test_a_run_is_resumed_where_its_data_lies_elsewhere(run: Path, step: int) -> None:
    other = run.parent / "there" / "rows.jsonl"
    other.parent.mkdir()
    shutil.copy("said.jsonl", other)
    changes = [f"data.train={other}", f"train.steps={step + 1}"]
    trained_run = train(read_recipe("recipe.toml", changes), run, resume=True, quiet=True)
    assert trained_run.steps == step + 1
    recurra.load(run)
    for content in (b"", other.read_bytes() + b'{"text": "more", "label": "yes"}\n'):
        other.write_bytes(content)
        with pytest.raises(Fault, match=r"data.train = .*its content is not what the run was started with"):
            train(read_recipe("recipe.toml", changes), run, resume=True, quiet=True)


@pytest.mark.parametrize("change", ["lr", "lower", "digest"])
def test_an_altered_recipe_is_not_resumed(run: Path, change: str) -> None:
    path = run / ("last/state.json" if change == "digest" else "recipe.toml")
    text = path.read_text()
    new: Any = {"lr": ("lr = 0.001", "lr = 0.5"), "lower": ("lower = false", "lower = true")}
    old, other = new.get(change, ('"waited": 0', '"waited": 1'))
    assert old in text
    path.write_text(text.replace(old, other))
    recipe = read_recipe(run / "recipe.toml", ["train.steps=2"])
    with pytest.raises(Fault, match="damaged|changed"):
        train(recipe, run, resume=True, quiet=True)


def test_what_may_differ_in_a_resumed_run_is_a_setting() -> None:
    assert set(TrainOptions.model_fields) >= RESUMABLE
