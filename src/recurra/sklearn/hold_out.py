"""Rows that are held out of a training, so that none of its labels is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from recurra.errors import Fault, quoted


def held_out_rows(
    count: int, part: float, seed: int, owner: str, labels: Sequence[frozenset[Hashable]] | None = None
) -> list[int]:
    """The rows to validate on, in order, drawn from the seed.

    Args:
        part: how many: a share (a fraction), or a number.
        labels: of each row; one that stands in no other row stays in training.

    Raises:
        Fault: there are too few rows, or no such part.
    """
    if isinstance(part, bool) or not isinstance(part, (int, float)) or part <= 0:
        raise Fault(f"{owner}: data.hold_out = {quoted(part)} found, expected a share or a number of rows")
    size = max(1, round(count * part)) if isinstance(part, float) else part
    if count < 2 or size >= count:
        raise Fault(f"{owner}: {count} rows found, of which {size} are held out: expected more")
    left = Counter(label for row in labels or () for label in row)
    rows: list[int] = []
    for row in np.random.default_rng(seed).permutation(count).tolist():
        own = labels[row] if labels is not None else frozenset()
        if len(rows) < size and all(left[label] > 1 for label in own):
            left.subtract(own)
            rows.append(row)
    if not rows:
        raise Fault(f"{owner}: every label stands in one row alone: no row can be held out")
    return sorted(rows)
