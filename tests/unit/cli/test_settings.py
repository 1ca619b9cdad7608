"""What tells a person of the settings: commands that rewrite, list and make recipes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recurra.storage.toml_text import read_toml

from .command_line import SENTIMENT, TRAIN, Command, told


def test_an_old_recipe_is_rewritten(call: Command, tmp_path: Path) -> None:
    path = tmp_path / "old.toml"
    path.write_text("# Mine.\ntask = 'language_model'\n[data]\ntrain = 'a.txt'\nsteps = 3  # short\n")
    said = call("recipes", "upgrade", path)
    assert (said.code, said.out, said.error) == (0, ["data.steps -> data.window"], [])
    assert path.read_text() == (
        "# Mine.\nformat = 2\ntask = 'language_model'\n[data]\ntrain = 'a.txt'\nwindow = 3  # short\n"
    )
    assert call("recipes", "upgrade", path).out == [f"{path}: nothing to change"]


def test_comments_that_cannot_stay_are_told(call: Command, tmp_path: Path) -> None:
    path = tmp_path / "old.toml"
    path.write_text("# Mine.\ntask = 'language_model'\ndata.train = 'a.txt'\ndata.steps = 3  # short\n")
    said = call("recipes", "upgrade", path)
    assert said.code == 0
    assert "written anew" not in said.out[-1] or "short" not in path.read_text()
    assert path.read_text().startswith("# Mine.\n")
    assert call("recipes", "upgrade", path).out == [f"{path}: nothing to change"]


def test_what_can_not_be_rewritten_stays_as_it_was(call: Command, tmp_path: Path) -> None:
    path = tmp_path / "old.toml"
    for text, said in [
        ("task = 'tga'", "did you mean 'tag'?"),
        ("format = 3\ntask = 'tag'", "format 3 found"),
    ]:
        path.write_text(text)
        assert said in told(call("recipes", "upgrade", path))
        assert path.read_text() == text


def test_a_run_folder_is_chosen(call: Command, here: Path) -> None:
    few = ("--set", "train.steps=1", "--quiet")
    first, second = (call("train", "sentiment.toml", *few) for _ in range(2))
    assert first.error == ["recurra: run folder: runs/sentiment"]
    assert second.error == ["recurra: run folder: runs/sentiment-2"]
    assert "give it with -o" in told(call("train", "sentiment.toml", *few, "--set", "train.devices=2"))
    more = call("train", "sentiment.toml", "--resume", "--set", "train.steps=2", "--quiet", "--json")
    assert json.loads(more.out[0])["run"] == "runs/sentiment-2"
    assert json.loads(more.out[0])["steps"] == 2
    assert "give its folder with -o" in told(call("train", "language.toml", "--resume"))


def test_a_run_keeps_what_the_person_wrote(call: Command, here: Path) -> None:
    mine = here / "mine.toml"
    mine.write_text("# My first recipe.\n" + SENTIMENT + TRAIN)
    call("train", mine, "-o", "kept", "--set", "train.steps=1", "--unset", "data.hold_out", "--quiet")
    text = (here / "kept" / "recipe.source.toml").read_text()
    assert text.startswith("# My first recipe.\n")
    assert text.endswith("\n# --unset data.hold_out\n# --set train.steps=1\n")
    assert read_toml(here / "kept" / "recipe.toml")["data"]["train"] == str(here.resolve() / "rows.csv")


def test_a_run_is_measured_from_any_folder(
    call: Command, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = call("evaluate", "sentiment", "--json").out
    monkeypatch.chdir(tmp_path)
    assert call("evaluate", here / "sentiment", "--json").out == expected


def test_what_needs_no_training_may_be_set_of_a_run(call: Command, here: Path) -> None:
    ranked = call("evaluate", "language", "--set", "data.rank_shuffled=5", "--json")
    assert ranked.code == 0, ranked.error
    assert "above_shuffled" in ranked.out[0]
    assert "above_shuffled" not in call("evaluate", "language", "--json").out[0]
    said = told(call("evaluate", "language", "--set", "model.hidden=3"))
    assert "--set model.hidden=3: model.hidden needs another training" in said
    assert "data.validation_streams" in said
    assert "did you mean 'data.batch_size'?" in told(
        call("evaluate", "language", "--set", "data.batchsize=3")
    )
    assert "the recipe names no test data" in told(call("evaluate", "language", "--split", "test"))
    assert "needs another training" in told(call("evaluate", "language", "--set", "train.seed=3"))
    assert "needs another training" in told(call("predict", "sentiment", "x", "--unset", "model.hidden"))
    assert call("predict", "sentiment", "so good", "--set", "data.batch_size=1").code == 0
