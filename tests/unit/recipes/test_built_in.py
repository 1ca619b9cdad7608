"""The recipes that need no files: one for every task, each of which learns something in a few updates."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from recurra.errors import Fault
from recurra.recipes import find_recipe, needs_files, recipe_names, recipe_text
from recurra.tasks import TASKS
from recurra.train import fit

ALONE = [name for name in recipe_names() if not needs_files(name)]
FEW = {"train": {"count": 40, "years": 5}, "validation": {"count": 5}, "test": {"count": 5}}
"""What makes a source small, where it has it."""


def small(name: str) -> dict[str, Any]:
    """The recipe with little data, trained for two updates."""
    table = tomllib.loads(find_recipe(name).read_text(encoding="utf-8"))
    for part, options in FEW.items():
        source = table["data"].get(part, {})
        source |= {option: number for option, number in options.items() if option in source}
    table["data"]["batch_size"] = 4
    table["train"] = {"steps": 2, "optimiser": table["train"]["optimiser"]}
    return table


def test_every_task_has_one() -> None:
    tasks = {tomllib.loads(recipe_text(name))["task"] for name in ALONE}
    assert tasks == set(TASKS)


@pytest.mark.parametrize("name", ["char-lm", "fsdd", "eth_ucy", "multi30k"])
def test_recipes_that_read_files_are_told_apart(name: str) -> None:
    assert needs_files(name)


@pytest.mark.parametrize("name", [name for name in ALONE if name not in ("demo", "scenes", "moving_scenes")])
def test_it_trains_and_measures(name: str, tmp_path: Path) -> None:
    if tomllib.loads(recipe_text(name))["task"] == "transcribe":
        pytest.importorskip("jiwer", reason="jiwer is not installed")
    task = fit(small(name), folder=tmp_path / "run", quiet=True)
    metrics = task.evaluate()
    assert metrics
    assert metrics[task.score.metric] == pytest.approx(metrics[task.score.metric])  # no NaN


def test_wrong_settings_of_built_in_data_are_told(tmp_path: Path) -> None:
    table = small("opinions")
    table["data"]["train"]["part"] = "dev"
    with pytest.raises(Fault, match="opinions: part = 'dev'.*expected one of train, validation, test"):
        fit(table, folder=tmp_path / "run", quiet=True)
