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
        ("program/ops.py", "from recurra.cells import base", "cells stands above program"),
        ("program/ops.py", "from recurra.tracing import trace", "tracing stands above program"),
        ("program/ops.py", "from recurra.lowering import lower", "lowering stands above program"),
        ("ragged.py", "def f():\n    import recurra.loop", "loop stands above ragged"),
        ("storage/files.py", "from recurra.data import read", "data is imported only by"),
        ("loop/scan.py", "from recurra.streaming import Stream", "streaming stands above loop"),
        ("layers/inputs.py", "from recurra.models import Tagger", "models stands above layers"),
        ("models/tagger.py", "from recurra.data.readers import conll", "data is imported only by"),
        ("data/source.py", "from recurra.state import named_leaves", "data imports only"),
        ("vectors/load.py", "from recurra.layers import Stack", "vectors imports only"),
        ("runs/folder.py", "from recurra.recipes import names", "recipes is imported only by"),
        ("tasks/tag/task.py", "import lightning_fabric", "only train imports lightning_fabric"),
        ("train/checkpoint.py", "import pickle", "nothing imports pickle"),
        (
            "loop/run.py",
            "from importlib import import_module\nimport_module('recurra.models')",
            "stands above",
        ),
        ("state.py", "from recurra import Ragged", "names the other room"),
        ("state.py", "from . import loop", "loop stands above state"),
        ("attic.py", "", "attic is no room"),
    ],
)
def test_wrong_import_is_told(tmp_path: Path, file: str, text: str, why: str) -> None:
    (line,) = faults_of(tmp_path, {file: text})
    assert line.startswith(f"src/recurra/{file}:")
    assert why in line


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("cells/lstm.py", "from ..engines import eager", "not what runs it"),
        ("cells/lstm.py", "from recurra.ragged import Ragged", "not lengths"),
        ("cells/lstm.py", "from recurra.lowering.lower import lower", "not what it becomes"),
        ("engines/eager.py", "from recurra.cells.lstm import LSTM", "not cell classes"),
        ("engines/native/encode.py", "from ...tracing import trace", "not what they were read from"),
        ("loop/plan.py", "from recurra.lowering.graph import Graph", "leaves what they become to an engine"),
        ("layers/stack.py", "from recurra import engines", "through scan"),
        ("models/tagger.py", "from recurra.engines.choice import choose", "through scan"),
        ("streaming/runner.py", "from recurra.models import Tagger", "knows none by name"),
        ("train/loop.py", "from recurra.models import Tagger", "no particular model"),
    ],
)
def test_a_wall_is_told(tmp_path: Path, file: str, text: str, why: str) -> None:
    (line,) = faults_of(tmp_path, {file: text})
    assert line.startswith(f"src/recurra/{file}:")
    assert why in line


def test_every_wall_stands_where_the_order_alone_would_let_through(tmp_path: Path) -> None:
    for number, ((room, other), why) in enumerate(check_imports.UNKNOWN.items()):
        assert check_imports.LEVEL[other] <= check_imports.LEVEL[room]
        folder = tmp_path / str(number)
        (line,) = faults_of(folder, {f"{room}/file.py": f"from recurra.{other} import something"})
        assert line.endswith(why)


def test_same_line_imports_one_way_only(tmp_path: Path) -> None:
    one_way = {"streaming/runner.py": "from recurra.decode import step", "decode/step.py": "import json"}
    assert faults_of(tmp_path, one_way) == []
    (line,) = faults_of(tmp_path, {"decode/step.py": "from recurra.streaming import runner"})
    assert "decode and streaming import each other" in line


def test_right_imports_pass(tmp_path: Path) -> None:
    files = {
        "__init__.py": "from recurra.cli import app\n",
        "train/loop.py": "import lightning_fabric\nfrom ..tasks.base import Task\nfrom . import checkpoint\n",
        "train/checkpoint.py": "import json, torch\nfrom recurra.version import __version__\n",
        "engines/native/plan.py": "from recurra.lowering import graph\nfrom . import _engine\n",
        "loop/scan.py": "from recurra.tracing import trace\nfrom recurra.engines import choice\n",
        "streaming/runner.py": "from recurra.engines.native.stepper import Stepper\n",
        "vectors/train.py": "from recurra.vectors import _vectors\nfrom recurra.data import read\n",
        "data/source.py": "from recurra.storage.files import read_text\n",
        "cli/app.py": "from recurra.vectors.train import train\nfrom recurra.data.text import read\n",
    }
    assert faults_of(tmp_path, files) == []


def test_the_rooms_are_those_of_the_package() -> None:
    entries = (check_imports.SOURCE / check_imports.PACKAGE).iterdir()
    rooms = {entry.stem for entry in entries if entry.suffix == ".py" or (entry / "__init__.py").is_file()}
    assert rooms - {"__init__"} == check_imports.ROOMS


def test_the_package_itself() -> None:
    assert check_imports.check() == []


def test_a_room_is_entered_by_its_package_first(tmp_path: Path) -> None:
    files = {
        "cells/__init__.py": "from recurra.cells.base import Cell",
        "cells/base.py": "",
        "loop/__init__.py": "from recurra.loop.scan import scan",
        "loop/scan.py": "from recurra.cells.base import Cell",
    }
    (line,) = faults_of(tmp_path, files)
    assert line.startswith("src/recurra/loop/scan.py:1: loop enters cells by a file")
    assert (
        faults_of(tmp_path, {"loop/__init__.py": f"import recurra.cells\n{files['loop/__init__.py']}"}) == []
    )
