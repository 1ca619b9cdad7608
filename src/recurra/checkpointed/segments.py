"""A run over time cut into pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from recurra.errors import Fault


class Segment(NamedTuple):
    """Some steps of packed rows: their places in the data, and their batch sizes."""

    places: slice
    sizes: Sequence[int]


def segments(batch_sizes: Sequence[int], every: int, reverse: bool) -> list[Segment]:
    """Segments of `every` steps (the one at the end of time may be shorter), in the order of the run."""
    made, place = [], 0
    for first in range(0, len(batch_sizes), every):
        sizes = batch_sizes[first : first + every]
        made.append(Segment(slice(place, place + sum(sizes)), sizes))
        place += sum(sizes)
    return made[::-1] if reverse else made


def require_every(every: int | None) -> None:
    """Fault unless it is a number of steps, or None."""
    if every is not None and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
        raise Fault(f"checkpoint_every is {every!r}, expected a number of steps of at least 1, or None")
