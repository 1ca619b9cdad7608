"""The step of a series: so much time, days on the clock, months, or working days; found from its stamps."""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import pairwise
from typing import Any, Protocol

from recurra.data.clocks import Clock, Moment, NumberClock, Ticks
from recurra.data.stamps import DAY, SECOND

_EPOCH = date(1970, 1, 1).toordinal()
AnyClock = Clock | NumberClock


class Step(Protocol):
    """What lies between two rows of a series."""

    def ahead(self, moment: Moment, count: int, clock: AnyClock) -> Moment:
        """The moment `count` steps after another one."""

    def count(self, first: Moment, second: Moment) -> int | None:
        """How many steps lie between two moments, where they are whole; else None."""

    def fitted(self, row: Sequence[Moment]) -> Step:
        """The same step as this series takes it: monthly ones have a day of the month each."""

    def describe(self) -> str:
        """In words, as "1 hour"."""

    def to_table(self) -> dict[str, Any]:
        """What `step_of` reads."""


@dataclass(frozen=True)
class Elapsed:
    """So much time, whatever the clock shows: `size` nanoseconds, or a number.

    Stamps are off by up to `slack`, where they are rounded.
    """

    size: Ticks
    calendar: bool = False
    slack: Ticks = 0

    def ahead(self, moment: Moment, count: int, clock: AnyClock) -> Moment:
        return clock.at(moment.instant + count * self.size)

    def count(self, first: Moment, second: Moment) -> int | None:
        return _whole(second.instant - first.instant, self.size, self.slack)

    def fitted(self, row: Sequence[Moment]) -> Step:
        return self

    def describe(self) -> str:
        return _duration(self.size) if self.calendar else f"{float(self.size):g}"

    def to_table(self) -> dict[str, Any]:
        values = {"size": str(self.size), "slack": str(self.slack), "calendar": self.calendar}
        return {"kind": "elapsed", **values}


@dataclass(frozen=True)
class WallClock:
    """So much on the clock of a place, `size` nanoseconds: a day is a day, of 23 hours too."""

    size: Ticks

    def ahead(self, moment: Moment, count: int, clock: AnyClock) -> Moment:
        return clock.moment(moment.wall + count * self.size)

    def count(self, first: Moment, second: Moment) -> int | None:
        return _whole(second.wall - first.wall, self.size, 0)

    def fitted(self, row: Sequence[Moment]) -> Step:
        return self

    def describe(self) -> str:
        return _duration(self.size)

    def to_table(self) -> dict[str, Any]:
        return {"kind": "clock", "size": str(self.size)}


@dataclass(frozen=True)
class Months:
    """`size` months; `day` is one of `DAYS`, or the number of a day (in shorter months their last one)."""

    size: int
    day: str

    def ahead(self, moment: Moment, count: int, clock: AnyClock) -> Moment:
        month, rest = _month(moment.wall)
        return clock.moment(_first_of(month + count * self.size, self.day) + rest)

    def count(self, first: Moment, second: Moment) -> int | None:
        (a, rest), (b, other) = _month(first.wall), _month(second.wall)
        fits = rest == other and _fits_day(first.wall, self.day) and _fits_day(second.wall, self.day)
        return (b - a) // self.size if fits and (b - a) % self.size == 0 else None

    def fitted(self, row: Sequence[Moment]) -> Step:
        walls = [moment.wall for moment in row]
        return (
            self
            if all(_fits_day(wall, self.day) for wall in walls)
            else Months(self.size, day_of_month(walls))
        )

    def describe(self) -> str:
        unit = "year" if self.size % 12 == 0 else "quarter" if self.size % 3 == 0 else "month"
        count = self.size // {"year": 12, "quarter": 3, "month": 1}[unit]
        return f"{count} {unit}{'s' if count > 1 else ''}{_DAY_WORDS.get(self.day, '')}"

    def to_table(self) -> dict[str, Any]:
        return {"kind": "months", "size": self.size, "day": self.day}


