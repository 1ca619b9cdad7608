"""Every prefix of every row, as rows of their own."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from recurra.ragged import Ragged


def prefixes(rows: Ragged, steps: int) -> Iterator[Ragged]:
    """For each place of `rows`, in order, the row up to and with it; some at a time, of about `steps` steps
    together.
    """
    lengths = (rows.step_of + 1).cpu()
    order = torch.arange(len(rows)) if rows.order is None else rows.order.cpu()
    row_lengths = rows.lengths
    starts = (torch.cumsum(row_lengths, 0) - row_lengths)[order[rows.row_of.cpu()]]
    joined = rows.to_joined()
    part = torch.cumsum(lengths, 0) // max(1, steps)
    for chosen in torch.split(
        torch.arange(len(lengths)), torch.unique_consecutive(part, return_counts=True)[1].tolist()
    ):
        yield Ragged.from_joined(joined, starts[chosen], lengths[chosen])
