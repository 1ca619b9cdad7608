"""The threads that torch has, lent to the native library (decision 0006)."""

from __future__ import annotations

import ctypes
import multiprocessing
from pathlib import Path

import torch

MAPS = Path("/proc/self/maps")


def torch_team() -> int:
    """The address of `GOMP_parallel` in the OpenMP library that torch is linked to.

    0 where torch has none of GNU's, where this is not Linux, and in a process that another began: after a
    fork those threads hang.
    """
    if multiprocessing.parent_process() is not None or not MAPS.exists():
        return 0
    mapped = {line.split(maxsplit=5)[-1] for line in MAPS.read_text().splitlines() if "/libgomp" in line}
    home = Path(torch.__file__).parent
    # other packages bring one of their own, which they alone use
    own = {path for path in mapped if {home, home.with_name("torch.libs")} & set(Path(path).parents)}
    paths = own or mapped
    if len(paths) != 1:
        return 0
    library = ctypes.CDLL(paths.pop())
    return ctypes.cast(library.GOMP_parallel, ctypes.c_void_p).value or 0
