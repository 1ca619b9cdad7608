"""Where the time of a stretch of work goes: parts that lie within each other, each its own time alone.

Nothing is measured outside `measured`; a part then costs a fraction of a microsecond.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

BEFORE, LOOP, AFTER = "before the loop", "loop", "after the loop"
BACK_LOOP, BACK_PRODUCTS = "backward: loop", "backward: products of all steps"


class Timing:
    """What was measured.

    Attributes:
        seconds: name of a part -> its time in seconds, less that of the parts within it.
        operations: name of a part -> floating-point operations of the products that were counted in it.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.operations: defaultdict[str, float] = defaultdict(float)
        self._open: list[str] = []
        self._since = 0.0

    def enter(self, name: str) -> None:
        """Opens a part, within the one that is open."""
        self._charge()
        self._open.append(name)

    def leave(self) -> None:
        """Closes the part that was opened last."""
        self._charge()
        self._open.pop()

    def count(self, operations: float) -> None:
        """Floating-point operations of the part that is open."""
        if self._open:
            self.operations[self._open[-1]] += operations

    def move(self, name: str, seconds: float, operations: float) -> None:
        """Gives seconds of the part that is open to another, with the operations that they took."""
        if self._open:
            self.seconds[self._open[-1]] -= seconds
            self.seconds[name] += seconds
            self.operations[name] += operations

    def _charge(self) -> None:
        """Gives the time since the last call to the part that is open."""
        now = time.perf_counter()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


_timing: Timing | None = None


@contextmanager
def measured() -> Iterator[Timing]:
    """Within it, parts are measured; for one thread at a time."""
    global _timing
    outer, _timing = _timing, Timing()
    try:
        yield _timing
    finally:
        _timing = outer


class part:
    """A stretch of work with a name."""

    __slots__ = ("_name", "_timing")

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._timing = _timing
        if _timing is not None:
            _timing.enter(self._name)

    def __exit__(self, *error: object) -> None:
        if self._timing is not None:
            self._timing.leave()


def count(operations: float) -> None:
    """Floating-point operations done within the part that is open."""
    if _timing is not None:
        _timing.count(operations)


def spent(names: Sequence[str], seconds: Sequence[float], multiplied: Sequence[int], count: int) -> None:
    """What the part that is open did in stretches that have names of their own.

    Args:
        names: of the stretches.
        seconds: of each.
        multiplied: multiply-adds of each, for every one of `count` rows.
    """
    if _timing is not None:
        for name, time_, each in zip(names, seconds, multiplied, strict=True):
            _timing.move(name, time_, 2.0 * each * count)
