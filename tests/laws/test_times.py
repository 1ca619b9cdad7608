"""Time stamps of every form, zone and step: what is read was meant, and what follows is written alike."""

from __future__ import annotations

import calendar as calendars
import math
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from recurra.data import Examples, Place
from recurra.data.clocks import Clock
from recurra.data.notation import Notation
from recurra.data.series import Series, SeriesFormat, read_series
from recurra.data.steps import step_of
from recurra.data.times import CYCLES
from recurra.errors import Fault

AHEAD = 4
few = settings(max_examples=40)
Write = Callable[[datetime], str]


def offset(colon: str, zulu: bool = False) -> Write:
    def text(time: datetime) -> str:
        if zulu and not time.utcoffset():
            return "Z"
        return time.strftime("%z")[:3] + colon + time.strftime("%z")[3:5]

    return text


def form(*parts: str | Write) -> Write:
    return lambda time: "".join(
        time.strftime(part) if isinstance(part, str) else part(time) for part in parts
    )


def unpadded(time: datetime) -> str:
    return f"{time.day}.{time.month}.{time.year} {time.hour}:{time:%M}"


def milliseconds(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%S},{time.microsecond // 1000:03}"


DAYS = {
    "2024-05-31": form("%Y-%m-%d"),
    "20240531": form("%Y%m%d"),
    "2024/05/31": form("%Y/%m/%d"),
    "31.05.2024": form("%d.%m.%Y"),
    "05/31/2024": form("%m/%d/%Y"),
    "31-05-2024": form("%d-%m-%Y"),
    "2024-152": form("%Y-%j"),
    "2024-W22-5": form("%G-W%V-%u"),
}
MINUTES = {
    "2024-05-31 13:00": form("%Y-%m-%d %H:%M"),
    "2024-05-31T13:00": form("%Y-%m-%dT%H:%M"),
    "20240531T1300": form("%Y%m%dT%H%M"),
    "05/31/2024 01:00 PM": form("%m/%d/%Y %I:%M %p"),
    "31.5.2024 13:00": unpadded,
}
ISO_MINUTES = ("2024-05-31 13:00", "2024-05-31T13:00")
FRACTIONS = {
    "2024-05-31 13:00:00.000000": form("%Y-%m-%d %H:%M:%S.%f"),
    "2024-05-31T13:00:00,000": milliseconds,
    "of Python": str,
}
OFFSETS = {
    "2024-05-31 13:00:00+02:00": form("%Y-%m-%d %H:%M:%S", offset(":")),
    "2024-05-31T13:00+0200": form("%Y-%m-%dT%H:%M", offset("")),
    "2024-05-31T13:00:00Z": form("%Y-%m-%dT%H:%M:%S", offset(":", zulu=True)),
}
ZONES = ("America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "UTC", "Pacific/Apia")


def table(stamps: Sequence[Any], day_first: bool | None = None) -> Examples:
    places = [Place("s.csv", n + 2) for n in range(len(stamps))]
    return Examples(
        {"time": list(stamps), "a": list(range(len(stamps)))}, places, "s.csv", Notation(None, day_first)
    )


def read(stamps: Sequence[Any], day_first: bool | None = None, **options: Any) -> Series:
    (series,), _ = read_series(table(stamps, day_first), ["a"], time="time", **options)
    return series


def follow(series: Series, count: int = AHEAD) -> list[Any]:
    assert series.step is not None
    clock = series.clock
    return [clock.text(series.step.ahead(series.times[-1], k + 1, clock)) for k in range(count)]


def check(stamps: Sequence[str], **options: Any) -> Series:
    """The rows but for the last few say what these are; all of them are read; a stored step is the same."""
    series = read(stamps[:-AHEAD], **options)
    assert follow(series) == list(stamps[-AHEAD:])
    whole = read(stamps, **options)
    assert [whole.clock.text(time) for time in whole.times] == list(stamps)
    assert whole.step is not None
    assert step_of(whole.step.to_table()) == whole.step
    assert isinstance(series.clock, Clock)
    if series.clock.form.padded is False:
        return whole  # one row need not show it
    day_first = series.clock.form.day_first if series.clock.form.kind == "turned" else None
    one = read(stamps[:1], day_first, expected=SeriesFormat(calendar=True, step=series.step), **options)
    assert follow(one, 1) == [stamps[1]]
    return whole


def test_local_times_are_told_by_the_calendar() -> None:
    friday = [f"2024-03-08 {hour:02}:30:00-05:00" for hour in (20, 21, 22, 23)]
    series = read(friday, cycles=["weekday", "hour"])
    angle = 2 * math.pi * 4 / 7
    assert series.known[:, 0].tolist() == pytest.approx([math.sin(angle)] * 4)
    utc = [f"2024-03-09 0{hour}:30:00Z" for hour in (1, 2, 3, 4)]
    local = read(utc, cycles=["weekday", "hour"], zone=ZoneInfo("America/New_York"))
    assert local.known.tolist() == series.known.tolist()


starts = st.datetimes(datetime(1971, 1, 1), datetime(2090, 1, 1)).map(
    lambda t: t.replace(second=0, microsecond=0)
)
elapsed = st.sampled_from([1, 5, 15, 30, 60, 90, 360, 720]).map(lambda minutes: timedelta(minutes=minutes))


@few
@example(datetime(2000, 1, 1), timedelta(hours=12), "31.5.2024 13:00", 25)  # an hour of one digit: 0
@given(starts, elapsed, st.sampled_from(sorted(MINUTES)), st.integers(3, 60))
def test_minutes_and_hours_without_zone(start: datetime, step: timedelta, name: str, count: int) -> None:
    times = [start + k * step for k in range(count + AHEAD)]
    turned = name[2] in "/."
    assume(not turned or any(time.day > 12 for time in times[:count]))
    if MINUTES[name] is unpadded:
        assume(any(time.day < 10 and time.hour < 10 for time in times[:count]))
    check([MINUTES[name](time) for time in times])


@few
@given(starts, st.sampled_from([1, 2, 7, 10]), st.sampled_from(sorted(DAYS)), st.integers(13, 40))
def test_days(start: datetime, step: int, name: str, count: int) -> None:
    times = [start + timedelta(days=step * k) for k in range(count + AHEAD)]
    if step == 2:
        assume(count > 13)  # else working days may be meant
    check([DAYS[name](time) for time in times])


@few
@given(starts, st.integers(1, 999), st.sampled_from(sorted(FRACTIONS)), st.integers(3, 60))
def test_many_a_second(start: datetime, step: int, name: str, count: int) -> None:
    times = [start + timedelta(milliseconds=step * k) for k in range(count + AHEAD)]
    if name == "of Python":
        stamps = [f"{time:%Y-%m-%d %H:%M:%S.%f}" for time in times]
        bare = [str(time) for time in times]
        assume(any("." in stamp for stamp in bare[:count]))
        assert follow(read(bare[:count])) == stamps[-AHEAD:]
        return
    check([FRACTIONS[name](time) for time in times])


@few
@given(starts, st.integers(2, 120), st.integers(3, 200))
def test_rounded_to_milliseconds(start: datetime, rate: int, count: int) -> None:
    """So many a second, rounded: a step a little off tells times that are off by no more than a place."""

    def stamp(k: int) -> datetime:
        return start + timedelta(milliseconds=round(1000 * k / rate))

    series = read([FRACTIONS["2024-05-31 13:00:00.000000"](stamp(k))[:-3] for k in range(count)])
    for k, text in enumerate(follow(series)):
        ahead = datetime.fromisoformat(text) - stamp(count + k)
        assert abs(ahead) <= timedelta(milliseconds=2 * AHEAD + 1)


@few
@given(
    starts,
    st.sampled_from([15, 30, 60, 120, 360]),
    st.sampled_from(ZONES),
    st.sampled_from([*sorted(OFFSETS), *ISO_MINUTES]),
    st.booleans(),
    st.integers(6, 80),
)
def test_equal_times_in_a_zone(
    start: datetime, minutes: int, place: str, name: str, option: bool, count: int
) -> None:
    zone = ZoneInfo(place)
    instants = [start.replace(tzinfo=UTC) + timedelta(minutes=minutes * k) for k in range(count + AHEAD)]
    local = [instant.astimezone(zone) for instant in instants]
    assume(all(time.utcoffset().seconds % 60 == 0 for time in local if time.utcoffset()))
    if name in MINUTES:
        assume(not any(time.fold for time in local[:3]))
        assume(minutes <= 60 or not any(time.fold for time in local))
        check([MINUTES[name](time) for time in local], zone=zone)
        return
    stamps = [OFFSETS[name](time) for time in local]
    if option and not name.endswith("Z"):
        check(stamps, zone=zone)
        return
    series = read(stamps[:count])
    told = [datetime.fromisoformat(text) for text in follow(series)]
    assert told == instants[-AHEAD:]
    hours = read(stamps, cycles=["hour"]).known
    angles = [2 * math.pi * (time.hour + time.minute / 60) / 24 for time in local]
    assert hours[:, 0].tolist() == pytest.approx([math.sin(angle) for angle in angles], abs=1e-6)


@few
@given(starts, st.sampled_from(ZONES), st.sampled_from([None, *sorted(OFFSETS)]), st.integers(4, 40))
def test_a_day_on_the_clock_of_a_zone_is_a_day(
    start: datetime, place: str, name: str | None, count: int
) -> None:
    zone = ZoneInfo(place)
    local = [(start + timedelta(days=k)).replace(tzinfo=zone) for k in range(count + AHEAD)]
    there = [
        time.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == time.replace(tzinfo=None)
        for time in local
    ]
    assume(all(there) and not any(_twice(time) for time in local))
    assume(all(time.utcoffset().seconds % 60 == 0 for time in local if time.utcoffset()))
    write = MINUTES["2024-05-31 13:00"] if name is None else OFFSETS[name]
    if name is not None and name.endswith("Z"):
        assume(place == "UTC")
    check([write(time) for time in local], zone=zone)


def _twice(time: datetime) -> bool:
    return time.utcoffset() != time.replace(fold=1).utcoffset()


def month_of(start: date, months: int, day: int) -> date:
    month = start.year * 12 + start.month - 1 + months
    last = calendars.monthrange(month // 12, month % 12 + 1)[1]
    return date(month // 12, month % 12 + 1, min(day, last))


@few
@given(
    st.dates(date(1900, 1, 1), date(2090, 1, 1)),
    st.sampled_from([1, 2, 3, 4, 6, 12]),
    st.sampled_from([1, 2, 15, 28, 29, 30, 31]),
    st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%Y%m%d", "%Y-%m-%d 07:30", "%Y-%m", "%Y/%m", "%Y%m"]),
    st.integers(13, 40),
)
def test_months_quarters_and_years(start: date, step: int, day: int, name: str, count: int) -> None:
    months = [month_of(start, step * k, day) for k in range(count + AHEAD)]
    ends = all(month == month_of(month, 0, 31) for month in months[:count])
    assume(not ends or all(month == month_of(month, 0, 31) for month in months))
    assume(name != "%Y%m" or 1900 <= months[-1].year < 2100)
    check([month.strftime(name) for month in months])


@few
@given(st.integers(1900, 2090), st.sampled_from(["-Q", "Q", " Q"]), st.integers(3, 20))
def test_quarters_by_name(year: int, mark: str, count: int) -> None:
    check([f"{year + k // 4}{mark}{k % 4 + 1}" for k in range(count + AHEAD)])


@few
@given(st.dates(date(1950, 1, 1), date(2090, 1, 1)), st.integers(2, 60))
def test_weeks_by_name(start: date, count: int) -> None:
    check([(start + timedelta(days=7 * k)).strftime("%G-W%V") for k in range(count + AHEAD)])


@few
@given(st.dates(date(1950, 1, 1), date(2090, 1, 1)), st.integers(7, 60), st.sampled_from(sorted(DAYS)))
def test_working_days(start: date, count: int, name: str) -> None:
    days = (start + timedelta(days=k) for k in range(2 * (count + AHEAD) + 9))
    working = [day for day in days if day.weekday() < 5][: count + AHEAD]
    assume(
        name not in ("31.05.2024", "05/31/2024", "31-05-2024") or any(day.day > 12 for day in working[:count])
    )
    check([DAYS[name](datetime(day.year, day.month, day.day)) for day in working])


@few
@given(
    st.integers(-(10**12), 10**18),
    st.integers(1, 10**6),
    st.sampled_from([0, 1, 3, 6]),
    st.integers(3, 40),
)
def test_numbers(start: int, step: int, places: int, count: int) -> None:
    scale = 10**places
    assume(abs(start) < 10**15 or not places)
    assume(places or len(str(start)) not in (6, 8) or step > 12)
    numbers = [start + step * k for k in range(count + AHEAD)]
    if places:
        stamps = [f"{number / scale:.{places}f}" for number in numbers]
        told = follow(read(stamps[:count], expected=SeriesFormat(calendar=False)))
        assert told == pytest.approx([number / scale for number in numbers[-AHEAD:]], rel=1e-14)
    else:
        assert follow(read(numbers[:count], expected=SeriesFormat(calendar=False))) == numbers[-AHEAD:]


STEPS: dict[str, list[str]] = {
    "minutes": [f"2024-01-01 {k // 4:02}:{15 * (k % 4):02}" for k in range(40)],
    "days": [str(date(2024, 1, 1) + timedelta(days=k)) for k in range(40)],
    "months": [f"{2020 + k // 12}-{k % 12 + 1:02}-01" for k in range(40)],
    "month ends": [str(month_of(date(2020, 1, 1), k, 31)) for k in range(40)],
    "quarters": [f"{2000 + k // 4}-Q{k % 4 + 1}" for k in range(40)],
    "years": [f"{1950 + k}-06-15" for k in range(40)],
    "working days": [str(date(2024, 1, 1) + timedelta(days=k // 5 * 7 + k % 5)) for k in range(40)],
    "milliseconds": [f"2024-01-01 00:00:00.{5 * k:03}" for k in range(40)],
    "numbers": [str(10 * k) for k in range(40)],
}


@pytest.mark.parametrize("name", STEPS)
@settings(max_examples=20)
@given(data=st.data())
def test_what_is_missing_is_told(name: str, data: st.DataObject) -> None:
    stamps = STEPS[name]
    first = data.draw(st.integers(12, 30))
    count = data.draw(st.integers(1, 4))
    gapped = stamps[:first] + stamps[first + count :]
    what = "1 time stamp is missing" if count == 1 else f"{count} time stamps are missing"
    with pytest.raises(Fault, match=rf"s.csv:{first + 2}: .* expected {stamps[first]}: {what}"):
        read(gapped)
    runs, _ = read_series(table(gapped), ["a"], time="time", gaps="split")
    assert [len(run.times) for run in runs] == [first, len(gapped) - first]
    with pytest.raises(Fault, match="found twice"):
        read([*stamps[:first], stamps[first - 1], *stamps[first:]])
    with pytest.raises(Fault, match="sort the rows"):
        read([*stamps[: first - 2], stamps[first], stamps[first - 2], *stamps[first + 1 :]])


def test_clocks_that_are_changed() -> None:
    zone = ZoneInfo("Europe/Berlin")
    night = ["2024-10-27 01:00", "2024-10-27 02:00", "2024-10-27 02:00", "2024-10-27 03:00"]
    series = read(night, zone=zone)
    assert [b.instant - a.instant for a, b in zip(series.times, series.times[1:], strict=False)] == [
        3600 * 10**9
    ] * 3
    assert follow(read(night[:2], zone=zone), 2) == night[2:]
    with pytest.raises(Fault, match="found twice: .* set zone"):
        read(night)
    with pytest.raises(Fault, match="s.csv:3: .*never had .*clocks were set forward"):
        read(["2024-03-31 01:30", "2024-03-31 02:30"], zone=zone)


def test_every_cycle_is_one_of_the_clock_of_the_place() -> None:
    place: tzinfo = timezone(timedelta(hours=-9, minutes=-30))
    times = [datetime(2023, 12, 31, 23, 58, 30, tzinfo=place) + timedelta(seconds=45 * k) for k in range(9)]
    for name, (far, length) in CYCLES.items():
        series = read([str(time) for time in times], cycles=[name])
        angles = [2 * math.pi * far(time) / length for time in times]
        assert series.known[:, 0].tolist() == pytest.approx([math.sin(angle) for angle in angles], abs=1e-6)
