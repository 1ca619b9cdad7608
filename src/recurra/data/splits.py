"""Parts of the data held out."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from recurra.errors import Fault


class Split(NamedTuple):
    """Indices to train on and indices held out; disjoint, each in rising order."""

    train: Sequence[int]
    held_out: Sequence[int]


def hold_out(
    count: int, fraction: int | float, *, where: Literal["last", "first", "random"] = "last", seed: int = 0
) -> Split:
    """Holds out a fraction of `count` examples (or tokens), or so many where it is an `int`: the last, the
    first, or some drawn from `seed`.

    Of a fraction the training part is rounded down. Fault when a part would be empty.
    """
    if where not in ("last", "first", "random"):
        raise Fault(f"where = {where!r} found, expected 'last', 'first' or 'random'")
    if fraction <= 0 or (fraction >= 1 and not isinstance(fraction, int)):
        raise Fault(f"fraction = {fraction} found, expected more than 0 and less than 1, or a whole number")
    train_size = count - fraction if isinstance(fraction, int) else int(count * (1 - fraction))
    if train_size <= 0 or train_size == count:
        raise Fault(f"holding out {fraction} of {count} examples leaves one part empty: give more data")
    if where == "last":
        return Split(range(train_size), range(train_size, count))
    if where == "first":
        return Split(range(count - train_size, count), range(count - train_size))
    order = list(range(count))
    random.Random(f"hold_out:{seed}").shuffle(order)
    return Split(sorted(order[:train_size]), sorted(order[train_size:]))


def hold_out_indices(count: int, indices: Iterable[int]) -> Split:
    """Holds out the examples at these indices."""
    held_out = set(indices)
    outside = sorted(i for i in held_out if not 0 <= i < count)
    if outside:
        raise Fault(f"index {outside[0]} found, expected 0 to {count - 1}")
    if not held_out or len(held_out) == count:
        raise Fault(f"holding out {len(held_out)} of {count} examples leaves one part empty")
    return Split([i for i in range(count) if i not in held_out], sorted(held_out))
