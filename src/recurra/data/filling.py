"""Numbers that are missing from a series, made up from those around them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

Filling = Literal["previous", "linear", "mean", "zero"]
"""What stands for a missing number: the one before it; the line between its neighbours (after the last one,
that one); the mean of all before it; nought. None but "linear" looks ahead.
"""


class Filled(NamedTuple):
    """Rows without missing numbers.

    Attributes:
        start: how many rows at the beginning are left out, since nothing stands before them.
        rows: `[T - start, C]`. blanks: the same shape; which of them were missing.
    """

    start: int
    rows: Tensor
    blanks: Tensor


def fill(rows: Tensor, filling: Filling) -> Filled:
    """`[T, C]` with NaN for what is missing -> what stands for it, column by column."""
    blanks = rows.isnan()
    present = ~blanks
    steps = torch.arange(len(rows))[:, None]
    start = 0
    if filling != "zero":
        complete = present.long().cumsum(0).gt(0).all(1)
        start = int(complete.long().argmax()) if bool(complete.any()) else len(rows)
    if filling == "zero":
        values = rows.nan_to_num(0.0)
    elif filling == "mean":
        sums, counts = rows.double().nan_to_num(0.0).cumsum(0), present.long().cumsum(0)
        values = torch.where(present, rows, (sums / counts.clamp_min(1)).to(rows.dtype))
    else:
        last = torch.where(present, steps, -1).cummax(0).values
        values = rows.gather(0, last.clamp_min(0))
        if filling == "linear":
            end = len(rows)
            later = torch.where(present, steps, end).flip(0).cummin(0).values.flip(0)
            share = (steps - last) / (later - last).clamp_min(1)
            line = torch.lerp(values, rows.gather(0, later.clamp_max(end - 1)), share.to(rows.dtype))
            values = torch.where(present | (later == end), values, line)
    return Filled(start, values[start:], blanks[start:])
