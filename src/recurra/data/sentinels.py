"""Numbers that seem to stand for no value: -999 among temperatures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_NINES = 99
_LEAST_DISTINCT = 5
"""Other numbers that a column must have, for one far from them to be strange."""


def sentinel_notes(names: Sequence[str], rows: Tensor, *, listed: bool = True) -> list[str]:
    """A remark for each column in which one extreme number comes again and again, far from all others.

    That is: it stands twice or more, but in no more than half of the rows (or it is 99, 999, 9999, ... or one
    of their negatives), and lies further from the nearest other number than these are spread.

    Args:
        names: of the columns, as messages have them. rows: `[N, C]`.
        listed: whether a source's `missing` can list the number.
    """
    notes = []
    for name, column in zip(names, rows.unbind(1), strict=True):
        while len(column) and (value := _strange(column)) is not None:
            same = column == value
            column = column[~same]
            low, high = (float(end) for end in torch.aminmax(column))
            advice = f"add missing = ['{value:.7g}'] to the source" if listed else "leave those examples out"
            notes.append(
                f"{name}: {value:.7g} stands {int(same.sum()):,} times, far outside the range of the others, "
                f"{low:.7g} to {high:.7g}: if it means no value, {advice}"
            )
    return notes


def _strange(column: Tensor) -> float | None:
    low, high = (float(end) for end in torch.aminmax(column))
    for value in (low, high):
        others = column[column != value]
        if not len(others):
            return None
        count = len(column) - len(others)
        nines = _is_nines(value)
        if not nines and not 2 <= count <= len(column) // 2:
            continue
        start, end = (float(bound) for bound in torch.aminmax(others))
        distance = start - value if value == low else value - end
        if distance > (end - start) * (0.5 if nines else 1) and _distinct(
            others, 2 if nines else _LEAST_DISTINCT
        ):
            return value
    return None


def _is_nines(value: float) -> bool:
    digits = f"{abs(value):.7g}".replace(".", "")
    return abs(value) >= _NINES and set(digits) == {"9"}


def _distinct(numbers: Tensor, least: int) -> bool:
    """Whether there are at least so many different numbers."""
    for _ in range(least - 1):
        numbers = numbers[numbers != numbers[0]]
        if not len(numbers):
            return False
    return True
