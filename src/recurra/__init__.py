"""Recurra: write one step of a recurrent network and get the whole of it, fast, streaming and explained.

Names are imported when they are first asked for: `recurra --help` waits for no library that it does not use.
"""

from __future__ import annotations

from importlib import import_module
from threading import RLock
from typing import TYPE_CHECKING, Any

from recurra.errors import Fault
from recurra.version import __version__

if TYPE_CHECKING:
    from recurra import cells, layers, models, nn
    from recurra.acceleration import accelerate
    from recurra.cells import Cell, TreeCell, cell, tree_cell
    from recurra.engines.strict import strict
    from recurra.explanation import explain
    from recurra.forest import Forest
    from recurra.layers import Recurrent
    from recurra.loop.fold import fold
    from recurra.loop.scan import scan
    from recurra.ragged import Ragged
    from recurra.runs import load
    from recurra.streaming import Stepper, Stream
    from recurra.train import evaluate, fit, measure, predict, predict_table

__all__ = [
    "Cell",
    "Fault",
    "Forest",
    "Ragged",
    "Recurrent",
    "Stepper",
    "Stream",
    "TreeCell",
    "__version__",
    "accelerate",
    "cell",
    "cells",
    "evaluate",
    "explain",
    "fit",
    "fold",
    "layers",
    "load",
    "measure",
    "models",
    "nn",
    "predict",
    "predict_table",
    "scan",
    "strict",
    "tree_cell",
]

_ROOMS = (
    "cells",
    "engines",
    "forest",
    "inspect",
    "layers",
    "models",
    "nn",
    "program",
    "ragged",
    "registry",
    "state",
    "timing",
)
"""Rooms that are attributes after `import recurra` alone."""
_HOMES = {
    "Cell": "cells",
    "Forest": "forest",
    "Ragged": "ragged",
    "Recurrent": "layers",
    "Stepper": "streaming",
    "Stream": "streaming",
    "TreeCell": "cells",
    "accelerate": "acceleration",
    "cell": "cells",
    "evaluate": "train",
    "explain": "explanation",
    "fit": "train",
    "fold": "loop",
    "load": "runs",
    "measure": "train",
    "predict": "train",
    "predict_table": "train",
    "scan": "loop",
    "strict": "engines",
    "tree_cell": "cells",
}
"""Public name -> the room that it comes from; no file of this folder may have such a name."""
_TRAINED = {"evaluate", "fit", "load", "measure", "predict", "predict_table"}
# rooms that two threads import from two ends would wait for each other
_IMPORTING = RLock()


def __getattr__(name: str) -> Any:
    if name not in _ROOMS and name not in _HOMES:
        raise AttributeError(f"module 'recurra' has no attribute {name!r}")
    try:
        with _IMPORTING:
            room = import_module(f"recurra.{_HOMES.get(name, name)}")
    except ModuleNotFoundError as error:
        if name not in _TRAINED:
            raise
        # runs need what the extra `train` installs; the rest of the package does without
        raise Fault(f"recurra.{name} needs {error.name}: pip install 'recurra[train]'") from error
    value = room if name in _ROOMS else getattr(room, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    # `help` reads every name that it sees here, and must do without the extra `train`
    return sorted({*globals(), *__all__} - (_TRAINED - globals().keys()))
