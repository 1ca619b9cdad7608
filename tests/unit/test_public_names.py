"""The face of the package: every name is there when it is asked for, and nothing is imported before."""

from __future__ import annotations

import importlib
import inspect
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import recurra
from recurra.cells import LSTM
from recurra.errors import Fault
from recurra.layers import Recurrent
from recurra.storage.models import save_model

SOURCE = Path(__file__).parents[2] / "src"
EXTRAS = "pydantic,lightning,lightning_fabric,tensorboard,matplotlib,rich,tokenizers,pyarrow,typer"


def in_a_fresh_process(code: str, *args: str) -> list[str]:
    """The lines that `code` prints; a warning is an error."""
    command = [sys.executable, "-W", "error", "-c", code, *args]
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    run = subprocess.run(command, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@pytest.mark.parametrize("name", recurra.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(recurra, name) is not None
    assert name in dir(recurra)


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        recurra.lode  # noqa: B018
    assert issubclass(Fault, ValueError)


def test_all_of_them_at_once() -> None:
    names: dict[str, object] = {}
    exec("from recurra import *", names)
    assert names.keys() - {"__builtins__"} == set(recurra.__all__)


def test_no_file_has_the_name_of_a_function() -> None:
    """Importing it would put the module in the function's place."""
    files = {path.stem for path in (SOURCE / "recurra").iterdir()}
    assert files & set(recurra._HOMES) == set()
    for path in (SOURCE / "recurra").glob("[a-z]*.py"):
        importlib.import_module(f"recurra.{path.stem}")
    for name in recurra._HOMES:
        assert not inspect.ismodule(getattr(recurra, name))


@pytest.mark.parametrize("room", recurra._ROOMS)
def test_a_room_is_an_attribute_after_importing_the_package_alone(room: str) -> None:
    code = f"import recurra; print(recurra.{room}.__name__)"
    assert in_a_fresh_process(code) == [f"recurra.{room}"]


def test_reloading_and_pickling() -> None:
    scan = recurra.scan
    assert importlib.reload(recurra).scan is scan
    for name in ("scan", "Recurrent", "Fault", "explain", "strict"):
        value = getattr(recurra, name)
        assert pickle.loads(pickle.dumps(value)) is value


def test_the_face_imports_nothing_that_was_not_asked_for() -> None:
    code = """
import sys
import recurra
print("torch" in sys.modules)
import recurra.nn
print(recurra.nn is sys.modules["recurra.nn"], "recurra.models" in sys.modules)
recurra.models
print("recurra.models" in sys.modules)
"""
    assert in_a_fresh_process(code) == ["False", "True False", "True"]


@pytest.mark.parametrize(
    "names",
    [
        [".layers", ".scan", ".cells", ".Cell", ".Recurrent", ".nn", ".models"] * 2,
        [".scan", "recurra.models"],
        [".Stepper", "recurra.layers"],
        ["recurra.explanation", "recurra.loop", "recurra.engines", "recurra.streaming", ".nn"],
    ],
)
def test_threads_that_ask_at_once(names: list[str]) -> None:
    """Of the face (`.name`), or by an import of their own."""
    code = """
import importlib, sys, threading
sys.setswitchinterval(1e-6)
import torch
import recurra
names = sys.argv[1:]
start, values = threading.Barrier(len(names)), []
def ask(name):
    start.wait()
    face = name.startswith(".")
    values.append(getattr(recurra, name[1:]) if face else importlib.import_module(name))
threads = [threading.Thread(target=ask, args=(name,)) for name in names]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(values) == len(names), len(set(map(id, values))))
"""
    assert in_a_fresh_process(code, *names) == [f"True {len(set(names))}"]


def test_a_model_file_needs_no_import_of_its_classes(tmp_path: Path) -> None:
    save_model(Recurrent(LSTM(3, 4)), tmp_path)
    code = """
import sys
from recurra.storage.models import load_model
print("recurra.layers" in sys.modules)
print(type(load_model(sys.argv[1])).__name__)
"""
    assert in_a_fresh_process(code, str(tmp_path)) == ["False", "Recurrent"]


def test_importing_needs_the_core_alone_and_the_absence_of_an_extra_is_told_by_name() -> None:
    code = """
import inspect, sys
sys.modules.update(dict.fromkeys(sys.argv[1].split(",")))  # None makes an import fail
import recurra
print(recurra.__version__)
print(dict(inspect.getmembers(recurra))["scan"].__name__)
try:
    recurra.load
except recurra.Fault as fault:
    print(fault)
"""
    version, name, message = in_a_fresh_process(code, EXTRAS)
    assert (version, name) == (recurra.__version__, "scan")
    assert message == "recurra.load needs pydantic: pip install 'recurra[train]'"
