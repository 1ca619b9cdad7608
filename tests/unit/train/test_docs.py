"""The page on training: its Python runs, its recipes are taken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recurra.storage.toml_text import parse_toml
from recurra.train.options import TrainOptions
from recurra.train.ranges import read_range

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "training.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.S)


def test_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    exec(code, {"__name__": "page"})
    assert (tmp_path / "runs" / "watched" / "model.json").is_file()


def test_tables() -> None:
    tables = [parse_toml(block.encode(), "page") for block in blocks("toml")]
    trained = [table["train"] for table in tables if "train" in table]
    assert len(trained) == 3
    for table in trained:
        TrainOptions.model_validate(table)
    assert {name.removeprefix("recurra.") for name in tables[-1]["project"]["entry-points"]} == {
        "cells", "tasks", "readers", "recipes", "reporters",
    }  # fmt: skip


def test_ranges() -> None:
    ranges = re.findall(r"--vary (?:\"([^\"]+)\"|(\S+))", PAGE.read_text("utf-8"))
    assert len(ranges) == 3
    for one, other in ranges:
        assert read_range(one or other).ends()
