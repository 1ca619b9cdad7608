"""Importing what the person at the keyboard names: their own cells, layers and tasks."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

from recurra.errors import Fault


def import_from(name: str) -> None:
    """Imports a module by its name, or a `.py` file."""
    path = Path(name)
    if path.suffix != ".py":
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not name.startswith(error.name):
                raise
            raise Fault(f"--import {name}: no such module: give a module's name or a .py file") from None
        return
    if not path.is_file():
        raise Fault(f"--import {name}: no such file")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
