"""Sequences as numbers: one number for each, however it was come by."""

from __future__ import annotations

ROOT = 0
"""The empty sequence."""


class Prefixes:
    """Every sequence that was ever grown from another by one symbol."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, int], int] = {}
        self._grown: list[tuple[int, int]] = [(ROOT, -1)]

    def child(self, node: int, symbol: int) -> int:
        """The number of a sequence and one symbol more."""
        key = node, symbol
        number = self._numbers.setdefault(key, len(self._grown))
        if number == len(self._grown):
            self._grown.append(key)
        return number

    def symbols(self, node: int) -> list[int]:
        """The sequence of a number."""
        found = []
        while node != ROOT:
            node, symbol = self._grown[node]
            found.append(symbol)
        return found[::-1]
