"""Sequences as numbers: one number for each, however it was come by."""

from __future__ import annotations

ROOT = 0
"""The empty sequence."""


class Prefixes:
    """Every sequence that was ever grown from another by one symbol."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, int], int] = {}
        self._parents: list[tuple[int, int]] = [(ROOT, -1)]  # of each number: what it grew from, and by what

    def child(self, node: int, symbol: int) -> int:
        """The number of a sequence and one symbol more."""
        key = node, symbol
        number = self._numbers.setdefault(key, len(self._parents))
        if number == len(self._parents):
            self._parents.append(key)
        return number

    def symbols(self, node: int) -> list[int]:
        """The sequence of a number."""
        symbols = []
        while node != ROOT:
            node, symbol = self._parents[node]
            symbols.append(symbol)
        return symbols[::-1]
