"""What other installed packages add: found by name, imported no earlier, named where it is broken."""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from recurra import plugins, scan
from recurra.cells import CELLS, TREE_CELLS
from recurra.data import read
from recurra.data.readers import READERS
from recurra.errors import Fault, UnknownName
from recurra.recipes import find_recipe, recipe_names, recipe_text, recipe_titles
from recurra.registry import MODULES, Registry
from recurra.tasks.base import TASKS
from recurra.train.reporters import reporters_of

GOOD = """
from typing import NamedTuple
import recurra
from recurra.data import Examples, Place
from recurra.train import Callback
from torch import Tensor, nn

@recurra.cell("plugged_cell")
class Plugged(recurra.Cell):
    '''A cell of another package.'''
    class State(NamedTuple):
        h: Tensor

    def __init__(self, input_size, hidden_size):
        self.input = nn.Linear(input_size + hidden_size, hidden_size)

    def step(self, x, state):
        h = self.input(recurra_cat(x, state.h)).tanh()
        return h, self.State(h)

def recurra_cat(x, h):
    import torch
    return torch.cat([x, h], -1)

def read_shouted(path):
    '''Lines in capitals.'''
    lines = path.read_text().upper().splitlines()
    return Examples({"text": lines}, [Place(str(path), n + 1) for n in range(len(lines))], str(path))

class Quiet(Callback):
    '''Says nothing.'''

number = 3
"""
ENTRIES = """
[recurra.cells]
plugged_cell = plugged_parts:Plugged
broken_cell = plugged_parts:Missing
absent_cell = no_such_module:Cell
other_name = plugged_parts:Plugged
[recurra.readers]
shouted = plugged_parts:read_shouted
a_number = plugged_parts:number
[recurra.recipes]
plugged_recipe = plugged_parts
lost_recipe = plugged_parts
[recurra.reporters]
quiet = plugged_parts:Quiet
no_reporter = plugged_parts:number
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A distribution as pip would have installed it."""
    (tmp_path / "plugged_parts.py").write_text(GOOD)
    (tmp_path / "plugged_recipe.toml").write_text('# A recipe of another package.\ntask = "classify"\n')
    info = tmp_path / "plugged_package-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged-package\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    caches: list[Callable[[], None]] = [plugins._plugins.cache_clear, plugins._try.cache_clear]
    for clear in caches:
        clear()
    yield tmp_path
    sys.modules.pop("plugged_parts", None)
    for registry in (CELLS, MODULES):
        registry._classes.pop("plugged_cell", None)
    for clear in caches:
        clear()


def test_cells(package: Path) -> None:
    assert "lstm" in CELLS
    assert "plugged_parts" not in sys.modules
    cell = CELLS["plugged_cell"](3, 4)
    y, _ = scan(cell, torch.zeros(2, 5, 3))
    assert y.shape == (2, 5, 4)
    assert "plugged_cell" in CELLS
    assert "plugged_cell" not in TREE_CELLS
    assert MODULES["plugged_cell"] is CELLS["plugged_cell"]


def test_a_file_that_names_one_loads_it(package: Path, tmp_path: Path) -> None:
    from recurra.storage.models import load_model, save_model

    cell = CELLS["plugged_cell"](3, 4)
    save_model(cell, tmp_path / "saved")
    for registry in (CELLS, MODULES):
        del registry._classes["plugged_cell"]
    del sys.modules["plugged_parts"]
    assert type(load_model(tmp_path / "saved")).__name__ == "Plugged"


def test_listing_tells_of_broken_ones_and_goes_on(package: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "recurra"):
        names = [*CELLS]
        assert [*CELLS] == names
    assert "plugged_cell" in names
    assert "broken_cell" not in names
    said = sorted(record.getMessage() for record in caplog.records)
    assert len(said) == 2
    assert said[0].startswith(
        "the plug-in 'absent_cell' (recurra.cells) of plugged-package 1.2 can't be loaded: "
        "no_such_module:Cell: ModuleNotFoundError: No module named 'no_such_module'"
    )


def test_a_broken_one_asked_for_is_a_fault_that_names_its_package(package: Path) -> None:
    with pytest.raises(
        Fault, match=r"'broken_cell' \(recurra.cells\) of plugged-package 1.2 can't be loaded"
    ):
        CELLS["broken_cell"]
    with pytest.raises(UnknownName, match="no cell is called 'plugged_sell': did you mean 'plugged_cell'?"):
        CELLS["plugged_sell"]
    with pytest.raises(UnknownName, match="no cell is called 'other_name'"):
        CELLS["other_name"]


def test_readers(package: Path, tmp_path: Path) -> None:
    (tmp_path / "x.dat").write_text("a b\nc\n")
    assert "shouted" in READERS
    assert read({"path": str(tmp_path / "x.dat"), "format": "shouted"})["text"] == ["A B", "C"]
    assert {"shouted", "csv"} <= {*READERS}
    with pytest.raises(Fault, match="'a_number' .recurra.readers. of plugged-package 1.2 is a int"):
        read({"path": str(tmp_path / "x.dat"), "format": "a_number"})
    with pytest.raises(KeyError):
        READERS["none of this name"]


def test_recipes(package: Path) -> None:
    assert recipe_text("plugged_recipe").startswith("# A recipe of another package.")
    assert find_recipe("plugged_recipe") == package / "plugged_recipe.toml"
    assert {"plugged_recipe", "demo"} <= {*recipe_names()}
    titles = recipe_titles()
    assert titles["plugged_recipe"] == "A recipe of another package"
    assert titles["lost_recipe"].startswith(
        "the plug-in 'lost_recipe' (recurra.recipes) of plugged-package 1.2: no "
    )
    assert find_recipe("demo").stem == "demo"


def test_reporters(package: Path) -> None:
    assert type(reporters_of(["quiet"])["quiet"]).__name__ == "Quiet"
    with pytest.raises(Fault, match="'no_reporter' of plugged-package 1.2 gives no reporter"):
        reporters_of(["no_reporter"])


def test_tasks(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = package / "plugged_package-1.2.dist-info" / "entry_points.txt"
    entries.write_text("[recurra.tasks]\nplugged_task = plugged_tasks\n")
    (package / "plugged_tasks.py").write_text(
        "from recurra.tasks.base import TASKS\n"
        "@TASKS.register('plugged_task')\nclass Plugged:\n    name = 'plugged_task'\n"
    )
    plugins._plugins.cache_clear()
    try:
        assert TASKS["plugged_task"].name == "plugged_task"  # type: ignore[attr-defined]
    finally:
        TASKS._classes.pop("plugged_task", None)


def test_two_packages_of_one_name(package: Path) -> None:
    info = package / "second_package-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: second-package\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[recurra.cells]\nplugged_cell = elsewhere:Cell\n")
    plugins._plugins.cache_clear()
    with pytest.raises(
        Fault, match="declared by plugged-package 1.2, second-package 0.1: uninstall all but one"
    ):
        CELLS["plugged_cell"]


def test_nothing_is_looked_for_where_a_name_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def entry_points(group: str) -> None:
        raise AssertionError(group)

    plugins._plugins.cache_clear()
    monkeypatch.setattr(plugins, "entry_points", entry_points)
    assert CELLS["lstm"]
    assert TASKS["tag"]
    assert READERS["csv"]
    assert find_recipe("demo").is_file()
    assert Registry("thing").register("a")(int) is int
