"""How far one row of symbols is from another, for sorting answers by how wrong they are."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher


def unlike(one: Sequence[str], other: Sequence[str]) -> float:
    """0 for the same rows, up to 1 for rows that share nothing (Ratcliff and Obershelp, 1988)."""
    return 0.0 if list(one) == list(other) else 1 - SequenceMatcher(None, one, other, autojunk=False).ratio()


def misplaced(answer: Sequence[str], truth: Sequence[str]) -> float:
    """The share of places with another symbol."""
    places = max(len(answer), len(truth), 1)
    return 1 - sum(a == b for a, b in zip(answer, truth, strict=False)) / places
