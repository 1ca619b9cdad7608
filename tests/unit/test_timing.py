"""Parts of a stretch of work: each its own time alone."""

from __future__ import annotations

from contextlib import suppress

import pytest

from recurra import timing
from recurra.timing import count, measured, part


@pytest.fixture
def clock(monkeypatch):
    """Time that passes when told."""
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    return now


def test_a_part_within_a_part_takes_its_time_from_it(clock) -> None:
    with measured() as times:
        with part("outer"):
            clock[0] += 1
            with part("inner"):
                clock[0] += 2
                count(10)
            clock[0] += 4
        clock[0] += 8  # in no part
    assert times.seconds == {"outer": 5.0, "inner": 2.0}
    assert times.operations == {"inner": 10.0}


def test_an_error_leaves_the_part(clock) -> None:
    with measured() as times:
        with part("outer"), suppress(ValueError), part("inner"):
            clock[0] += 1
            raise ValueError
        with part("outer"):
            clock[0] += 2
    assert times.seconds == {"outer": 2.0, "inner": 1.0}


def test_nothing_is_measured_outside(clock) -> None:
    with part("alone"):
        count(1)
    with measured() as times:
        pass
    assert not times.seconds
