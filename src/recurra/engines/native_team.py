"""The threads that torch computes with, lent to the native library.

torch's threads wait for work by spinning for milliseconds after each operation. Threads of another kind
beside them find the processors taken: a training step of an LSTM on two processors was seen to run no faster
than on one.
"""

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
    begun = multiprocessing.parent_process() is not None
    if begun or not MAPS.exists():
        return 0
    mapped = {line.split(maxsplit=5)[-1] for line in MAPS.read_text().splitlines() if "/libgomp" in line}
    home = Path(torch.__file__).parent
    # other packages bring one of their own, which they alone use
    own = {path for path in mapped if {home, home.with_name("torch.libs")} & set(Path(path).parents)}
    found = own or mapped
    if len(found) != 1:
        return 0
    library = ctypes.CDLL(found.pop())
    return ctypes.cast(library.GOMP_parallel, ctypes.c_void_p).value or 0
