"""Measurements over time: series, their parts, and windows of them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import NamedTuple

import torch
from torch import Tensor

from recurra.data import columns
from recurra.data.examples import Examples, Place
from recurra.data.times import Gaps, calendar, check_order, is_clock, parse_time, pieces, usual_step
from recurra.errors import Fault


class Series(NamedTuple):
    """One run of evenly spaced measurements.

    Attributes:
        name: which series it is of. values: `[T, V]`. known: `[T, K]`, known ahead of time.
        times: one for each step, seconds where `clock`. places: where each row stands.
    """

    name: str
    values: Tensor
    known: Tensor
    times: list[float]
    places: list[Place]
    clock: bool


def read_series(
    examples: Examples,
    values: Sequence[str],
    *,
    known: Sequence[str] = (),
    time: str | None = None,
    name: str | None = None,
    gaps: Gaps = "fault",
    cycles: Sequence[str] = (),
) -> tuple[list[Series], float]:
    """The series of a table, and the time between two steps.

    Args:
        values, known: columns of numbers. time: column of time stamps; None: rows are in order.
        name: column that tells series apart; None: there is one a file.
        gaps: what to do where a time stamp is missing. cycles: see `calendar`.

    Raises:
        Fault: an entry that is no number or no time stamp; time stamps missing, doubled or out of order.
    """
    rows = columns.numbers(examples, *values)
    ahead = columns.numbers(examples, *known) if known else torch.zeros(len(examples), 0)
    stamps, clock = _stamps(examples, time)
    if cycles and not clock:
        raise Fault(f"{examples.source}: calendar = {list(cycles)} needs a column of dates: set time to one")
    groups = _groups(examples, name)
    for at in groups.values():
        check_order([stamps[i] for i in at], [examples.places[i] for i in at], clock)
    step = usual_step([[stamps[i] for i in at] for at in groups.values()])
    runs = []
    for (_, label), at in groups.items():
        times, places = [stamps[i] for i in at], [examples.places[i] for i in at]
        extra = torch.cat([ahead[at], calendar(times, cycles)], 1)
        for a, b in pieces(times, places, step, gaps, clock):
            runs.append(Series(label, rows[at[a:b]], extra[a:b], times[a:b], places[a:b], clock))
    return runs, step


class Windows:
    """Windows of `context + horizon` steps over series, told apart by where their forecast begins.

    Args:
        series: what they are taken of. context, horizon: steps read and steps to tell.
        parts: for each series the first step and the end of where forecasts may lie; contexts may reach back
            before it. stride: steps between two windows.
    """

    def __init__(
        self,
        series: Sequence[Series],
        context: int,
        horizon: int,
        parts: Sequence[tuple[int, int]],
        stride: int = 1,
    ) -> None:
        self.series, self.context, self.horizon = list(series), context, horizon
        self.origins: list[tuple[int, int]] = []
        for number, (start, end) in enumerate(parts):
            first = max(start, context)
            self.origins += [(number, at) for at in range(first, end - horizon + 1, stride)]
        self._values = torch.cat([each.values for each in series])
        self._ahead = torch.cat([each.known for each in series])
        lengths = torch.tensor([len(each.values) for each in series])
        offsets = torch.cumsum(lengths, 0) - lengths
        numbers, at = torch.tensor(self.origins, dtype=torch.int64).reshape(-1, 2).unbind(1)
        self._starts = offsets[numbers] + at - context

    def __len__(self) -> int:
        return len(self.origins)

    def take(self, numbers: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Contexts `[B, L, V]`, futures `[B, H, V]` and what is known of both, `[B, L + H, K]`."""
        starts = self._starts[torch.as_tensor(numbers, dtype=torch.int64)]
        places = starts[:, None] + torch.arange(self.context + self.horizon)
        values = self._values[places]
        return values[:, : self.context], values[:, self.context :], self._ahead[places]

    def only(self, numbers: Sequence[int]) -> Windows:
        """The same series with these windows alone."""
        other = copy(self)
        other.origins = [self.origins[k] for k in numbers]
        other._starts = self._starts[torch.as_tensor(numbers, dtype=torch.int64)]
        return other

    def spaced_numbers(self, count: int) -> list[int]:
        """The numbers of at most `count` of them, evenly spaced."""
        return torch.linspace(0, len(self) - 1, min(count, len(self))).round().long().tolist()


def cut(length: int, shares: Sequence[float], where: str) -> list[tuple[int, int]]:
    """Consecutive parts of a series of `length` rows: numbers of rows, or shares of them."""
    whole = all(float(share).is_integer() for share in shares) and sum(shares) > 1
    sizes = [int(share) if whole else int(length * share + 1e-9) for share in shares]
    if min(shares) < 0 or (not whole and sum(shares) > 1 + 1e-9):
        raise Fault(f"parts = {list(shares)}: expected numbers of rows, or shares that sum to at most 1")
    if sum(sizes) > length:
        raise Fault(f"{where}: parts = {list(shares)} take {sum(sizes)} rows, but it has {length}")
    ends = [sum(sizes[: k + 1]) for k in range(len(sizes))]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _stamps(examples: Examples, time: str | None) -> tuple[list[float], bool]:
    if time is None:
        return [float(k) for k in range(len(examples))], False
    entries = examples[time]
    clock = any(is_clock(entry) for entry in entries if entry not in (None, ""))
    return [parse_time(c, p, time) for c, p in zip(entries, examples.places, strict=True)], clock


def _groups(examples: Examples, name: str | None) -> dict[tuple[str, str], list[int]]:
    labels = [""] * len(examples) if name is None else columns.labels(examples, name)
    groups: dict[tuple[str, str], list[int]] = {}
    for index, (place, label) in enumerate(zip(examples.places, labels, strict=True)):
        groups.setdefault((place.file, label), []).append(index)
    return groups
