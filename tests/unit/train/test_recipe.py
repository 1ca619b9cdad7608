"""Recipes: what is wrong in one is told with its name and the nearest right one."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recurra.errors import Fault
from recurra.recipes import recipe_names, recipe_text
from recurra.runs.changes import with_change
from recurra.runs.toml import to_toml
from recurra.tasks.base import TASKS
from recurra.train.recipe import read_recipe, recipe_of

from .training import write_recipe

KEYS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_toml_round_trip(table: dict[str, Any]) -> None:
    assert tomllib.loads(to_toml(table)) == table


def test_none_is_left_out() -> None:
    assert tomllib.loads(to_toml({"a": None, "b": {"c": None, "d": [{"e": None}]}})) == {"b": {"d": [{}]}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[trian]\nepochs = 1", "unknown key trian: did you mean 'train'?"),
        ("epoch = 1", "unknown key train.epoch: did you mean 'epochs'?"),
        ("epochs = 'x'", "train.epochs = 'x' found: should be a valid integer"),
        ("epochs = 0", "train.epochs = 0 found: should be greater than or equal to 1"),
        ("schedule = { name = 'StepLR', evry = 'step' }", None),
        ("schedule = { every = 'step' }", "train.schedule.name is missing"),
        ("schedule = { name = 'ReduceLROnPlateau' }", "expected every = 'validation'"),
        ("on_non_finite = 'ignore'", "train.on_non_finite = 'ignore' found: should be 'error' or 'skip'"),
        ("[data]\nrwos = 3", "unknown key data.rwos: did you mean 'rows'?"),
        ("[model]\nhidden = 3", "unknown key model.hidden: did you mean 'hidden_size'?"),
        ("[data]\nrows = [1, 2]", "data.rows = [1, 2] found: should be a valid integer"),
        ("epochs = 1\nepochs = 2", "not TOML: Cannot overwrite a value"),
        ("epochs = ", "not TOML: Invalid value (at line 4"),
    ],
)
def test_faults_of_a_recipe(tmp_path: Path, text: str, said: str | None) -> None:
    path = write_recipe(tmp_path, text)
    if said is None:  # a schedule's arguments are known once it is built
        assert read_recipe(path).train.schedule is not None
        return
    with pytest.raises(Fault) as caught:
        read_recipe(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "task = None found, expected one of"),
        (b"task = 'tinny'", "no task is called 'tinny': did you mean 'tiny'?"),
        (b"task = 3", "task = 3 found"),
        (b"task = 'tiny'\ndata = 3", "data = 3 found, expected a section [data]"),
        (b"task = 'tiny'\nformat = 3", "format 3 found, this version reads up to 2"),
        (b"\xff\xfe", "byte 0 is not UTF-8"),
    ],
)
def test_faults_of_a_file(tmp_path: Path, content: bytes, said: str) -> None:
    path = write_recipe(tmp_path)
    path.write_bytes(content)
    with pytest.raises(Fault) as caught:
        read_recipe(path)
    assert said in str(caught.value)


def test_changes(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, "epochs = 7")
    changes = [
        "train.epochs=3", "train.clip_norm = 0.5", "train.optimiser.name=SGD", "train.optimiser.lr=1e-2",
        "data.rows=4", "train.schedule={name = 'StepLR', step_size = 2}",
    ]  # fmt: skip
    recipe = read_recipe(path, changes)
    assert (recipe.train.epochs, recipe.train.clip_norm) == (3, 0.5)
    assert recipe.train.optimiser.arguments == {"lr": 0.01}
    assert recipe.train.schedule is not None
    assert recipe.train.schedule.arguments == {"step_size": 2}
    assert recipe_of(tomllib.loads(recipe.to_text()), "again").to_table() == recipe.to_table()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("train.epochs", "expected section.key=value"),
        ("=3", "expected section.key=value"),
        ("train..epochs=3", "expected section.key=value"),
        ("task.name=3", "task is 'tiny', not a section"),
        ("train.epochs=1 2", "'1 2' is not a TOML value"),
    ],
)
def test_faults_of_a_change(change: str, said: str) -> None:
    with pytest.raises(Fault) as caught:
        with_change({"task": "tiny"}, change)
    assert said in str(caught.value)


def test_a_change_leaves_the_table_as_it_was() -> None:
    table = {"train": {"epochs": 1}}
    assert with_change(table, "train.epochs=2") == {"train": {"epochs": 2}}
    assert table == {"train": {"epochs": 1}}
    assert with_change({}, "data.train=builtin:python_manual") == {"data": {"train": "builtin:python_manual"}}
    assert with_change({}, "data.train=../shared/x.csv") == {"data": {"train": "../shared/x.csv"}}


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipe(name: str) -> None:
    text = recipe_text(name)
    assert text.startswith("# ")  # what it is, for `recurra recipes`
    recipe = recipe_of(tomllib.loads(text), name)
    assert recipe.task is TASKS[recipe.task.name].kind_of(tomllib.loads(text))
