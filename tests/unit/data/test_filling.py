"""Missing numbers and missing rows of series: what stands for them, and what does not look ahead."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from recurra.data import Examples, Place
from recurra.data.filling import Filling, fill
from recurra.data.series import read_series
from recurra.errors import Fault

NAN = math.nan
numbers = st.lists(st.one_of(st.just(NAN), st.integers(-9, 9).map(float)), min_size=1, max_size=12)


def column(*values: float) -> Tensor:
    return torch.tensor(values)[:, None]


@pytest.mark.parametrize(
    ("filling", "expected"),
    [
        ("previous", [2, 2, 2, 8, 8]),
        ("linear", [2, 4, 6, 8, 8]),
        ("mean", [2, 2, 2, 8, 5]),
        ("zero", [0, 2, 0, 0, 8, 0]),
    ],
)
def test_each_way_is_what_it_says(filling: Filling, expected: list[float]) -> None:
    start, rows, blanks = fill(column(NAN, 2, NAN, NAN, 8, NAN), filling)
    assert rows.flatten().tolist() == expected
    assert start == 6 - len(expected)
    assert blanks.flatten().tolist() == [True, False, True, True, False, True][start:]


@given(numbers, st.sampled_from(["previous", "linear", "mean", "zero"]))
def test_what_is_there_stays_and_nothing_lacks(values: list[float], filling: Filling) -> None:
    start, rows, blanks = fill(column(*values), filling)
    original = column(*values)[start:]
    assert torch.equal(rows[~blanks], original[~original.isnan()])
    assert not bool(rows.isnan().any())
    assert torch.equal(blanks, original.isnan())


@given(numbers, st.integers(0, 11), st.sampled_from(["previous", "mean", "zero"]))
def test_none_but_the_linear_way_looks_ahead(values: list[float], at: int, filling: Filling) -> None:
    at = min(at, len(values))
    start, rows, _ = fill(column(*values), filling)
    other, changed, _ = fill(column(*values[:at], *(99.0 for _ in values[at:])), filling)
    if start < at:
        assert start == other
        assert torch.equal(rows[: at - start], changed[: at - start])


def table(**columns: list[object]) -> Examples:
    count = len(next(iter(columns.values())))
    return Examples(columns, [Place("s.csv", n + 2) for n in range(count)], "s.csv")


def months(*numbers: int) -> list[object]:
    return [f"2024-{number:02}-01" for number in numbers]


def test_nothing_is_made_up_from_another_series() -> None:
    mixed = table(who=["x", "y", "x", "y"], a=[1, NAN, NAN, 5])
    found, _ = read_series(mixed, ["a"], name="who", filling="previous")
    assert [(s.name, s.values.flatten().tolist()) for s in found] == [("x", [1, 1]), ("y", [5])]


def test_rows_stand_for_missing_time_stamps() -> None:
    gapped = table(t=months(1, 2, 5, 6), a=[1, 2, 5, 6])
    (series,), _ = read_series(gapped, ["a"], time="t", gaps="fill", filling="linear", cycles=["month"])
    assert series.values.flatten().tolist() == [1, 2, 3, 4, 5, 6]
    assert [series.clock.text(time) for time in series.times] == months(1, 2, 3, 4, 5, 6)
    assert [place.number for place in series.places] == [2, 3, 4, 4, 4, 5]
    assert series.blanks is not None
    assert series.blanks.flatten().tolist() == [False, False, True, True, False, False]
    angle = 2 * math.pi * torch.arange(6) / 12
    torch.testing.assert_close(series.known, torch.stack([angle.sin(), angle.cos()], 1))


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"t": months(1, 2), "a": [1, "x"]}, "s.csv:3: column 'a': 'x' found, expected a number"),
        ({"t": months(1, 2), "a": [NAN, None]}, "s.csv:2: .* without any number.* incomplete = 'zero'"),
        ({"t": [0, 1, 2, 2.5], "a": [1, 1, 1, 1]}, "s.csv:5: .*does not fit the steps"),
        ({"t": [0, 1, 2, 10**9], "a": [1, 1, 1, 1]}, "s.csv:5: .*too many to fill"),
    ],
)
def test_what_can_not_be_made_up_is_told(columns: dict[str, list[object]], why: str) -> None:
    with pytest.raises(Fault, match=why):
        read_series(table(**columns), ["a"], time="t", gaps="fill", filling="previous")


def stamps(*offsets: str) -> list[object]:
    return [
        f"{datetime(2024, 10, 26) + timedelta(hours=n):%Y-%m-%dT%H:%M}{offset}"
        for n, offset in enumerate(offsets)
    ]


def test_winter_and_summer_are_one_zone_others_are_told() -> None:
    fall = ["2024-10-27T01:30+02:00", "2024-10-27T02:30+02:00", "2024-10-27T02:30+01:00"]
    (series,), _ = read_series(table(t=fall, a=[1, 2, 3]), ["a"], time="t")
    assert {b.instant - a.instant for a, b in zip(series.times, series.times[1:], strict=False)} == {
        3600 * 10**9
    }
    with pytest.raises(Fault, match=r"s.csv:4: column 't': .*\+05:00.*several zones; set zone"):
        read_series(table(t=stamps("+02:00", "+02:00", "+05:00"), a=[1, 2, 3]), ["a"], time="t")
    with pytest.raises(Fault, match="s.csv:3: .*no UTC offset"):
        read_series(table(t=stamps("+02:00", ""), a=[1, 2]), ["a"], time="t")