@dataclass(frozen=True)
class WorkingDays:
    """One working day; `weekdays` are those worked on, 0 a Monday."""

    weekdays: tuple[int, ...]

    def ahead(self, moment: Moment, count: int, clock: AnyClock) -> Moment:
        day, rest = divmod(moment.wall, DAY)
        for _ in range(count):
            day += 1
            while _weekday(day) not in self.weekdays:
                day += 1
        return clock.moment(day * DAY + rest)

    def count(self, first: Moment, second: Moment) -> int | None:
        (a, rest), (b, other) = divmod(first.wall, DAY), divmod(second.wall, DAY)
        if rest != other or not {_weekday(a), _weekday(b)} <= set(self.weekdays):
            return None
        weeks, left = divmod(int(b - a), 7)
        return weeks * len(self.weekdays) + sum(_weekday(a + k + 1) in self.weekdays for k in range(left))

    def fitted(self, row: Sequence[Moment]) -> Step:
        return self

    def describe(self) -> str:
        return "1 working day"

    def to_table(self) -> dict[str, Any]:
        return {"kind": "working days", "weekdays": list(self.weekdays)}


def step_of(table: Mapping[str, Any]) -> Step:
    """The step that `to_table` told.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    kind = table["kind"]
    if kind == "elapsed":
        size, slack = _ticks(table["size"]), _ticks(table["slack"])
        return Elapsed(_positive(size), bool(table["calendar"]), slack)
    if kind == "clock":
        return WallClock(_positive(_ticks(table["size"])))
    if kind == "months":
        day = str(table["day"])
        if day not in DAYS and not 1 <= int(day) <= 31:
            raise ValueError("no such day")
        return Months(int(_positive(int(table["size"]))), day)
    if kind == "working days":
        weekdays = tuple(int(day) for day in table["weekdays"])
        if not weekdays or not set(weekdays) <= set(range(7)):
            raise ValueError("no such weekdays")
        return WorkingDays(weekdays)
    raise ValueError("no such step")


def find_step(rows: Sequence[Sequence[Moment]], clock: AnyClock) -> Step | None:
    """The step that most neighbours are apart; None where there are none.

    Where several kinds fit equally often, months go before days on the clock, these before so much time, and
    that before working days.
    """
    pairs = [pair for row in rows for pair in pairwise(row)]
    if not pairs:
        return None
    elapsed = _elapsed(pairs, clock)
    if not clock.calendar:
        return elapsed
    wall = WallClock(_commonest([b.wall - a.wall for a, b in pairs]))
    by_clock: list[Step] = [wall, elapsed] if wall.size % DAY == 0 else [elapsed, wall]
    candidates: list[Step] = [*_months(pairs), *by_clock, *_working_days(pairs)]
    return max(candidates, key=lambda step: _fits(step, rows))


def day_of_month(walls: Sequence[Ticks]) -> str:
    """Which day of their months most of these times have: one of `DAYS`, or a number."""
    numbers = [_date(wall).day for wall in walls]
    candidates = [
        "end",
        *(str(day) for day in sorted(set(numbers), reverse=True)),
        "first working",
        "last working",
    ]
    return max(candidates, key=lambda day: sum(_fits_day(wall, day) for wall in walls))


def _first_working(year: int, month: int) -> int:
    weekday = date(year, month, 1).weekday()
    return 8 - weekday if weekday > 4 else 1


def _last_working(year: int, month: int) -> int:
    last = _last(year, month)
    return last - max(0, date(year, month, last).weekday() - 4)


def _last(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]


DAYS: dict[str, Callable[[int, int], int]] = {
    "end": _last,
    "first working": _first_working,
    "last working": _last_working,
}
"""Days that are not the same number in every month, as functions of year and month."""

_DAY_WORDS = {
    "end": ", at its end",
    "first working": ", on its first working day",
    "last working": ", on its last working day",
}


def _elapsed(pairs: Sequence[tuple[Moment, Moment]], clock: AnyClock) -> Elapsed:
    gaps = [b.instant - a.instant for a, b in pairs]
    size = _commonest(gaps)
    unit = clock.unit
    if not unit or 4 * unit > size:
        return Elapsed(size, clock.calendar)
    near = [gap for gap in gaps if -unit <= gap - size <= unit]
    if len(set(near)) < 2:
        return Elapsed(size, clock.calendar)
    return Elapsed(Fraction(sum(near), len(near)), clock.calendar, unit)


def _months(pairs: Sequence[tuple[Moment, Moment]]) -> Iterator[Months]:
    long = [(a, b) for a, b in pairs if b.wall - a.wall >= 28 * DAY]
    if 2 * len(long) >= len(pairs):
        size = Counter(_month(b.wall)[0] - _month(a.wall)[0] for a, b in long).most_common(1)[0][0]
        if size > 0:
            yield Months(size, day_of_month([moment.wall for pair in pairs for moment in pair]))


def _working_days(pairs: Sequence[tuple[Moment, Moment]]) -> Iterator[WorkingDays]:
    days = {_weekday(moment.wall // DAY) for pair in pairs for moment in pair}
    free = set(range(7)) - days
    if not free or min(b.wall - a.wall for a, b in pairs) > 3 * DAY:
        return
    if days <= {0, 1, 2, 3, 4}:
        yield WorkingDays((0, 1, 2, 3, 4))
    weeks = sum(b.wall - a.wall == (len(free) + 1) * DAY for a, b in pairs)  # free days in between
    if len(days) in (5, 6) and weeks >= 2:
        yield WorkingDays(tuple(sorted(days)))


def _fits(step: Step, rows: Sequence[Sequence[Moment]]) -> int:
    """How many neighbours are that step apart."""
    return sum(
        each.count(*pair) == 1 for row in rows for each in (step.fitted(row),) for pair in pairwise(row)
    )


def _commonest(gaps: Sequence[Ticks]) -> Ticks:
    """The commonest gap; what differs by the rounding of floating-point numbers counts as the same."""
    classes = Counter(float(f"{float(gap):.9g}") for gap in gaps)
    best = classes.most_common(1)[0][0]
    return Counter(gap for gap in gaps if float(f"{float(gap):.9g}") == best).most_common(1)[0][0]


def _whole(gap: Ticks, size: Ticks, slack: Ticks) -> int | None:
    """How many steps a gap is, where it is whole."""
    count = int((2 * gap + size) // (2 * size))
    rest = gap - count * size
    if -slack <= rest <= slack or -size <= rest * 10**6 <= size:
        return count
    return None


def _month(wall: Ticks) -> tuple[int, Ticks]:
    """Months since year 0, and the time of the day."""
    day = _date(wall)
    return day.year * 12 + day.month - 1, wall % DAY


def _first_of(month: int, rule: str) -> int:
    """Nanoseconds since 1970 of the day of a month, counted since year 0, at which its row stands."""
    year, number = month // 12, month % 12 + 1
    return (date(year, number, _day(year, number, rule)).toordinal() - _EPOCH) * DAY


def _day(year: int, month: int, rule: str) -> int:
    return DAYS[rule](year, month) if rule in DAYS else min(int(rule), _last(year, month))


def _fits_day(wall: Ticks, rule: str) -> bool:
    day = _date(wall)
    return day.day == _day(day.year, day.month, rule)


def _date(wall: Ticks) -> date:
    return date.fromordinal(_EPOCH + int(wall // DAY))


def _weekday(day: Ticks) -> int:
    return int(day + 3) % 7


def _ticks(text: str) -> Ticks:
    value = Fraction(str(text))
    return int(value) if value.denominator == 1 else value


def _positive(size: Ticks) -> Ticks:
    if size <= 0:
        raise ValueError("a step of nothing")
    return size


def _duration(size: Ticks) -> str:
    seconds = Fraction(size, SECOND)
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds % length == 0:
            count = seconds // length
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{float(seconds):g} second{'' if seconds == 1 else 's'}"
