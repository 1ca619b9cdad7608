"""Things worth telling about data that are not errors."""

from __future__ import annotations

from typing import NamedTuple


class Note(NamedTuple):
    """One remark: where (None for the data as a whole) and what."""

    place: str | None
    message: str

    def __str__(self) -> str:
        return self.message if self.place is None else f"{self.place}: {self.message}"
