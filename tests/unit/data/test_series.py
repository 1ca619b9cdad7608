"""Series and windows: time stamps checked, parts apart, nothing seen ahead of time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recurra.data import Examples, Place
from recurra.data.series import Windows, cut, read_series
from recurra.data.steps import Elapsed
from recurra.data.times import calendar
from recurra.errors import Fault


def table(**columns: list[object]) -> Examples:
    count = len(next(iter(columns.values())))
    return Examples(columns, [Place("s.csv", n + 2) for n in range(count)], "s.csv")


def hours(*at: int) -> list[object]:
    return [str(datetime(2024, 5, 31, 20) + timedelta(hours=h)) for h in at]


def test_rows_without_time_stamps_are_one_series() -> None:
    (series,), step = read_series(table(a=[1, 2, 3], b=["4", "5", "6"]), ["a", "b"])
    assert series.values.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert step == Elapsed(1)


def test_a_column_tells_series_apart() -> None:
    found, step = read_series(
        table(t=[0, 0, 10, 10], who=["x", "y", "x", "y"], a=[1, 2, 3, 4]), ["a"], time="t", name="who"
    )
    assert [(s.name, s.values.flatten().tolist()) for s in found] == [("x", [1, 3]), ("y", [2, 4])]
    assert step == Elapsed(10)


@pytest.mark.parametrize(
    ("times", "why"),
    [
        (
            hours(0, 1, 3, 4),
            "s.csv:4: time stamp 2024-05-31 23:00:00 .*expected 2024-05-31 22:00:00: 1 time ",
        ),
        (hours(0, 1, 2, 6), "3 time stamps are missing"),
        (hours(0, 1, 1, 2), "s.csv:4: time stamp 2024-05-31 21:00:00 found twice"),
        (hours(0, 2, 1, 3), "s.csv:4: time stamp .* found after .*: sort the rows"),
        (["2024-05-31", "", "2024-06-02"], "s.csv:3: column 't': no time stamp found"),
        (["2024-05-31", None, "2024-06-02"], "s.csv:3: column 't': no time stamp found"),
        (["2024-05-31", "06/01/2024", "x"], "s.csv:3: column 't': '06/01/2024' found, expected a time stamp"),
        ([0, 1, float("nan")], "s.csv:4: column 't': nan found"),
        ([0, 1, 2, 2.5], "does not fit the steps"),
    ],
)
def test_wrong_time_stamps_are_told(times: list[object], why: str) -> None:
    with pytest.raises(Fault, match=why):
        read_series(table(t=times, a=list(range(len(times)))), ["a"], time="t")


def test_gaps_split_or_are_allowed() -> None:
    gapped = table(t=hours(0, 1, 2, 5, 6), a=[0, 1, 2, 5, 6])
    split, _ = read_series(gapped, ["a"], time="t", gaps="split")
    assert [s.values.flatten().tolist() for s in split] == [[0, 1, 2], [5, 6]]
    (whole,), _ = read_series(gapped, ["a"], time="t", gaps="allow")
    assert len(whole.values) == 5


def test_calendar_needs_dates() -> None:
    with pytest.raises(Fault, match="needs a column of dates"):
        read_series(table(t=[1, 2], a=[1, 2]), ["a"], time="t", cycles=["hour"])
    with pytest.raises(Fault, match="did you mean 'hour'"):
        calendar([0.0], ["hours"])


def test_calendar_turns_once_a_cycle() -> None:
    day = calendar([3600.0 * h for h in range(49)], ["hour"])
    torch.testing.assert_close(day[0], day[24])
    torch.testing.assert_close(day[6], torch.tensor([1.0, 0.0]), atol=1e-6, rtol=0)


@given(st.integers(1, 40), st.integers(1, 8), st.integers(1, 8), st.integers(1, 3))
def test_windows_are_slices(length: int, context: int, horizon: int, stride: int) -> None:
    (series,), _ = read_series(table(a=list(range(length))), ["a"])
    windows = Windows([series], context, horizon, [(0, length)], stride)
    assert len(windows) == len(range(context, length - horizon + 1, stride))
    before, after, known = windows.take(range(len(windows)))
    assert known.shape == (len(windows), context + horizon, 0)
    for row, (_, origin) in enumerate(windows.origins):
        assert before[row, :, 0].tolist() == list(range(origin - context, origin))
        assert after[row, :, 0].tolist() == list(range(origin, origin + horizon))


def test_what_is_told_lies_within_its_part() -> None:
    (series,), _ = read_series(table(a=list(range(30))), ["a"])
    parts = cut(30, (0.5, 0.2, 0.3), "s.csv")
    assert parts == [(0, 15), (15, 21), (21, 30)]
    for start, end in parts:
        windows = Windows([series], 4, 3, [(start, end)])
        _, after, _ = windows.take(range(len(windows)))
        assert start <= float(after.min())
        assert float(after.max()) == end - 1


@pytest.mark.parametrize("shares", [(20, 20, 20), (0.5, 0.5, 0.5), (-1, 5, 5)])
def test_parts_larger_than_the_series_are_told(shares: tuple[float, ...]) -> None:
    with pytest.raises(Fault, match="split ="):
        cut(30, shares, "s.csv")
