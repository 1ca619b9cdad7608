"""A run tells which files of the person's own register what it names, and executes none of them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recurra.cells import CELLS
from recurra.registry import MODULES

from .command_line import LANGUAGE, OWN_CELL, TEXT, TRAIN, Command, told


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text(TEXT)
    cell = OWN_CELL.replace("my_own_cell", "told_cell").replace("class Mine", "class Told")
    Path("told.py").write_text(cell)
    recipe = LANGUAGE.replace("hidden = 12", 'hidden = 12, cell = "told_cell"') + TRAIN
    Path("mine.toml").write_text(recipe)
    yield tmp_path
    forget()


def forget() -> None:
    for name in ("told", "elsewhere"):
        sys.modules.pop(name, None)
    for registry in (CELLS, MODULES):
        registry._classes.pop("told_cell", None)


def test_a_run_tells_them(mine: Path, call: Command) -> None:
    train = ("train", "mine.toml", "-o", "run", "--set", "train.steps=2", "--quiet")
    assert call("--import", "told.py", *train).code == 0
    text = Path("run/recipe.toml").read_text()
    assert re.search(r'^imports = \["told.py"\]$', text, re.M)
    forget()
    said = told(call("evaluate", "run"))
    assert "'told_cell'" in said
    assert said.count("--import told.py: give the same again, before the command's name") == 1
    assert "told" not in sys.modules
    assert call("--import", "told.py", "evaluate", "run").code == 0
    # it counts for nothing else: the run goes on without it, and wherever the file lies by then
    Path("told.py").rename("elsewhere.py")
    forget()
    assert call("--import", "elsewhere.py", *train, "--resume", "--set", "train.steps=3").code == 0
    assert '["elsewhere.py"]' in Path("run/recipe.toml").read_text()


def test_a_recipe_tells_them(mine: Path, call: Command) -> None:
    recipe = Path("mine.toml")
    recipe.write_text(f'imports = ["told.py"]\n{recipe.read_text()}')
    assert "the recipe was used with --import told.py" in told(call("train", recipe, "-o", "run"))
    assert not Path("run").exists()
    recipe.write_text(recipe.read_text().replace('["told.py"]', "3"))
    said = told(call("--import", "told.py", "train", recipe, "-o", "run"))
    assert "imports = 3 found, expected a list of texts" in said
