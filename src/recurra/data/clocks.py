"""Instants and the clock of a place: UTC offsets, time zones, hours that come twice or never."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import ClassVar, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

from recurra.data.stamps import SECOND, Form
from recurra.errors import Fault, nearest

Ticks: TypeAlias = int | Fraction
"""A time: nanoseconds since 1970 on a calendar, else a number as it stands, exact."""

_EPOCH = datetime(1970, 1, 1)
_DIGITS = 15  # significant ones that a floating-point number keeps


class Moment(NamedTuple):
    """A time.

    Attributes:
        instant: in UTC. wall: as the clock of the place shows it; where times are plain numbers, the same.
    """

    instant: Ticks
    wall: Ticks


@dataclass(frozen=True)
class NumberClock:
    """Times that are plain numbers, as frames or seconds are."""

    unit: Ticks = 0
    """What the last place of a stamp counts; 0: unknown."""
    calendar: ClassVar[bool] = False

    def at(self, instant: Ticks) -> Moment:
        """An instant as the clock shows it."""
        return Moment(instant, instant)

    def moment(self, wall: Ticks) -> Moment:
        """The instant at which the clock shows that."""
        return Moment(wall, wall)

    def text(self, moment: Moment) -> int | float:
        """As it would stand in a file."""
        time = round(moment.instant / Fraction(self.unit)) * self.unit if self.unit else moment.instant
        return int(time) if time == int(time) else float(f"{float(time):.{_DIGITS}g}")


@dataclass(frozen=True)
class Clock:
    """Times of a calendar, on the clock of a place.

    Attributes:
        form: in which they are written. zone: the place, None: at a fixed offset.
        offset: seconds ahead of UTC of times to come, where there is no zone, and of what is written, where
            that is not the clock of the place.
        zoned: whether what is written is.
    """

    form: Form
    zone: ZoneInfo | None = None
    offset: int = 0
    zoned: bool = True

    calendar: ClassVar[bool] = True

    @property
    def unit(self) -> Ticks:
        """Nanoseconds that the last place of a stamp counts, where that is less than a second; else 0."""
        return self.form.unit if self.form.digits else 0

    def at(self, instant: Ticks) -> Moment:
        """An instant as the clock shows it."""
        return Moment(instant, instant + self._ahead(instant) * SECOND)

    def moment(self, wall: Ticks) -> Moment:
        """The instant at which the clock shows that: the first one, where it does so twice, and as long after
        the change, where it never does.
        """
        if self.zone is None:
            return Moment(wall - self.offset * SECOND, wall)
        first, _ = offsets(wall, self.zone)
        return self.at(wall - first * SECOND)

    def text(self, moment: Moment) -> str:
        """As it would stand in a file."""
        offset = int((moment.wall - moment.instant) // SECOND) if self.zoned else self.offset
        return self.form.write(moment.instant + offset * SECOND, offset)

    def _ahead(self, instant: Ticks) -> int:
        if self.zone is None:
            return self.offset
        seconds = int(instant // SECOND)
        ahead = (_EPOCH.replace(tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(self.zone).utcoffset()
        return _seconds(ahead)


def offsets(wall: Ticks, zone: ZoneInfo) -> tuple[int, int]:
    """Seconds ahead of UTC before and after a change at that time of the wall clock; the same without one.

    The first is the larger where the clock shows the time twice, the smaller where it never does.
    """
    local = (_EPOCH + timedelta(seconds=int(wall // SECOND))).replace(tzinfo=zone)
    return _seconds(local.utcoffset()), _seconds(local.replace(fold=1).utcoffset())


def near(first: Moment, second: Moment, clock: Clock | NumberClock) -> bool:
    """Whether two moments are the same but for how stamps are rounded."""
    gap = first.instant - second.instant
    most = max(clock.unit, 0 if clock.calendar else Fraction(second.instant) / 10**12)
    return -most <= gap <= most


@lru_cache(maxsize=64)
def find_zone(name: str) -> ZoneInfo:
    """The time zone of that name, as "Europe/Berlin".

    Raises:
        Fault: there is none, with the nearest name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        names = available_timezones()
        if not names:
            raise Fault(f"zone = {name!r}: this machine has no time zones: install tzdata") from None
        hint = nearest(name, names)
        hint = hint if "did you mean" in hint else ": expected a name as 'Europe/Berlin'"
        raise Fault(f"no time zone is called {name!r}{hint}") from None


def _seconds(offset: timedelta | None) -> int:
    return 0 if offset is None else round(offset.total_seconds())
