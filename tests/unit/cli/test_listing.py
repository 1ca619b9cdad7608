"""`recurra list`, and `--import` and `--device` where people put them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recurra.cli.listing import KINDS
from recurra.vectors.folder import TENSORS

from .command_line import OWN_CELL, Command, told


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_listed(call: Command, kind: str) -> None:
    said = call("list", kind, "--json")
    assert said.code == 0
    names = json.loads("".join(said.out))
    assert names
    assert all(about for about in names.values())


def test_a_list_has_the_names_that_other_commands_take(call: Command) -> None:
    kinds = json.loads("".join(call("list", "--json").out))
    assert kinds.keys() == KINDS.keys()
    cells = json.loads("".join(call("list", "cells", "--json").out))
    assert "lstm" in cells
    assert "tree_lstm" in cells
    layers = json.loads("".join(call("list", "layers", "--json").out))
    assert "bidirectional" in layers
    assert "lstm" not in layers
    assert "tagger" not in layers
    assert told(call("list", "cels")) == "recurra: list 'cels': no kind of thing: did you mean 'cells'?"


def test_own_modules_are_imported_behind_the_command_too(
    call: Command, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "behind.py"
    file.write_text(OWN_CELL.replace("my_own_cell", "own_cell_behind"))
    said = call("cells", "own_cell_behind", "--import", file)
    assert said.code == 0
    assert said.out[0].startswith("own_cell_behind: ")
    assert "no such file" in told(call("inspect", "gradient", "language", "--import", tmp_path / "no.py"))


def test_the_device_of_a_training(call: Command, here: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert call("train", "sentiment.toml", "-o", run, "--device", "cpu", "--quiet").code == 0
    assert 'accelerator = "cpu"' in (run / "recipe.toml").read_text()
    assert '--set train.accelerator="cpu"' in (run / "recipe.source.toml").read_text()
    line = told(call("train", "sentiment.toml", "-o", tmp_path / "a", "--device", "cuda:1"))
    assert line.endswith("a training takes the first GPUs: CUDA_VISIBLE_DEVICES=1 says which")
    assert "train.accelerator = 'gpu'" in told(call("train", "sentiment.toml", "--device", "gpu"))
    assert "--device needs the recipe" in told(call("train", "--resume", "-o", run, "--device", "cpu"))


def test_a_folder_of_word_vectors_is_no_run(call: Command, tmp_path: Path) -> None:
    (tmp_path / TENSORS).write_bytes(b"")
    line = told(call("evaluate", tmp_path))
    assert line.endswith("it has no recipe.toml: it holds word vectors: ask `recurra vectors`")
