"""Time stamps: read, checked, turned into what a calendar knows ahead."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import torch
from torch import Tensor

from recurra.data.clocks import Clock, Moment, NumberClock, Ticks, offsets
from recurra.data.columns import decimal_marks, excerpt, some
from recurra.data.examples import Examples, Place
from recurra.data.notation import number_text
from recurra.data.stamps import SECOND, Form, Stamp, common_form, read_stamp, wall
from recurra.data.steps import AnyClock
from recurra.errors import Fault, nearest

CYCLES: dict[str, tuple[Callable[[datetime], float], float]] = {
    "second": (lambda t: t.second + t.microsecond / 1e6, 60),
    "minute": (lambda t: t.minute, 60),
    "hour": (lambda t: t.hour + t.minute / 60, 24),
    "weekday": (lambda t: t.weekday(), 7),
    "day": (lambda t: t.day - 1, 31),
    "month": (lambda t: t.month - 1, 12),
    "yearday": (lambda t: t.timetuple().tm_yday - 1, 366),
}
"""What repeats: how far a time is in it, and how long it is."""

_MOST_DIGITS = 400
_MOST_SAVED = 2 * 3600  # seconds by which daylight saving sets clocks forward
_YEARS = range(1600, 2400)
_YEARS_OF_MONTHS = range(1900, 2100)
_EXPECTED = (
    "expected a time stamp: a number, or a date as 2024-05-31, 2024-05-31 13:00 or 2024-05-31T13:00+02:00"
)


class Times(NamedTuple):
    """The time stamps of one series.

    Attributes:
        moments: one for each row. clock: on which they are read, and in whose form times to come are written.
    """

    moments: list[Moment]
    clock: AnyClock


def read_times(
    examples: Examples,
    column: str,
    groups: Sequence[Sequence[int]],
    *,
    zone: ZoneInfo | None = None,
    calendar: bool | None = None,
) -> list[Times]:
    """The time stamps of series.

    Args:
        column: of numbers, or of dates in one form; the answer's forms are those of the column in each file.
        groups: the rows of each series, in order. zone: where stamps without UTC offset are from, and whose
            clock a calendar goes by; None: the clock that the stamps show.
        calendar: whether they are dates; None: as they show. Digits alone are a date where all are one, as
            20200131.

    Raises:
        Fault: an entry that is no time stamp; dates of different forms; a time that the zone never had.
    """
    entries = examples[column]
    _check_missing(examples, column)
    files = dict.fromkeys(place.file for place in examples.places)
    rows = {file: [row for row, place in enumerate(examples.places) if place.file == file] for file in files}
    if calendar is None:
        calendar = any(_is_calendar([entries[row] for row in each]) for each in rows.values())
    if not calendar:
        if zone is not None:
            raise Fault(
                f"{examples.source}: zone = {zone.key!r} needs a column of dates, {column!r} has numbers"
            )
        return _numbers(examples, column, groups)
    stamps: dict[int, Stamp] = {}
    walls: dict[int, int] = {}
    forms = {}
    for file, each in rows.items():
        column_stamps = _stamps(examples, column, each, zone)
        day_first = _day_first(examples, column, each, column_stamps)
        for row, stamp in zip(each, column_stamps, strict=True):
            stamps[row], walls[row] = (
                stamp,
                _wall(stamp, day_first, entries[row], examples.places[row], column),
            )
        forms[file] = common_form(column_stamps)._replace(day_first=day_first)
    answer = []
    for group in groups:
        form = forms[examples.places[group[0]].file]
        own = [stamps[row].offset for row in group]
        if zone is None:
            _check_offsets(examples, column, group, own)
            moments = [
                Moment(walls[row] - (offset or 0) * SECOND, walls[row])
                for row, offset in zip(group, own, strict=True)
            ]
            answer.append(Times(moments, Clock(form, None, own[-1] or 0)))
            continue
        moments = _in_zone(examples, column, group, [walls[row] for row in group], own, form, zone)
        same = all(
            offset is None or offset * SECOND == moment.wall - moment.instant
            for offset, moment in zip(own, moments, strict=True)
        )
        zoned = same and form.offset.strip().upper() not in ("Z", "UTC", "GMT")
        answer.append(Times(moments, Clock(form, zone, own[-1] or 0, zoned)))
    return answer


def numbered(rows: Sequence[int]) -> Times:
    """The times of rows without time stamps: their numbers."""
    return Times([Moment(row, row) for row in rows], NumberClock())


def check_order(times: Times, places: Sequence[Place]) -> None:
    """Fault unless time stamps rise."""
    moments, clock = times
    stamps = {moments[0].instant} if moments else set()
    for prev, now, place in zip(moments, moments[1:], places[1:], strict=False):
        if now.instant in stamps:
            local = (
                isinstance(clock, Clock)
                and clock.zone is None
                and not clock.form.offset
                and clock.form.fields
            )
            hint = ", or set zone, as 'Europe/Berlin', where clocks were set back" if local else ""
            raise Fault(f"{place}: time stamp {clock.text(now)} found twice: remove one of the rows{hint}")
        if now.instant < prev.instant:
            raise Fault(
                f"{place}: time stamp {clock.text(now)} found after {clock.text(prev)}: sort the rows by time"
            )
        stamps.add(now.instant)


def calendar(times: Sequence[float], cycles: Sequence[str]) -> Tensor:
    """`[T, 2 * cycles]` float32: sine and cosine of how far each time is in each cycle.

    Args:
        times: seconds since 1970 on the clock of the place.
    """
    columns = []
    for name in cycles:
        if name not in CYCLES:
            raise Fault(f"no cycle is called {name!r}{nearest(name, CYCLES)}")
        far, length = CYCLES[name]
        at = [datetime.fromtimestamp(t, UTC) for t in times]
        angle = torch.tensor([2 * math.pi * far(t) / length for t in at], dtype=torch.float64)
        columns += [angle.sin(), angle.cos()]
    return torch.stack(columns, 1).float() if columns else torch.zeros(len(times), 0)


def wall_seconds(moments: Sequence[Moment]) -> list[float]:
    """What `calendar` takes."""
    return [float(moment.wall / SECOND) for moment in moments]


def _check_missing(examples: Examples, column: str) -> None:
    entries = examples[column]
    rows = [row for row, entry in enumerate(entries) if examples.notation.is_missing(entry)]
    if not rows:
        return
    place, entry = examples.places[rows[0]], entries[rows[0]]
    blank = entry is None or (isinstance(entry, str) and not entry.strip())
    what = "no time stamp found" if blank else f"{excerpt(entry)} found, expected a time stamp"
    listed = some([examples.places[row] for row in rows])
    more = f" ({len(rows)} rows have none: {listed})" if len(rows) > 1 else ""
    raise Fault(f"{place}: column {column!r}: {what}{more}: fill it in, or remove the row")


def _is_calendar(entries: Sequence[Any]) -> bool:
    """Whether the stamps of a file are dates: where one is no number, or all read as dates without marks."""
    return not all(_is_number(entry) for entry in entries) or _are_compact(entries)


def _is_number(entry: Any) -> bool:
    if isinstance(entry, str):
        text = number_text(entry, ".") or number_text(entry, ",")
        return text is not None or entry.strip().lower().lstrip("+-") in ("inf", "infinity")
    return number_text(entry) is not None


def _are_compact(entries: Sequence[Any]) -> bool:
    """Whether whole numbers of six or eight digits all are months, or days, of a year that is likely."""
    texts = [str(entry).strip() for entry in entries]
    size = len(texts[0])
    if size not in (6, 8) or any(
        len(text) != size or not text.isascii() or not text.isdigit() for text in texts
    ):
        return False
    years = _YEARS if size == 8 else _YEARS_OF_MONTHS
    for text in dict.fromkeys(texts):
        stamp = read_stamp(text)
        if stamp is None or stamp.numbers[0] not in years:
            return False
        try:
            wall(stamp)
        except ValueError:
            return False
    return True


def _numbers(examples: Examples, column: str, groups: Sequence[Sequence[int]]) -> list[Times]:
    marks = decimal_marks(examples, [column])
    values: list[Ticks] = []
    unit: Ticks = 0
    for entry, place in zip(examples[column], examples.places, strict=True):
        text = number_text(entry, marks[place.file])
        number = None if text is None else Decimal(text)
        if number is None or not number.is_finite():
            raise Fault(f"{place}: column {column!r}: {excerpt(entry)} found, {_EXPECTED}")
        exponent = number.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -_MOST_DIGITS or number.adjusted() > _MOST_DIGITS:
            raise Fault(
                f"{place}: column {column!r}: {excerpt(entry)} found, expected a time stamp of usual size"
            )
        value = Fraction(number)
        values.append(int(value) if value.denominator == 1 else value)
        if exponent < 0:
            finest = Fraction(1, 10**-exponent)
            unit = min(unit, finest) if unit else finest
    clock = NumberClock(unit)
    return [Times([Moment(values[row], values[row]) for row in group], clock) for group in groups]


def _stamps(examples: Examples, column: str, rows: Sequence[int], zone: ZoneInfo | None) -> list[Stamp]:
    """The stamps of a file, of one form."""
    stamps = []
    first: tuple[Stamp, Any] | None = None
    for row in rows:
        entry, place = examples[column][row], examples.places[row]
        stamp = None if isinstance(entry, bool) else read_stamp(_text(entry))
        if stamp is None:
            raise Fault(f"{place}: column {column!r}: {excerpt(entry)} found, {_EXPECTED}")
        first = first or (stamp, entry)
        form, other = stamp.form, first[0].form
        differs = (form.kind, form.mark) != (other.kind, other.mark)
        if differs or (zone is None and bool(form.offset) != bool(other.offset)):
            what = "its date is written otherwise" if differs else "one of them has no UTC offset"
            raise Fault(
                f"{place}: column {column!r}: {excerpt(entry)} found, expected a time stamp in the form of "
                f"the first one, {excerpt(first[1])}: {what}"
            )
        stamps.append(stamp)
    return stamps


def _check_offsets(examples: Examples, column: str, group: Sequence[int], own: Sequence[int | None]) -> None:
    """Fault where the UTC offsets of a series are more than those of one place, in summer and in winter."""
    offsets: list[int] = []
    for row, offset in zip(group, own, strict=True):
        if offset is None or offset in offsets:
            continue
        offsets.append(offset)
        if len(offsets) > 2 or max(offsets) - min(offsets) > _MOST_SAVED:
            raise Fault(
                f"{examples.places[row]}: column {column!r}: {excerpt(examples[column][row])} found, "
                f"expected the UTC offset of the stamps above: a series of several zones; set zone, as "
                f"'Europe/Berlin', to have every stamp on its clock"
            )


def _text(entry: Any) -> str:
    """An entry as text; the noughts that a library puts at the end of fractions say nothing."""
    if isinstance(entry, str):
        return entry
    return re.sub(r"(\.\d*?)0+(?=$|[Z+-])", lambda match: match[1] if len(match[1]) > 1 else "", str(entry))


def _day_first(examples: Examples, column: str, rows: Sequence[int], stamps: Sequence[Stamp]) -> bool:
    """Whether 03/04/2024 is the third of April, where the year comes last."""
    form = stamps[0].form
    if form.kind != "turned":
        return False
    if examples.notation.day_first is not None:
        return examples.notation.day_first
    late = [k for k, stamp in enumerate(stamps) if stamp.numbers[0] > 12]
    other = [k for k, stamp in enumerate(stamps) if stamp.numbers[1] > 12]
    if late and other:
        row = rows[max(late[0], other[0])]
        raise Fault(
            f"{examples.places[row]}: column {column!r}: {excerpt(examples[column][row])} found, expected "
            f"day and month in the order of the stamps above"
        )
    if late or other or form.mark == ".":  # with points the day comes first wherever they are in use
        return bool(late) or not other
    raise Fault(
        f"{examples.places[rows[0]]}: column {column!r}: {excerpt(examples[column][rows[0]])} found, and no "
        f"row tells day from month: set day_first = true or false in the source, as {{ path = ..., "
        f"day_first = true }}"
    )


def _wall(stamp: Stamp, day_first: bool, entry: Any, place: Place, column: str) -> int:
    try:
        return wall(stamp, day_first)
    except ValueError:
        hint = f" (day_first = {str(day_first).lower()})" if stamp.form.kind == "turned" else ""
        raise Fault(
            f"{place}: column {column!r}: {excerpt(entry)} found, expected a time stamp: there is no such "
            f"day{hint}"
        ) from None


def _in_zone(
    examples: Examples,
    column: str,
    group: Sequence[int],
    walls: Sequence[int],
    own: Sequence[int | None],
    form: Form,
    zone: ZoneInfo,
) -> list[Moment]:
    """Moments on the clock of a zone; of two that are written alike the earlier one comes first."""
    clock, timed = Clock(form, zone), form.fields > 0  # a date alone stands for a day without a midnight, too
    moments: list[Moment] = []
    for row, local, offset in zip(group, walls, own, strict=True):
        where = f"{examples.places[row]}: column {column!r}: {excerpt(examples[column][row])} found"
        try:
            if offset is not None:
                moments.append(clock.at(local - offset * SECOND))
                continue
            first, second = offsets(local, zone)
        except (OverflowError, ValueError):
            raise Fault(f"{where}, expected a time stamp within the years 1 to 9999") from None
        if first < second and timed:
            raise Fault(
                f"{where}, a time that {zone.key} never had (its clocks were set forward): correct it, or "
                f"set another zone"
            )
        earlier, later = local - first * SECOND, local - second * SECOND
        moments.append(Moment(later if _is_later(moments, earlier, later) else earlier, local))
    return moments


def _is_later(moments: Sequence[Moment], earlier: int, later: int) -> bool:
    """Whether the later of two instants that the clock shows alike goes on from these moments, as evenly."""
    if not moments:
        return False
    last = moments[-1].instant
    if earlier <= last or len(moments) < 2:
        return earlier <= last
    usual = last - moments[-2].instant
    return later - last == usual != earlier - last
