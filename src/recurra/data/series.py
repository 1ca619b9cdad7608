"""Measurements over time: series, their parts, and windows of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

import torch
from torch import Tensor

from recurra.data import columns
from recurra.data.clocks import Moment
from recurra.data.examples import Examples, Place
from recurra.data.filling import Filling, fill
from recurra.data.gaps import Gaps, following, pieces, without_gaps
from recurra.data.steps import AnyClock, Elapsed, Step, find_step
from recurra.data.times import Times, calendar, check_order, numbered, read_times, wall_seconds
from recurra.errors import Fault


class Series(NamedTuple):
    """One run of evenly spaced measurements.

    Attributes:
        name: which series it is of. values: `[T, V]`. known: `[T, K]`, known ahead of time.
        times: one for each step. places: where each row stands.
        clock: on which times are read, and which writes them as the file does.
        step: between two rows; None where one row alone tells none.
        blanks: `[T, V]`, which of the values were missing and are made up; None: none can be.
    """

    name: str
    values: Tensor
    known: Tensor
    times: list[Moment]
    places: list[Place]
    clock: AnyClock
    step: Step | None
    blanks: Tensor | None = None


class SeriesFormat(NamedTuple):
    """What is to hold of a table because it held of the training data; None: as the table shows.

    Attributes:
        calendar: whether time stamps are dates. step: between two rows.
    """

    calendar: bool | None = None
    step: Step | None = None


_ANY = SeriesFormat()


def read_series(
    examples: Examples,
    values: Sequence[str],
    *,
    known: Sequence[str] = (),
    time: str | None = None,
    name: str | None = None,
    gaps: Gaps = "error",
    cycles: Sequence[str] = (),
    zone: ZoneInfo | None = None,
    expected: SeriesFormat = _ANY,
    advice: str = columns.CORRECT_ROWS,
    filling: Filling | None = None,
) -> tuple[list[Series], Step | None]:
    """The series of a table, and the step between two rows.

    Args:
        values, known: columns of numbers. time: column of time stamps; None: rows are in order.
        name: column that tells series apart; None: there is one a file.
        gaps: what to do where a time stamp is missing; "fill": rows without numbers stand there.
        cycles: see `calendar`.
        zone: see `read_times`. expected: what is to hold of the table.
        advice: what to do about several entries that are no numbers.
        filling: what stands for missing numbers; None: they are a Fault.

    Raises:
        Fault: an entry that is no number or no time stamp; time stamps missing, doubled or out of order;
            another step than the one expected; a series without any number in a column.
    """
    table = _numbers(examples, [*values, *known], advice, filling)
    rows, ahead = table[:, : len(values)], table[:, len(values) :]
    groups = _groups(examples, name)
    stamps = _times(examples, time, list(groups.values()), zone, expected)
    if cycles and not stamps[0].clock.calendar:
        raise Fault(f"{examples.source}: calendar = {list(cycles)} needs a column of dates: set time to one")
    for at, times in zip(groups.values(), stamps, strict=True):
        check_order(times, [examples.places[i] for i in at])
    even = time is None
    step: Step | None = Elapsed(1) if even else _step(examples, stamps, gaps, expected)
    runs = []
    for ((_, label), at), times in zip(groups.items(), stamps, strict=True):
        own = None if step is None else step.fitted(times.moments)
        index, moments = list(at), list(times.moments)
        if gaps == "fill" and own is not None and not even:
            index, moments = without_gaps(times, at, [examples.places[i] for i in at], own)
        places = [examples.places[k] for k in following(index)]
        measured, extra = _rows(rows, index), _rows(ahead, index)
        for a, b in pieces(Times(moments, times.clock), places, own, "allow" if even else gaps):
            part = Series(label, measured[a:b], extra[a:b], moments[a:b], places[a:b], times.clock, own)
            part = part if filling is None else _without_blanks(part, filling)
            if cycles:
                days = calendar(wall_seconds(part.times), cycles)
                part = part._replace(known=torch.cat([part.known, days], 1))
            runs.append(part)
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
        raise Fault(f"split = {list(shares)}: expected numbers of rows, or shares that sum to at most 1")
    if sum(sizes) > length:
        raise Fault(f"{where}: split = {list(shares)} take {sum(sizes)} rows, but it has {length}")
    ends = [sum(sizes[: k + 1]) for k in range(len(sizes))]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _numbers(examples: Examples, names: Sequence[str], advice: str, filling: Filling | None) -> Tensor:
    """`[N, C]`, NaN where a number is missing and may be."""
    if filling is None:
        return columns.numbers(examples, *names, advice=advice)
    table, wrong = columns.read_numbers(examples, *names)
    strange = [each for each in wrong if not each.missing]
    if strange:
        raise columns.told_together(strange, columns.CORRECT_ROWS)
    return table


def _rows(table: Tensor, index: Sequence[int]) -> Tensor:
    """Rows of a table; NaN for -1."""
    at = torch.tensor(index, dtype=torch.int64)
    return table[at.clamp_min(0)].masked_fill((at < 0)[:, None], math.nan)


def _without_blanks(part: Series, filling: Filling) -> Series:
    """A piece of a series with every number; it begins where there is one in every column."""
    width = part.values.shape[1]
    start, rows, blanks = fill(torch.cat([part.values, part.known], 1), filling)
    if not len(rows):
        what = f"series {part.name!r}" if part.name else "the series"
        raise Fault(
            f"{part.places[0]}: {what} that begins here has a column without any number: leave the series "
            f"out, or set incomplete = 'zero'"
        )
    return part._replace(
        values=rows[:, :width],
        known=rows[:, width:],
        times=part.times[start:],
        places=part.places[start:],
        blanks=blanks[:, :width],
    )


def _times(
    examples: Examples,
    time: str | None,
    groups: Sequence[Sequence[int]],
    zone: ZoneInfo | None,
    expected: SeriesFormat,
) -> list[Times]:
    if time is None:
        return [numbered(group) for group in groups]
    return read_times(examples, time, groups, zone=zone, calendar=expected.calendar)


def _step(examples: Examples, stamps: Sequence[Times], gaps: Gaps, expected: SeriesFormat) -> Step | None:
    rows = [times.moments for times in stamps]
    step = find_step(rows, stamps[0].clock)
    if expected.step is None or gaps == "allow":
        return step
    pairs = [pair for row in rows for pair in pairwise(row)]
    if step is not None and not any(expected.step.fitted(pair).count(*pair) for pair in pairs):
        raise Fault(
            f"{examples.source}: rows {step.describe()} apart found, expected {expected.step.describe()} as "
            f"in training"
        )
    return expected.step


def _groups(examples: Examples, name: str | None) -> dict[tuple[str, str], list[int]]:
    labels = [""] * len(examples) if name is None else columns.labels(examples, name)
    groups: dict[tuple[str, str], list[int]] = {}
    for index, (place, label) in enumerate(zip(examples.places, labels, strict=True)):
        groups.setdefault((place.file, label), []).append(index)
    return groups
