"""Python's and NumPy's own random numbers, which a program would draw once instead of at every step."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def python_draws() -> Iterator[set[str]]:
    """Inside, as if nothing were drawn from the generators of `random` and `numpy.random`; the set then names
    those that were.
    """
    python, numpy = random.getstate(), np.random.get_state()
    names: set[str] = set()
    try:
        yield names
    finally:
        if random.getstate() != python:
            names.add("Python's random")
            random.setstate(python)
        now = np.random.get_state()
        if any(not np.array_equal(one, other) for one, other in zip(now, numpy, strict=True)):
            names.add("numpy.random")
            np.random.set_state(numpy)
