"""Time stamps: read, checked, turned into what a calendar knows ahead."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

import torch
from torch import Tensor

from recurra.data.examples import Place
from recurra.errors import Fault, nearest

Gaps = Literal["fault", "split", "allow"]

CYCLES: dict[str, tuple[Callable[[datetime], float], float]] = {
    "minute": (lambda t: t.minute, 60),
    "hour": (lambda t: t.hour + t.minute / 60, 24),
    "weekday": (lambda t: t.weekday(), 7),
    "day": (lambda t: t.day - 1, 31),
    "yearday": (lambda t: t.timetuple().tm_yday - 1, 366),
}
"""What repeats: how far a time is in it, and how long it is."""


def parse_time(entry: Any, place: Place, column: str) -> float:
    """A number as it stands, or the seconds since 1970 of an ISO 8601 text (without zone: UTC)."""
    if entry is None or (isinstance(entry, str) and not entry.strip()):
        raise Fault(f"{place}: column {column!r}: no time stamp found: fill it in, or remove the row")
    try:
        number = float(entry)
    except (TypeError, ValueError):
        return to_seconds(entry, place, column)
    if not math.isfinite(number):
        raise Fault(f"{place}: column {column!r}: {entry!r} found, expected a time stamp")
    return number


def to_seconds(entry: Any, place: Place, column: str) -> float:
    """The seconds since 1970 of an ISO 8601 text or a datetime."""
    try:
        when = entry if isinstance(entry, datetime) else datetime.fromisoformat(str(entry).strip())
    except ValueError:
        raise Fault(
            f"{place}: column {column!r}: {entry!r} found, expected a time stamp: a number, or ISO 8601 as "
            f"2024-05-31 or 2024-05-31 13:00"
        ) from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def is_clock(entry: Any) -> bool:
    """Whether a time stamp is one of a calendar, not a plain number."""
    try:
        float(entry)
    except (TypeError, ValueError):
        return True
    return False


def to_text(seconds: float, clock: bool) -> str | float:
    """As it would stand in a file."""
    if not clock:
        return int(seconds) if seconds == int(seconds) else seconds
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return when.strftime("%Y-%m-%d" if seconds % 86400 == 0 else "%Y-%m-%d %H:%M:%S")


def usual_step(times: Sequence[Sequence[float]]) -> float:
    """The commonest step between neighbours; 1 where there are none."""
    steps = Counter(round(b - a, 6) for row in times for a, b in pairwise(row))
    return steps.most_common(1)[0][0] if steps else 1.0


def check_order(times: Sequence[float], places: Sequence[Place], clock: bool) -> None:
    """Fault unless time stamps rise."""
    stamps = {times[0]} if times else set()
    for prev, now, place in zip(times, times[1:], places[1:], strict=False):
        if now in stamps:
            raise Fault(f"{place}: time stamp {to_text(now, clock)} found twice: remove one of the rows")
        if now < prev:
            raise Fault(
                f"{place}: time stamp {to_text(now, clock)} found after {to_text(prev, clock)}: "
                f"sort the rows by time"
            )
        stamps.add(now)


def pieces(
    times: Sequence[float], places: Sequence[Place], step: float, gaps: Gaps, clock: bool
) -> list[tuple[int, int]]:
    """Where runs of regular steps begin and end; one run where irregular steps are allowed."""
    if gaps == "allow":
        return [(0, len(times))]
    cuts = [0]
    for k in range(1, len(times)):
        gap = times[k] - times[k - 1]
        if abs(gap - step) <= 1e-6 * abs(step):
            continue
        if gaps == "fault":
            raise Fault(
                f"{places[k]}: time stamp {to_text(times[k], clock)} found after "
                f"{to_text(times[k - 1], clock)}, expected {to_text(times[k - 1] + step, clock)}: "
                f"{_missing(gap, step)}; add the rows, or set gaps = 'split' to begin anew there, or "
                f"'allow' to take rows as evenly spaced"
            )
        cuts.append(k)
    return list(zip(cuts, [*cuts[1:], len(times)], strict=True))


def calendar(times: Sequence[float], cycles: Sequence[str]) -> Tensor:
    """`[T, 2 * cycles]` float32: sine and cosine of how far each time (in seconds) is in each cycle."""
    columns = []
    for name in cycles:
        if name not in CYCLES:
            raise Fault(f"no cycle is called {name!r}{nearest(name, CYCLES)}")
        far, length = CYCLES[name]
        at = [datetime.fromtimestamp(t, UTC) for t in times]
        angle = torch.tensor([2 * math.pi * far(t) / length for t in at], dtype=torch.float64)
        columns += [angle.sin(), angle.cos()]
    return torch.stack(columns, 1).float() if columns else torch.zeros(len(times), 0)


def _missing(gap: float, step: float) -> str:
    count = round(gap / step) - 1
    if count < 1 or abs(gap - (count + 1) * step) > 1e-6 * abs(step):
        return "it does not fit the steps of the others"
    return "1 time stamp is missing" if count == 1 else f"{count} time stamps are missing"
