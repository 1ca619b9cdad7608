"""The entries of a table that a file holds, each of the one type that was written: `true` is no number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from recurra.errors import Fault, quoted

T = TypeVar("T")


class Fields:
    """A table out of a file, read entry by entry.

    Args:
        table: what the file holds in its place; anything may stand there.
        where: the file, and the place in it, for messages.

    Raises:
        Fault: it is no table; and so does each reading where the entry is missing or of another type.
    """

    def __init__(self, table: Any, where: str) -> None:
        if not isinstance(table, Mapping):
            raise Fault(f"{where}: {quoted(table)} found, expected a table")
        self._table, self.where = table, where

    def whole(self, name: str, least: int = 0) -> int:
        """A whole number of at least `least`."""
        value = self._one(name, is_whole, f"a whole number of at least {least}")
        if value < least:
            raise self._wrong(name, f"a whole number of at least {least}")
        return int(value)

    def number(self, name: str) -> float:
        """A finite number."""
        return float(self._one(name, is_number, "a number"))

    def text(self, name: str) -> str:
        """A text."""
        return str(self._one(name, is_text, "a text"))

    def flag(self, name: str) -> bool:
        """True or false."""
        return bool(self._one(name, lambda value: isinstance(value, bool), "true or false"))

    def wholes(self, name: str) -> list[int]:
        """A list of whole numbers from 0 on."""
        return self._list(name, lambda value: is_whole(value) and value >= 0, "whole numbers")

    def numbers(self, name: str) -> list[float]:
        """A list of finite numbers."""
        return self._list(name, is_number, "numbers")

    def texts(self, name: str) -> list[str]:
        """A list of texts."""
        return self._list(name, is_text, "texts")

    def table(self, name: str) -> Mapping[str, Any]:
        """A table."""
        table: Mapping[str, Any] = self._one(name, lambda value: isinstance(value, Mapping), "a table")
        return table

    def value(self, name: str) -> Any:
        """Anything."""
        if name not in self._table:
            raise Fault(f"{self.where}: {quoted(name)} is missing: it is damaged or from another version")
        return self._table[name]

    def _one(self, name: str, fits: Callable[[Any], bool], kind: str) -> Any:
        if not fits(self.value(name)):
            raise self._wrong(name, kind)
        return self._table[name]

    def _list(self, name: str, fits: Callable[[Any], bool], kind: str) -> list[Any]:
        values = self._one(name, lambda value: isinstance(value, list), f"a list of {kind}")
        for place, value in enumerate(values):
            if not fits(value):
                raise Fault(
                    f"{self.where}: {name}[{place}] = {quoted(value)} found, expected a list of {kind}"
                )
        return list(values)

    def _wrong(self, name: str, kind: str) -> Fault:
        return Fault(f"{self.where}: {name} = {quoted(self._table[name])} found, expected {kind}")


def is_whole(value: object) -> bool:
    """Whether a value out of a file is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """Whether a value out of a file is a finite number."""
    return is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def is_text(value: object) -> bool:
    """Whether a value out of a file is a text, and one that can be written again."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a character, which JSON can spell
        return False
    return True
