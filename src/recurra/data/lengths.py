"""Sequences too short or too long to train on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from recurra.data.examples import Place
from recurra.data.remarks import Note
from recurra.errors import Fault

LONGEST = 100_000


def check_lengths(
    lengths: Sequence[int],
    places: Sequence[Place],
    *,
    empty: Literal["error", "skip"] = "error",
    longest: int | None = LONGEST,
) -> tuple[list[int], list[Note]]:
    """The indices of the examples to keep, and notes about those dropped.

    Args:
        lengths: steps of each example.
        places: where each one stands.
        empty: what to do with a sequence of length 0: raise, naming it, or skip it, noting it.
        longest: a longer sequence is a Fault; None allows any.
    """
    if empty not in ("error", "skip"):
        raise Fault(f"empty = {empty!r} found, expected 'error' or 'skip'")
    indices: list[int] = []
    dropped: list[Place] = []
    for index, (length, place) in enumerate(zip(lengths, places, strict=True)):
        if length == 0 and empty == "error":
            raise Fault(f"{place}: a sequence of length 0: fill it, remove it, or set empty = 'skip'")
        if longest is not None and length > longest:
            raise Fault(
                f"{place}: a sequence of {length} steps, expected at most {longest}: cut it into pieces, "
                f"train on it as one stream with truncated back-propagation, or raise the limit (max_length)"
            )
        if length == 0:
            dropped.append(place)
        else:
            indices.append(index)
    notes = []
    if dropped:
        count = "1 sequence" if len(dropped) == 1 else f"{len(dropped)} sequences"
        notes.append(Note(str(dropped[0]), f"{count} of length 0 dropped, this one first"))
    if dropped and not indices:
        raise Fault(f"{dropped[0].file}: all {len(dropped)} sequences have length 0: nothing is left")
    return indices, notes
