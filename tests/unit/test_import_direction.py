"""The import-direction check finds each kind of wrong import, and none in the package."""

from __future__ import annotations

from pathlib import Path

import check_imports
import pytest


def faults_of(tmp_path: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        path = tmp_path / "src" / "recurra" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return check_imports.check(tmp_path / "src")


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("program/trace.py", "from recurra.cells import base", "cells stands above program"),
        ("ragged.py", "def f():\n    import recurra.scan", "scan stands above ragged"),
        ("cells/lstm.py", "from ..engines import eager", "not what runs it"),
        ("cells/lstm.py", "from recurra.ragged import Ragged", "not lengths"),
        ("engines/eager.py", "from recurra.cells.lstm import LSTM", "not cell classes"),
        ("layers/stack.py", "from recurra import engines", "through scan"),
        ("models/tagger.py", "from recurra.data.conll import read", "data is imported only by"),
        ("data/conll.py", "from recurra.storage.models import save", "data imports only"),
        ("tasks/tag.py", "import lightning_fabric", "only train imports lightning_fabric"),
        ("train/checkpoint.py", "import pickle", "nothing imports pickle"),
        ("scan.py", "from importlib import import_module\nimport_module('recurra.models')", "stands above"),
        ("state.py", "from recurra import Ragged", "names the other room"),
        ("state.py", "from . import scan", "scan stands above state"),
        ("attic.py", "", "attic is no room"),
    ],
)
def test_wrong_import_is_told(tmp_path: Path, file: str, text: str, why: str) -> None:
    (line,) = faults_of(tmp_path, {file: text})
    assert line.startswith(f"src/recurra/{file}:")
    assert why in line


def test_same_line_imports_one_way_only(tmp_path: Path) -> None:
    one_way = {"fold.py": "from recurra.scan import scan", "scan.py": "from recurra.errors import Fault"}
    assert faults_of(tmp_path, one_way) == []
    (line,) = faults_of(tmp_path, {"scan.py": "from recurra.fold import fold"})
    assert "fold and scan import each other" in line


def test_right_imports_pass(tmp_path: Path) -> None:
    files = {
        "__init__.py": "from recurra.cli import app\n",
        "train/loop.py": "import lightning_fabric\nfrom ..tasks.base import Task\nfrom . import checkpoint\n",
        "train/checkpoint.py": "import json, torch\nfrom recurra import __version__\n",
        "engines/native.py": "from recurra import _engine\n",
        "vectors/train.py": "from recurra import _vectors\nfrom recurra.data.text import read\n",
        "cli/app.py": "from recurra.vectors.train import train\nfrom recurra.data.text import read\n",
    }
    assert faults_of(tmp_path, files) == []


def test_the_package_itself() -> None:
    assert check_imports.check() == []
