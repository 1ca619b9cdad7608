"""Several seeds in one go: each is what it would be alone, and none is trained twice."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest

import recurra.train.seeds as seeds_of_recipe
from recurra.cli import app
from recurra.errors import Fault
from recurra.train import read_recipe
from recurra.train.seeds import Seeds, train_seeds

from .training import assert_same_run, run_tiny, write_recipe

SETTINGS = "epochs = 2\nseed = 3"


def seeds(folder: Path, *changes: str, count: int = 3, resume: bool = False, lines: Any = None) -> Seeds:
    recipe = read_recipe(write_recipe(folder, SETTINGS), changes)
    say = (lambda line: None) if lines is None else lines.append
    return train_seeds(recipe, folder / "runs", count, resume=resume, quiet=True, say=say)


def test_each_is_what_it_would_be_alone(tmp_path: Path) -> None:
    result = seeds(tmp_path)
    assert result.seeds == [3, 4, 5]
    best = []
    for seed in result.seeds:
        best.append(run_tiny(tmp_path, "train.epochs=2", f"train.seed={seed}", name=f"alone-{seed}").best)
        assert_same_run(tmp_path / f"alone-{seed}", tmp_path / "runs" / f"seed-{seed}")
    values = [each["metrics"]["error"] for each in best]
    assert result.scores["error"] == (pytest.approx(fmean(values)), pytest.approx(stdev(values)), values)
    assert len(set(values)) == 3


def test_none_is_trained_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in the second of three, and resumed, with one more; then all is there."""
    signal = "data.signal_at=7"
    whole = seeds(tmp_path, count=4)
    (tmp_path / "runs").rename(tmp_path / "whole")
    lines: list[str] = []
    count = [0]
    original = seeds_of_recipe.train

    def train(recipe: Any, run: Path, **options: Any) -> Any:
        count[0] += 1
        if count[0] == 1:
            monkeypatch.setenv("TINY_RESUMED", "1")  # not in the first
        else:
            monkeypatch.delenv("TINY_RESUMED", raising=False)
        return original(recipe, run, **options)

    monkeypatch.setattr(seeds_of_recipe, "train", train)
    with pytest.raises(KeyboardInterrupt):
        seeds(tmp_path, signal, count=3, lines=lines)
    assert lines == ["seed 3 (1 of 3)", "seed 4 (2 of 3)"]
    monkeypatch.setattr(seeds_of_recipe, "train", original)
    monkeypatch.setenv("TINY_RESUMED", "1")
    result = seeds(tmp_path, signal, count=4, resume=True, lines=lines)
    assert lines[2:] == ["seed 4 (2 of 4)", "seed 5 (3 of 4)", "seed 6 (4 of 4)"]
    assert result.scores == whole.scores
    assert_same_run(tmp_path / "whole" / "seed-4", tmp_path / "runs" / "seed-4")
    assert seeds(tmp_path, signal, count=4, resume=True, lines=(again := [])).scores == whole.scores
    assert again == []


def test_faults(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="1 seeds found, expected at least 2"):
        seeds(tmp_path, count=1)
    with pytest.raises(Fault, match="train.devices = 2"):
        seeds(tmp_path, "train.devices=2")
    with pytest.raises(Fault, match="seed 3: .*rows = 0 found"):
        seeds(tmp_path, "data.rows=0")
    with pytest.raises(Fault, match="train.seed = 4294967296 found"):
        seeds(tmp_path, f"train.seed={2**32 - 1}", "train.steps=1")
    with pytest.raises(
        Fault, match="already holds seeds: choose another folder, or go on with it by --resume"
    ):
        seeds(tmp_path)
    with pytest.raises(Fault, match="holds seeds of another recipe"):
        seeds(tmp_path, "train.epochs=3", resume=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").touch()
    recipe = read_recipe(write_recipe(tmp_path, SETTINGS))
    for resume, said in ((False, "already holds other files"), (True, "no seeds to resume")):
        with pytest.raises(Fault, match=said):
            train_seeds(recipe, tmp_path / "mine", 2, resume=resume)


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe, run = str(write_recipe(tmp_path, SETTINGS)), str(tmp_path / "runs")
    assert app.main(["train", recipe, "-o", run, "--seeds", "2", "--quiet"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "score\tmean\tdeviation\tseed 3\tseed 4"
    assert out[1].startswith("error\t")
    assert app.main(["train", "-o", run, "--seeds", "2", "--resume", "--json", "--quiet"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["seeds"] == [3, 4]
    assert said["scores"]["error"].keys() == {"mean", "deviation", "values"}
