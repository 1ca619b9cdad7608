"""The batches of an epoch, each made when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class Epoch(Sequence[Any]):
    """`make(position)` for positions below `count`."""

    def __init__(self, count: int, make: Callable[[int], Any]) -> None:
        self._count, self._make = count, make

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, position: Any) -> Any:
        if not isinstance(position, int):
            raise TypeError(f"a batch is had by its number, not by {position!r}")
        if not -self._count <= position < self._count:
            raise IndexError(f"batch {position} of {self._count}")
        return self._make(position % self._count)
