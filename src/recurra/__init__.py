"""Recurra: write one step of a recurrent network and get the whole of it, fast, streaming and explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

from recurra import models, nn
from recurra.accelerate import accelerate
from recurra.cells import Cell, cell
from recurra.errors import Fault
from recurra.explain import explain
from recurra.layers import Recurrent
from recurra.ragged import Ragged
from recurra.scan import scan, strict
from recurra.stepper import Stepper
from recurra.stream import Stream

if TYPE_CHECKING:
    from recurra.runs import load

__all__ = [
    "Cell",
    "Fault",
    "Ragged",
    "Recurrent",
    "Stepper",
    "Stream",
    "__version__",
    "accelerate",
    "cell",
    "explain",
    "load",
    "models",
    "nn",
    "scan",
    "strict",
]


def __getattr__(name: str) -> Any:
    # run folders need what the extra `train` installs; the rest of the package does without
    if name == "load":
        try:
            from recurra.runs import load
        except ModuleNotFoundError as error:
            raise Fault(f"recurra.load needs {error.name}: pip install 'recurra[train]'") from error
        return load
    raise AttributeError(f"module 'recurra' has no attribute {name!r}")
