"""Time stamps as text: read in many forms, and written in the form that a column has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

SECOND = 10**9
DAY = 86400 * SECOND
_EPOCH = date(1970, 1, 1).toordinal()

_DATES = {
    "day": re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})", re.ASCII),
    "turned": re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})", re.ASCII),
    "compact": re.compile(r"(\d{4})()(\d{2})(\d{2})", re.ASCII),
    "compact month": re.compile(r"(\d{4})()(\d{2})", re.ASCII),
    "month": re.compile(r"(\d{4})([-/])(\d{1,2})", re.ASCII),
    "quarter": re.compile(r"(\d{4})([- ]?)Q([1-4])", re.ASCII | re.IGNORECASE),
    "week": re.compile(r"(\d{4})(-?)W(\d{2})()", re.ASCII | re.IGNORECASE),
    "weekday": re.compile(r"(\d{4})(-?)W(\d{2})\2([1-7])", re.ASCII | re.IGNORECASE),
    "yearday": re.compile(r"(\d{4})(-)(\d{3})", re.ASCII),
}
"""Kinds of date: each matches the year (or the first of two), the mark between, and the rest."""

_CLOCK = re.compile(
    r"(?P<separator>[Tt]| +)"
    r"(?:(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::(?P<second>\d{2}))?)?"
    r"|(?P<compact>\d{4}(?:\d{2})?))"
    r"(?:(?P<point>[.,])(?P<fraction>\d{1,9}))?"
    r"(?P<half> ?[AaPp][Mm])?"
    r"(?P<offset> ?(?:[Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?))?",
    re.ASCII,
)


class Form(NamedTuple):
    """How the time stamps of a column are written.

    Attributes:
        kind: of date, of `_DATES`. mark: between its parts.
        padded, hour_padded: whether days and months, and hours, have two digits always; None: nothing tells.
        day_first: where the year comes last, whether the day comes first.
        separator: between date and time. fields: of the time: 0 (a date alone), 1 hour to 3 seconds.
        colons: whether the time has colons. point: before the fraction. digits: of the fraction.
        half: " AM", "AM" or "", as hours of twelve are marked.
        offset: as "Z", " UTC", "+00:00", "+0000", "+00" stands for it; "" without one.
    """

    kind: str
    mark: str
    padded: bool | None = None
    day_first: bool = False
    separator: str = ""
    fields: int = 0
    hour_padded: bool | None = None
    colons: bool = True
    point: str = "."
    digits: int = 0
    half: str = ""
    offset: str = ""

    @property
    def unit(self) -> int:
        """Nanoseconds that the last place of a stamp counts."""
        return (
            SECOND // 10**self.digits
            if self.digits
            else (DAY, 3600 * SECOND, 60 * SECOND, SECOND)[self.fields]
        )

    def write(self, wall: int | Fraction, offset: int = 0) -> str:
        """A stamp in this form.

        Args:
            wall: nanoseconds since 1970 on the clock of the place. offset: its seconds ahead of UTC.
        """
        unit = self.unit if self.digits else 1
        days, rest = divmod(int((wall + unit // 2) // unit) * unit, DAY)
        text = self._date(date.fromordinal(_EPOCH + days))
        return text + self._time(rest) + self._offset(offset) if self.fields else text

    def _date(self, day: date) -> str:
        width = 1 if self.padded is False else 2
        iso = day.isocalendar()
        if self.kind == "turned":
            first, second = (day.day, day.month) if self.day_first else (day.month, day.day)
            return f"{first:0{width}}{self.mark}{second:0{width}}{self.mark}{day.year:04}"
        if self.kind == "quarter":
            return f"{day.year:04}{self.mark}Q{(day.month + 2) // 3}"
        if self.kind == "week":
            return f"{iso.year:04}{self.mark}W{iso.week:02}"
        if self.kind == "weekday":
            return f"{iso.year:04}{self.mark}W{iso.week:02}{self.mark}{iso.weekday}"
        if self.kind == "yearday":
            return f"{day.year:04}-{day.timetuple().tm_yday:03}"
        month = f"{day.year:04}{self.mark}{day.month:0{width}}"
        return month if self.kind.endswith("month") else f"{month}{self.mark}{day.day:0{width}}"

    def _time(self, rest: int) -> str:
        seconds, nanoseconds = divmod(rest, SECOND)
        hour, minute, second = seconds // 3600, seconds // 60 % 60, seconds % 60
        half = self.half
        if half:
            half = half.replace("A", "P").replace("a", "p") if hour >= 12 else half
            hour = (hour + 11) % 12 + 1
        width = 1 if self.hour_padded is False else 2
        parts = [f"{hour:0{width}}", f"{minute:02}", f"{second:02}"][: self.fields]
        text = self.separator + (":" if self.colons else "").join(parts)
        if self.digits:
            text += f"{self.point}{nanoseconds:09}"[: self.digits + 1]
        return text + half

    def _offset(self, seconds: int) -> str:
        style = self.offset.strip()
        if not style or style.upper() in ("Z", "UTC", "GMT"):
            return self.offset
        hours, minutes, rest = abs(seconds) // 3600, abs(seconds) // 60 % 60, abs(seconds) % 60
        parts = [hours, minutes, rest][: 3 if rest else 2 if minutes or style != "+00" else 1]
        text = ("" if style == "+0000" else ":").join(f"{part:02}" for part in parts)
        return f"{' ' if self.offset[0] == ' ' else ''}{'-' if seconds < 0 else '+'}{text}"


_PADDED, _HOUR_PADDED = Form._fields.index("padded"), Form._fields.index("hour_padded")


class Stamp(NamedTuple):
    """One time stamp as it stands.

    Attributes:
        numbers: of its date, in the order in which they stand. time: nanoseconds of the day.
        offset: seconds ahead of UTC, None where none stands there. form: its own.
    """

    numbers: tuple[int, ...]
    time: int
    offset: int | None
    form: Form


def read_stamp(text: str) -> Stamp | None:
    """A text as a time stamp; None where it is none. Of a date, whether its day exists is `wall`'s to say."""
    text = text.strip()
    for kind, pattern in _DATES.items():
        match = pattern.match(text)
        if match is None:
            continue
        rest = text[match.end() :]
        clock = _CLOCK.fullmatch(rest) if rest else None
        if rest and clock is None:
            continue
        numbers = tuple(int(part) for k, part in enumerate(match.groups()) if k != 1 and part)
        fields = [part for part in match.groups() if part.isdigit() and len(part) < 3]
        form = Form(kind, match[2], padded=_all({_padding(field) for field in fields}))
        if clock is None:
            return Stamp(numbers, 0, None, form)
        return _timed(numbers, form, clock)
    return None


