"""The weights of a cell by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from recurra.tracing.trace import fixed_leaves


class Weights(Mapping[str, Tensor]):
    """A cell's parameters and buffers as its step would read them now."""

    def __init__(self, cell: nn.Module) -> None:
        self._cell = cell

    def __getitem__(self, name: str) -> Tensor:
        *path, last = name.split(".")
        part: Any = self._cell
        for child in path:
            part = getattr(part, child)
        weight: Tensor = getattr(part, last)
        return weight

    def __iter__(self) -> Iterator[str]:
        return iter(fixed_leaves(self._cell))

    def __len__(self) -> int:
        return len(fixed_leaves(self._cell))