def wall(stamp: Stamp, day_first: bool = False) -> int:
    """Nanoseconds since 1970 on the clock of the place.

    Raises:
        ValueError: there is no such day.
    """
    kind, numbers = stamp.form.kind, stamp.numbers
    if kind == "turned":
        first, second, year = numbers
        day = date(year, second, first) if day_first else date(year, first, second)
    elif kind == "quarter":
        day = date(numbers[0], 3 * numbers[1] - 2, 1)
    elif kind in ("week", "weekday"):
        day = date.fromisocalendar(numbers[0], numbers[1], numbers[2] if kind == "weekday" else 1)
    elif kind == "yearday":
        day = date(numbers[0], 1, 1) + timedelta(days=numbers[1] - 1)
        if day.year != numbers[0]:
            raise ValueError("no such day of the year")
    else:
        day = date(numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 1)
    return (day.toordinal() - _EPOCH) * DAY + stamp.time


def common_form(stamps: Sequence[Stamp]) -> Form:
    """The form that stamps of one kind of date have together: the fullest of each part."""
    forms = [stamp.form for stamp in stamps]
    timed = next((form for form in forms if form.fields), forms[0])
    offsets = [form.offset for form in forms if form.offset]
    plain = {offset for offset in offsets if offset.strip().upper() in ("Z", "UTC", "GMT")}
    numeric = [offset for offset in offsets if offset not in plain]
    padded, hour_padded = (_all({form[k] for form in forms}) for k in (_PADDED, _HOUR_PADDED))
    return timed._replace(
        padded=padded,
        hour_padded=padded if hour_padded is None else hour_padded,
        fields=max(form.fields for form in forms),
        digits=max(form.digits for form in forms),
        point=next((form.point for form in forms if form.digits), "."),
        offset=(numeric or offsets or [""])[0],
    )


def _timed(numbers: tuple[int, ...], form: Form, clock: re.Match[str]) -> Stamp | None:
    compact, fraction, half = clock["compact"], clock["fraction"] or "", (clock["half"] or "").strip().upper()
    if compact:
        parts = [compact[k : k + 2] for k in range(0, len(compact), 2)]
    else:
        parts = [part for part in (clock["hour"], clock["minute"], clock["second"]) if part is not None]
    hour, minute, second = (int(part) for part in [*parts, "0", "0"][:3])
    if (fraction and len(parts) < 3) or hour > 23 or minute > 59 or second > 59:
        return None
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + (12 if half == "PM" else 0)
    offset, style = _offset(clock["offset"] or "")
    if offset is not None and abs(offset) >= 86400:
        return None
    timed = form._replace(
        separator=clock["separator"],
        hour_padded=_padding(parts[0]),
        fields=len(parts),
        colons=not compact,
        point=clock["point"] or ".",
        digits=len(fraction),
        half=(clock["half"] or "").replace("P", "A").replace("p", "a"),
        offset=style,
    )
    time = (hour * 3600 + minute * 60 + second) * SECOND + int(fraction.ljust(9, "0"))
    return Stamp(numbers, time, offset, timed)


def _offset(text: str) -> tuple[int | None, str]:
    """Seconds ahead of UTC, and the style."""
    if not text:
        return None, ""
    digits = re.sub(r"[^0-9]", "", text)
    if not digits:
        return 0, text
    hours, minutes, seconds = (int(digits[k : k + 2] or 0) for k in (0, 2, 4))
    total = (hours * 3600 + minutes * 60 + seconds) * (-1 if "-" in text else 1)
    style = "+00" if len(digits) == 2 else "+00:00" if ":" in text else "+0000"
    return total, f"{' ' if text[0] == ' ' else ''}{style}"


def _padding(field: str) -> bool | None:
    """Whether a number of up to two digits is padded; None where it has two digits anyway."""
    return False if len(field) == 1 else True if field[0] == "0" else None


def _all(signs: set[Any]) -> bool | None:
    return False if False in signs else True if True in signs else None
